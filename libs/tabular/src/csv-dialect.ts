// How a CSV file is written, found out from its beginning: line ends, and the delimiter among comma, semicolon, tab and
// pipe. The delimiter is the one under which the header names most of the columns that are looked for; between equals
// the one whose rows agree best in their number of fields, then the one that makes more fields, then the order above.
// Excel's first line "sep=;" decides before all that.

import { CsvReader, type CsvRow } from './csv-reader.js';

export interface CsvDialect {
  delimiter: string;
  lineEnd: '\n' | '\r';
}

export const DELIMITERS = [',', ';', '\t', '|'] as const;
/** Rows looked at. */
const ROWS_MAX = 200;
const SEPARATOR_LINE = /^\uFEFF?sep=(.)\r?$/i;

/** `known`: names of columns that the header may have; `isWhole`: the sample is all of the file. */
export function findDialect(sample: string, known: readonly string[], isWhole: boolean): CsvDialect {
  const lineEnd = sample.includes('\n') || !sample.includes('\r') ? '\n' : '\r';
  const declared = SEPARATOR_LINE.exec(sample.slice(0, sample.indexOf(lineEnd)))?.[1];
  if (declared !== undefined) return { delimiter: declared, lineEnd };
  const wanted = new Set(known);
  let best: { delimiter: string; score: readonly number[] } | null = null;
  for (const delimiter of DELIMITERS) {
    const score = scoreOf(sample, { delimiter, lineEnd }, wanted, isWhole);
    if (best === null || isHigher(score, best.score)) best = { delimiter, score };
  }
  return { delimiter: best?.delimiter ?? ',', lineEnd };
}

/** Names found, share of rows as wide as the header (0 for a single column), fields of the header. */
function scoreOf(sample: string, dialect: CsvDialect, wanted: ReadonlySet<string>, isWhole: boolean): number[] {
  const rows: CsvRow[] = [];
  const reader = new CsvReader((row) => {
    if (rows.length < ROWS_MAX) rows.push(row);
  }, dialect);
  reader.push(sample);
  if (isWhole || reader.header === null) reader.end();
  if (reader.headerFault !== null) return [0, 0, 0];
  const header = reader.header ?? [];
  const found = new Set(header.filter((name) => wanted.has(name))).size;
  const fitting = rows.filter(({ fault }) => fault === null).length;
  const share = header.length < 2 ? 0 : rows.length === 0 ? 1 : fitting / rows.length;
  return [found, share, header.length];
}

function isHigher(a: readonly number[], b: readonly number[]): boolean {
  for (let i = 0; i < a.length; i++) {
    if (a[i] !== b[i]) return (a[i] as number) > (b[i] as number);
  }
  return false;
}
