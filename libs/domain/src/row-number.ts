// How people are told of a row, everywhere: the first row of data is row 1, whether it is a row of a file (whose header
// is none), of a request or of a dataset version. In code, rows count from 0 and are called an index or a place.

/** Of the row at `index`, which counts from 0. */
export const rowNumber = (index: number): number => index + 1;

/** "row 3: …", "input 'a' row 3 is …", "the answer is refused: row 3: …", as faults of a request name their row. */
const NAMED = /(^|: |' )row (\d+)(: | )/;

/** The fault of a part in the numbers of the whole: `before` rows come ahead of the part. */
export function rowOfWhole(fault: string, before: number): string {
  return fault.replace(NAMED, (_, ahead, row, behind) => `${ahead}row ${Number(row) + before}${behind}`);
}

/** The index of the row that a fault names; undefined where it names none. */
export function indexNamed(fault: string): number | undefined {
  const row = NAMED.exec(fault)?.[2];
  return row === undefined ? undefined : Number(row) - 1;
}

/** The fault without its row, for those who name the row themselves. */
export function withoutRow(fault: string): string {
  return fault.replace(NAMED, (_, ahead: string) => ahead);
}
