// Rows of a file of labels, some at a time: CSV and TSV as texts, read as ingest reads them, Parquet with its values as
// texts, NDJSON and JSON lists as they are (label-lines.fs.ts). A row that cannot be read is a BrokenRow in its place.
// Memory is bounded by a chunk.

import { extname } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { PlatformError } from '@millrace/domain';
import { checkFile } from '@millrace/files';
import { type CsvTerms, parquetFile } from '@millrace/tabular';
import { openCsv } from '../tables/csv-table.fs.js';
import { BrokenRow } from './broken-row.js';
import { jsonRows, type LabelRows } from './label-lines.fs.js';

export async function* labelRows(
  path: string,
  terms: CsvTerms = {},
  warn: (text: string) => void = () => undefined,
): AsyncIterable<LabelRows> {
  checkFile(path);
  const kind = extname(path).toLowerCase();
  const isCsv = ['.csv', '.tsv'].includes(kind);
  const isParquet = ['.parquet', '.pq'].includes(kind);
  const idle = [
    ...(terms.delimiter !== undefined && !isCsv ? ['--delimiter'] : []),
    ...(terms.encoding !== undefined && isParquet ? ['--encoding'] : []),
  ];
  if (idle.length > 0)
    throw new PlatformError(
      'invalid_argument',
      `${path}: ${idle.join(', ')} does not go with a ${kind} file: leave it out`,
    );
  if (isCsv) yield* csvRows(path, terms, warn);
  else if (isParquet) yield* tableRows(path, parquetFile(path));
  else if (['.ndjson', '.jsonl', '.json'].includes(kind)) yield* jsonRows(path, terms, warn);
  else throw new PlatformError('invalid_argument', `${path}: name a .csv, .tsv, .parquet, .ndjson or .json file`);
}

async function* csvRows(path: string, terms: CsvTerms, warn: (text: string) => void): AsyncIterable<LabelRows> {
  const { header, warnings, pieces } = await openCsv(path, terms);
  for (const warning of warnings) warn(warning);
  // What stands behind the last delimiter of a line is no column.
  const places = header.flatMap((name, i) => (name === '' ? [] : [i]));
  const columns = places.map((place) => header[place] as string);
  for await (const rows of pieces()) {
    yield {
      columns,
      rows: rows.map(({ line, fields, fault }) =>
        fault === null
          ? Object.fromEntries(places.map((place) => [header[place], fields[place] ?? null]))
          : new BrokenRow(`line ${line}: ${fault}`),
      ),
    };
  }
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
