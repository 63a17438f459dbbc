// A project may call a column as DuckDB calls the number of a row: its files are imported and get late labels.

import { mkdtempSync, rmSync } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DatasetVersion } from '@millrace/contracts';
import { parseProject } from '@millrace/project';
import { ParquetSource } from '../imports/parquet-source.duckdb.js';
import { compileSchema } from '../schema/record-schema.js';
import type { DuckDbSegmentFiles } from './segment-files.duckdb.js';
import { DuckDbSpanMerger } from './span-merge.duckdb.js';

const folder = mkdtempSync(join(tmpdir(), 'millrace-numbered-'));
let instance: DuckDBInstance;
let connection: DuckDBConnection;
beforeAll(async () => {
  instance = await DuckDBInstance.create(':memory:', { threads: '1' });
  connection = await instance.connect();
});
afterAll(() => {
  connection.closeSync();
  instance.closeSync();
  rmSync(folder, { recursive: true, force: true });
});

// "known" is a word of the query that joins late labels.
const schemaWith = (name: string) => {
  const parsed = parseProject(
    `name: p
data:
  columns:
    - { name: ${name}, type: number }
    - { name: known, type: text }
    - { name: y, type: number, outcome: true }
  label: { name: l, column: y, operation: gt, value: 0 }
features: [{ name: ${name}, kind: numeric }]
`,
    'p',
  );
  if (parsed.kind !== 'ok') throw new Error(JSON.stringify(parsed.faults));
  return compileSchema(parsed.project, () => 'hash');
};

async function written(name: string, sql: string): Promise<string> {
  const path = join(folder, name);
  await connection.run(`COPY (${sql}) TO '${path}' (FORMAT parquet)`);
  return path;
}

describe.each(['file_row_number', 'File_Row_Number', 'x'])('a column called %s', (name) => {
  const schema = schemaWith(name);

  it('is read of a Parquet file, with the numbers of its rows', async () => {
    const path = await written(
      'a.parquet',
      `SELECT (7 * i)::DOUBLE AS "${name}", 'k' || i AS known, 1.0 AS y FROM range(5000) r(i)`,
    );
    const settings = { memoryMax: '256MB', threads: 2, scratch: folder };
    const source = await ParquetSource.open({ path, name: 'a', sha256: 'f' }, schema, { kind: 'number' }, settings);
    expect(await source.rowsBetween(Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER)).toEqual({
      ...{ kind: 'run', first: 0, count: 5_000 },
    });
    const rows: unknown[] = [];
    for await (const chunk of source.read(2_000, 4_999))
      for (let row = 0; row < chunk.rows; row++)
        rows.push([chunk.rowNumber(row), chunk.value(row, 0), chunk.value(row, 1)]);
    await source.close();
    expect(rows).toEqual(Array.from({ length: 3_000 }, (_, i) => [2_000 + i, 7 * (2_000 + i), `k${2_000 + i}`]));
  });

  it('stays in a version that late labels are joined to, its rows in order', async () => {
    const parquetPath = await written(
      'v.parquet',
      `SELECT 'r' || (9 - i) AS "@record_id", '' AS "@entity", i::BIGINT AS "@event_time_ms", NULL::DOUBLE AS "@label",
         (7 * i)::DOUBLE AS "${name}", 'k' || i AS known FROM range(3) r(i)`,
    );
    const labels = await written(
      'l.parquet',
      `SELECT 'r8' AS "@record_id", 5.0::DOUBLE AS "@known_at_ms", 1.0::DOUBLE AS "@label"`,
    );
    const kept = join(folder, 'kept.parquet');
    const store = {
      localFile: async (path: string) => path,
      place: async (_project: string, _id: string, file: string) => {
        await copyFile(file, kept);
        return { parquetPath: kept, parquetSha256: 'x' };
      },
    };
    const segments = { paths: async () => `read_parquet('${labels}')` } as unknown as DuckDbSegmentFiles;
    const merger = new DuckDbSpanMerger(instance, segments, store, folder);
    const version = { parquetPath, parquetSha256: '', schemaHash: schema.hash, labelRule: '' } as DatasetVersion;
    expect(await merger.refresh(schema, version, [{} as never], [])).toMatchObject({ rows: 3, labelledRows: 1 });
    const reader = await connection.runAndReadAll(`SELECT "@record_id", "@label", "${name}", known FROM '${kept}'`);
    expect(reader.getRows()).toEqual([
      ['r9', null, 0, 'k0'],
      ['r8', 1, 7, 'k1'],
      ['r7', null, 14, 'k2'],
    ]);
  });
});
