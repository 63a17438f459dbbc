// Rows of a file of labels, some at a time: CSV and TSV as texts, Parquet with its values as texts, NDJSON and
// JSON lists as they are (label-lines.fs.ts). Memory is bounded by a chunk.

import { existsSync } from 'node:fs';
import { extname } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { PlatformError } from '@millrace/domain';
import { jsonRows, type LabelRows } from './label-lines.fs.js';

const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`;

export async function* labelRows(path: string): AsyncIterable<LabelRows> {
  if (!existsSync(path)) throw new PlatformError('not_found', `there is no file ${path}`);
  const kind = extname(path).toLowerCase();
  if (['.csv', '.tsv'].includes(kind))
    yield* tableRows(path, `read_csv(${literal(path)}, all_varchar = true, header = true)`);
  else if (['.parquet', '.pq'].includes(kind)) yield* tableRows(path, `read_parquet(${literal(path)})`);
  else if (['.ndjson', '.jsonl', '.json'].includes(kind)) yield* jsonRows(path);
  else throw new PlatformError('invalid_argument', `${path}: name a .csv, .tsv, .parquet, .ndjson or .json file`);
}

async function* tableRows(path: string, relation: string): AsyncIterable<LabelRows> {
  const instance = await DuckDBInstance.create(':memory:', { threads: '1' });
  const connection = await instance.connect();
  try {
    const result = await connection.stream(`SELECT COLUMNS(*)::VARCHAR FROM ${relation}`);
    const columns = result.columnNames();
    for (
      let chunk = await result.fetchChunk();
      chunk !== null && chunk.rowCount > 0;
      chunk = await result.fetchChunk()
    ) {
      yield {
        columns,
        rows: chunk.getRows().map((row) => Object.fromEntries(columns.map((name, c) => [name, row[c]]))),
      };
    }
  } catch (thrown) {
    if (thrown instanceof PlatformError) throw thrown;
    const reason = (thrown as Error).message.split('\n')[0];
    throw new PlatformError('invalid_argument', `${path}: ${reason}`, { cause: thrown });
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}
