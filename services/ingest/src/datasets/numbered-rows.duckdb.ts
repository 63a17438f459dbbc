// The rows of a Parquet file with their numbers, from 0. DuckDB numbers them in a column of its own name, and reads no
// file so that has a column of that name: there they are counted as they are read.

import { literal, quoted } from './version-file.duckdb.js';

const OWN_NUMBER = 'file_row_number';

export interface NumberedRows {
  /** For FROM. */
  readonly table: string;
  /** Expression of a row's number. */
  readonly row: string;
  /** Rows of a range are found without reading those before. */
  readonly isQuick: boolean;
}

/** @param columns of the file; DuckDB does not tell their cases apart */
export function numberedRows(path: string, columns: Iterable<string>): NumberedRows {
  const file = literal(path);
  const isTaken = [...columns].some((name) => name.toLowerCase() === OWN_NUMBER);
  if (!isTaken) return { table: `read_parquet(${file}, file_row_number = true)`, row: OWN_NUMBER, isQuick: true };
  const row = quoted('@row');
  const table = `(SELECT *, row_number() OVER () - 1 AS ${row} FROM read_parquet(${file}))`;
  return { table, row, isQuick: false };
}
