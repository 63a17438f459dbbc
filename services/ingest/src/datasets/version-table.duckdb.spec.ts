import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type ArtifactStore, openArtifactStore } from '@millrace/artifacts';
import { ManualClock, type Scalar, seededRng } from '@millrace/domain';
import { parseProject } from '@millrace/project';
import { compileSchema } from '../schema/record-schema.js';
import { CanonicalHash } from './canonical.js';
import { DatasetIndex } from './dataset-index.js';
import { VersionCloser } from './version-closer.js';
import { versionFiles } from './version-files.fs.js';
import { DuckDbVersionTables } from './version-table.duckdb.js';
import type { TableRows } from './version-table.js';

const parsed = parseProject(
  `name: p
data:
  entity: entity
  eventTime: event_time_ms
  columns:
    - { name: event_time_ms, type: timestamp, required: true }
    - { name: entity, type: text, required: true }
    - { name: "select", type: number }
    - { name: label, type: integer }
    - { name: record_id, type: boolean }
    - { name: y, type: number, outcome: true }
  label: { name: l, column: y, operation: gt, value: 0 }
features: [{ name: label, kind: numeric }]
`,
  'p',
);
if (parsed.kind !== 'ok') throw new Error(JSON.stringify(parsed.faults));
const schema = compileSchema(parsed.project, (text) => createHash('sha256').update(text).digest('hex'));

interface Row {
  id: string;
  at: number;
  label: number;
  values: Scalar[];
}

const ROWS: Row[] = Array.from({ length: 5_000 }, (_, i) => {
  const at = 1_000_000 + ((i * 37) % 900);
  return {
    id: i % 50 === 0 ? `é😀${i}` : `r${i}`,
    at,
    label: i % 3 === 0 ? Number.NaN : i % 2,
    values: [
      at,
      `w${i % 9}`,
      i % 11 === 0 ? null : i / 3,
      i % 13 === 0 ? null : i - 2_000,
      i % 17 === 0 ? null : i % 2 === 0,
    ],
  };
});

function columns(rows: readonly Row[]): TableRows {
  return {
    recordIds: rows.map((row) => row.id),
    entities: rows.map((row) => row.values[1] as string),
    eventTimeMs: rows.map((row) => row.at),
    labels: rows.map((row) => row.label),
    columns: [0, 1, 2, 3, 4].map((index) => rows.map((row) => row.values[index] as Scalar)),
  };
}

let home: string;
let store: ArtifactStore;
let tables: DuckDbVersionTables;

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'millrace-tables-'));
  store = openArtifactStore({ home });
  tables = await DuckDbVersionTables.open(
    { scratch: join(home, 'scratch'), memoryMax: '128MB', threads: 2 },
    versionFiles(store, { find: () => null }),
  );
});

afterAll(async () => {
  tables.close();
  await rm(home, { recursive: true, force: true });
});

async function write(rows: readonly Row[], batch: number) {
  const table = await tables.create(schema);
  for (let from = 0; from < rows.length; from += batch) await table.append(columns(rows.slice(from, from + batch)));
  const written = await table.write();
  await table.drop();
  return written;
}

// The columns are called as 0.1.0's files called their own, and one as a word of SQL.
describe('version tables', () => {
  it('give the id of the pure definition, whatever the order and the batches', async () => {
    const shuffled = [...ROWS];
    const order = Uint32Array.from(ROWS, (_, i) => i);
    seededRng(5).shuffle(order);
    order.forEach((from, to) => {
      shuffled[to] = ROWS[from] as Row;
    });
    const sha256 = createHash('sha256');
    const pure = new CanonicalHash(
      { update: (bytes) => sha256.update(bytes), hex: () => sha256.digest('hex') },
      schema.hash,
    );
    for (const row of [...ROWS].sort((a, b) => a.at - b.at || Buffer.compare(Buffer.from(a.id), Buffer.from(b.id)))) {
      pure.row(row.id, row.values[1] as string, row.at);
      for (const value of [Number.isNaN(row.label) ? null : row.label, ...row.values]) pure.value(value);
    }
    const id = pure.hex();
    const first = await write(ROWS, 1_000);
    expect(first).toMatchObject({
      id,
      rows: 5_000,
      duplicates: 0,
      labelledRows: 3_333,
      eventTimeFromMs: 1_000_000,
      eventTimeToMs: 1_000_899,
    });
    expect((await write(shuffled, 777))?.id).toBe(id);
    expect(await store.sha256(first?.parquetPath ?? '')).toBe(first?.parquetSha256);
  });

  it('keep the first of rows with one id', async () => {
    const again = { ...(ROWS[3] as Row), label: 1, values: [1, 'other', 1, 1, true] };
    const written = await write([...ROWS, again], 512);
    expect(written?.duplicates).toBe(1);
    expect(written?.id).toBe((await write(ROWS, 4_999))?.id);
  });

  it('tell of an import how many rows repeat an id', async () => {
    const table = await tables.create(schema);
    await table.append(columns([...ROWS.slice(0, 5), ROWS[3] as Row, ROWS[4] as Row]));
    const closer = new VersionCloser({} as never, new DatasetIndex(() => 0), new ManualClock(1));
    const frame = { kind: 'import', source: 'upload:a.csv', offsets: [], windowStartMs: 0, windowEndMs: 0 } as const;
    expect(await closer.written(schema, table, frame)).toMatchObject({ rows: 5, repeatedRows: 2 });
  });

  it('take rows and files in the order in which they come', async () => {
    const staged = async (rows: readonly Row[]) => {
      const file = join(home, `rows${rows[0]?.id}.parquet`);
      const connection = await tables.instance.connect();
      const values = rows.map(({ id, at, label, values: [time, who, size, count, flag] }) => {
        const own = `('${id}', '${who}', ${at}::DOUBLE, ${Number.isNaN(label) ? 'NULL' : label}::DOUBLE`;
        return `${own}, ${time}::DOUBLE, '${who}', ${size}::DOUBLE, ${count}::DOUBLE, ${flag}::BOOLEAN)`;
      });
      const names = Array.from({ length: 9 }, (_, place) => `c${place}`).join(', ');
      await connection.run(
        `COPY (SELECT * FROM (VALUES ${values.join(', ')}) t(${names})) TO '${file}' (FORMAT parquet)`,
      );
      connection.closeSync();
      return { bytes: await readFile(file), rows: rows.length };
    };
    const again = { ...(ROWS[3] as Row), label: 1, values: [1, 'other', 1, 1, true] };
    const table = await tables.create(schema);
    await table.append(columns(ROWS.slice(0, 2)));
    await table.appendParquet(await staged(ROWS.slice(2, 400)));
    await table.appendParquet(await staged([...ROWS.slice(400, 800), again]));
    await table.append(columns([again, ...ROWS.slice(800)]));
    const written = await table.write();
    await table.drop();
    expect(written).toMatchObject({ id: (await write(ROWS, 4_999))?.id, rows: 5_000, duplicates: 2 });
    expect((await readdir(join(home, 'scratch'))).filter((name) => name.startsWith('staged'))).toEqual([]);
  });

  it('do not keep the rows of a large import in memory', async () => {
    const table = await tables.create(schema);
    const many = Array.from({ length: 30 }, (_, part) => ROWS.map((row) => ({ ...row, id: `${part}/${row.id}` })));
    for (const rows of many) await table.append(columns(rows));
    expect((await readdir(join(home, 'scratch'))).filter((name) => name.startsWith('staged'))).toHaveLength(1);
    expect(await table.write()).toMatchObject({ rows: 150_000, duplicates: 0 });
    await table.drop();
  });

  it('make no version where some rows were not taken in', async () => {
    const table = await tables.create(schema);
    await table.append(columns(ROWS));
    await expect(table.appendParquet({ bytes: Buffer.from('PAR1'), rows: 1 })).rejects.toThrow();
    await table.append(columns(ROWS));
    await expect(table.write()).rejects.toThrow();
    await table.drop();
  });

  it('give nothing for no rows', async () => {
    expect(await write([], 10)).toBeNull();
  });
});

it('keeps nothing in memory of the files that it has read', async () => {
  const written = await write(ROWS, 1_000);
  const connection = await tables.instance.connect();
  try {
    const file = await store.localFile(written?.parquetPath ?? '');
    await connection.run(`SELECT count(DISTINCT "@record_id") FROM read_parquet('${file}')`);
    const held = await connection.runAndReadAll('SELECT tag FROM duckdb_memory() WHERE memory_usage_bytes > 100000');
    expect(held.getRows()).toEqual([]);
  } finally {
    connection.closeSync();
  }
});
