// What an import reads from: a file as chunks of raw rows in file order, and which of its rows lie in an event-time
// range.

export interface SourceChunk {
  readonly rows: number;
  /** Number of the row in the file, from 0. */
  rowNumber(row: number): number;
  /** Raw value of a project column by its position; null = missing. */
  value(row: number, column: number): unknown;
  /** The row number, or the value of the column that identifies a row (empty where it has none). */
  recordId(row: number): string;
  /** A fault of the file's own format (a CSV row with too few fields), or null. */
  fault(row: number): string | null;
  /** The row as it stands in the file, for the dead letter. */
  original(row: number): Uint8Array;
}

export interface RowSource {
  /**
   * Ascending numbers of the rows with fromMs <= event time < toMs; rows without a readable time are not among them.
   */
  rowsBetween(fromMs: number, toMs: number): Promise<RowRange>;
  /** Chunks that hold the rows from `first` to `last` (and maybe others), ascending. */
  read(first: number, last: number): AsyncIterable<SourceChunk>;
  close(): Promise<void>;
}

/** A run of rows, or their numbers where they do not follow one another. */
export type RowRange = { kind: 'run'; first: number; count: number } | { kind: 'list'; rows: Uint32Array };
