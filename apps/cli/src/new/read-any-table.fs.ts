// Reads a file as what it is: CSV, NDJSON or Parquet.

import { basename } from 'node:path';
import { firstBytesOf } from '@millrace/files';
import type { TimeFormat } from '@millrace/project';
import { csvTerms, formatOf } from '@millrace/tabular';
import type { ReadTable } from './read-table.js';
import { ROWS_MAX, readCsv, readNdjson } from './read-text-table.fs.js';

export interface ReadWishes {
  delimiter?: string;
  decimal?: string;
  encoding?: string;
  dateFormat?: TimeFormat;
}

export async function readTable(path: string, { dateFormat, ...said }: ReadWishes): Promise<ReadTable> {
  const terms = csvTerms(said);
  const format = formatOf(basename(path), await firstBytesOf({ path, name: path }));
  if (format === 'parquet') {
    const { readParquet } = await import('./read-parquet.duckdb.js');
    return readParquet(path, ROWS_MAX, dateFormat);
  }
  return format === 'csv' ? readCsv(path, terms, dateFormat) : readNdjson(path, terms, dateFormat);
}
