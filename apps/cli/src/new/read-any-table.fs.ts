// Reads a file as what it is: CSV, NDJSON or Parquet.

import { open } from 'node:fs/promises';
import { basename } from 'node:path';
import { PlatformError } from '@millrace/domain';
import { formatOf } from '@millrace/tabular';
import { importTerms } from '../ingest/import-report.js';
import type { ReadTable } from './read-table.js';
import { ROWS_MAX, readCsv, readNdjson } from './read-text-table.fs.js';

/** Enough to tell a format. */
const FIRST_BYTES = 512;

export async function readTable(path: string, options: { delimiter?: string; encoding?: string }): Promise<ReadTable> {
  const terms = importTerms(options).csv ?? {};
  const format = formatOf(basename(path), await firstBytes(path));
  if (format === 'parquet') {
    const { readParquet } = await import('./read-parquet.duckdb.js');
    return readParquet(path, ROWS_MAX);
  }
  return format === 'csv' ? readCsv(path, terms) : readNdjson(path, terms);
}

async function firstBytes(path: string): Promise<Uint8Array> {
  try {
    const handle = await open(path, 'r');
    try {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(FIRST_BYTES), 0, FIRST_BYTES, 0);
      return buffer.subarray(0, bytesRead);
    } finally {
      await handle.close();
    }
  } catch (thrown) {
    const { code, message } = thrown as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw new PlatformError('invalid_argument', `there is no file ${path}`);
    throw new PlatformError('invalid_argument', `cannot read ${path}: ${message}`, { cause: thrown });
  }
}
