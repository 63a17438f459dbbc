// Raw values by column. A missing value is null or NaN. Typed arrays and plain arrays are both fine.

/** One raw column: numbers (timestamps in milliseconds), texts or booleans. */
export type RawColumn = ArrayLike<number | string | boolean | null>;

export type RawColumns = Readonly<Record<string, RawColumn>>;

export type RawValue = number | string | boolean | null | undefined;

export function isMissing(value: RawValue): value is null | undefined {
  return value === null || value === undefined || (typeof value === 'number' && Number.isNaN(value));
}

/** Row count shared by all named columns; throws where a column is absent or the lengths differ. */
export function rowCount(columns: RawColumns, names: readonly string[]): number {
  let rows = -1;
  for (const name of names) {
    const column = columns[name];
    if (column === undefined) throw new Error(`column "${name}" is not there`);
    if (rows >= 0 && column.length !== rows)
      throw new Error(`column "${name}" has ${column.length} rows, others ${rows}`);
    rows = column.length;
  }
  return Math.max(rows, 0);
}
