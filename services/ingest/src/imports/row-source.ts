// What an import reads from: a file as chunks of raw rows in file order, and which of its rows lie in an event-time
// range.

import { ID_KEYS } from '@millrace/project';
import type { TableFormat, TextEncoding } from '@millrace/tabular';
import type { RecordSchema } from '../schema/record-schema.js';

/** What a caller says about a file; what is left open is found out. */
export interface FileTerms {
  format?: TableFormat;
  csv?: { delimiter?: string; decimal?: '.' | ','; encoding?: TextEncoding };
}

/** A file that may be read: checked and resolved. */
export interface ImportFile {
  path: string;
  /** For messages. */
  name: string;
  /** Null = not known yet. */
  sha256: string | null;
}

/** Where the ids of rows come from. */
export type RowIds =
  /** The number of the row, from 0. */
  | { kind: 'number' }
  /** A column that every row must fill. */
  | { kind: 'column'; name: string }
  /**
   * `recordId` or `record_id` of the row where it has one and the project no such column; else the file's hash and the
   * row from 1.
   */
  | { kind: 'file' };

/** Columns that carry a row's own id where nothing else is declared. */
export function ownIdColumns(schema: RecordSchema): string[] {
  return ID_KEYS.filter((name) => !schema.indexOf.has(name));
}

/** How a file was read, and what may be otherwise. */
export interface SourceFacts {
  format: TableFormat;
  csv?: { delimiter: string; decimal: '.' | ','; encoding: TextEncoding };
  warnings: readonly string[];
}

export interface SourceChunk {
  readonly rows: number;
  /** Number of the row in the file, from 0. */
  rowNumber(row: number): number;
  /** Raw value of a project column by its position; null = missing. */
  value(row: number, column: number): unknown;
  recordId(row: number): string;
  /** A fault of the file's own format (a CSV row with too few fields), or null. */
  fault(row: number): string | null;
  /** The row for its dead letter: JSON that a redrive reads, or the text of a row with a fault. */
  original(row: number): Uint8Array;
}

export interface RowSource {
  readonly facts: SourceFacts;
  /** Ascending numbers of the rows with fromMs <= event time < toMs, and of those whose time nobody can read. */
  rowsBetween(fromMs: number, toMs: number): Promise<RowRange>;
  /** Chunks that hold the rows from `first` to `last` (and maybe others), ascending. */
  read(first: number, last: number): AsyncIterable<SourceChunk>;
  /** Null, or none: its rows are checked one by one. */
  columnar?(nowMs: number): ColumnarRows | null;
  close(): Promise<void>;
}

/** Rows of a file whose columns are checked and written as columns. */
export interface ColumnarRows {
  /** Numbers of the runs of `runRows` rows from `first` on that hold a row which may be bad, ascending. */
  doubtfulRuns(first: number, last: number, runRows: number): Promise<ReadonlySet<number>>;
  /** The rows from `first` to `last`, which are good, as a Parquet file of staged rows (libs/contracts ParquetRows). */
  parquet(first: number, last: number): Promise<Uint8Array>;
}

/** A run of rows, or their numbers where they do not follow one another. */
export type RowRange = { kind: 'run'; first: number; count: number } | { kind: 'list'; rows: Uint32Array };
