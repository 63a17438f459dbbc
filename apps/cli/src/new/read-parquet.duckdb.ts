// A Parquet file as a profile of its columns, read as ingest will read it, up to ROWS_MAX rows: times as ISO texts,
// lists and structures as objects, which no column can hold.

import { DuckDBInstance, type DuckDBValue } from '@duckdb/node-api';
import { PlatformError } from '@millrace/domain';
import { TableProfiler, type TimeFormat } from '@millrace/project';
import { parquetFile } from '@millrace/tabular';
import type { ReadTable } from './read-table.js';

const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;
const FIRST_RECORDS = 100;
const MEMORY_MAX = '512MB';

function expression(name: string, type: string): string {
  const column = quoted(name);
  if (/^(TIMESTAMP|DATE)/.test(type)) return `strftime(make_timestamp(epoch_us(${column})), '%Y-%m-%dT%H:%M:%S.%gZ')`;
  if (/^(FLOAT|DOUBLE|DECIMAL)/.test(type)) return `${column}::DOUBLE`;
  if (/^U?(TINYINT|SMALLINT|INTEGER|BIGINT|HUGEINT)$/.test(type)) return column;
  if (type === 'BOOLEAN') return column;
  return /(\[|STRUCT|MAP|UNION|BLOB)/.test(type) ? `[${column}]` : `${column}::VARCHAR`;
}

export async function readParquet(
  path: string,
  rowsMax: number,
  dateFormat: TimeFormat | undefined,
): Promise<ReadTable> {
  const instance = await DuckDBInstance.create(':memory:', { threads: '1', memory_limit: MEMORY_MAX });
  const connection = await instance.connect();
  const relation = parquetFile(path);
  try {
    const described = (await connection.runAndReadAll(`DESCRIBE SELECT * FROM ${relation}`)).getRows();
    const names = described.map(([name]) => String(name));
    const selected = described.map(([name, type]) => expression(String(name), String(type)));
    const table = new TableProfiler('typed', names, { dateFormat });
    const records: Record<string, unknown>[] = [];
    let rows = 0;
    const result = await connection.stream(`SELECT ${selected.join(', ')} FROM ${relation} LIMIT ${rowsMax + 1}`);
    for (
      let chunk = await result.fetchChunk();
      chunk !== null && chunk.rowCount > 0 && rows <= rowsMax;
      chunk = await result.fetchChunk()
    ) {
      const columns = chunk.getColumns();
      for (let row = 0; row < chunk.rowCount && rows <= rowsMax; row++) {
        rows += 1;
        if (rows > rowsMax) break;
        const values = columns.map((column) => plain(column[row] ?? null));
        table.takeRow(values);
        if (records.length < FIRST_RECORDS) records.push(Object.fromEntries(names.map((name, i) => [name, values[i]])));
      }
    }
    return { profile: table.profile(), records, warnings: [], isAll: rows <= rowsMax };
  } catch (thrown) {
    throw new PlatformError('invalid_argument', `${path}: ${(thrown as Error).message.split('\n')[0]}`, {
      cause: thrown,
    });
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

function plain(value: DuckDBValue): unknown {
  if (typeof value !== 'bigint') return value;
  return Number.isSafeInteger(Number(value)) ? Number(value) : value;
}
