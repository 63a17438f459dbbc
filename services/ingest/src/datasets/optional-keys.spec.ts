// From raw records and rows of an import to the file of a dataset version, for each combination of the keys that a
// project may lack: what a record is called, whose it is and when it was.

import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type ArtifactStore, openArtifactStore } from '@millrace/artifacts';
import { DATASET_COLUMNS as own, type RecordBatch } from '@millrace/contracts';
import { ManualClock, type Scalar } from '@millrace/domain';
import { parseProject } from '@millrace/project';
import { namesOf, OPTIONAL_KEYS, type OptionalKeys, projectTextWith } from '@millrace/testing';
import { recordsTaken } from '../../test/records-taken.js';
import { ALL_ROWS, ImportRun } from '../imports/import-run.js';
import type { RowSource, SourceChunk } from '../imports/row-source.js';
import { recordFromLine } from '../records/record-input.js';
import { compileSchema, type RecordSchema } from '../schema/record-schema.js';
import { tableRows } from './import-stream.js';
import { versionFiles } from './version-files.fs.js';
import { DuckDbVersionTables } from './version-table.duckdb.js';

const sha256 = (bytes: Uint8Array | string) => createHash('sha256').update(bytes).digest('hex');
const ARRIVED_MS = Date.UTC(2024, 5, 1, 12);
const AT_MS = Date.UTC(2024, 0, 1);
/** Beyond 2^53, and not what a double makes of it. */
const BIG_ID = '9007199254740993';
const NONE: OptionalKeys = { recordId: false, entity: false, eventTime: false, label: false };

function schemaWith(keys: OptionalKeys): RecordSchema {
  const parsed = parseProject(projectTextWith(keys), 'project.yaml');
  if (parsed.kind !== 'ok') throw new Error(JSON.stringify(parsed.faults));
  return compileSchema(parsed.project, sha256);
}

const live = (schema: RecordSchema, line: string, fallbackId = 'client/1') =>
  recordsTaken(schema, [recordFromLine(line, fallbackId, schema)], { source: 'http', nowMs: ARRIVED_MS });

/** Rows as a file has them: ids descend, so that the order of ids is not that of the rows. */
const ROWS = [30, 20, 10].map((id, i) => [id, `c${i}`, AT_MS - i * 1_000, i / 2, i % 2 === 0]);

class FileRows implements RowSource {
  readonly facts = { format: 'csv', warnings: [] } as const;

  async rowsBetween() {
    return { kind: 'run' as const, first: 0, count: ROWS.length };
  }

  async *read(): AsyncIterable<SourceChunk> {
    yield {
      rows: ROWS.length,
      rowNumber: (row) => row,
      value: (row, column) => (ROWS[row] as unknown[])[column],
      recordId: (row) => `file/${row + 1}`,
      fault: () => null,
      original: () => new Uint8Array(),
    };
  }

  async close() {}
}

let home: string;
let store: ArtifactStore;
let tables: DuckDbVersionTables;

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'millrace-keys-'));
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

async function importOnce(schema: RecordSchema, begunAtMs: number) {
  const batches: RecordBatch[] = [];
  const sink = { batch: async (batch: RecordBatch) => void batches.push(batch), deadLetters: async () => undefined };
  const settings = { rowsMax: 2, bytesMax: 1e6, inFlightMax: 1, runRows: 1_000 };
  const clock = new ManualClock(begunAtMs + 5_000);
  const run = new ImportRun(schema, 'import', 'file:s', sink, settings, clock, sha256, begunAtMs);
  await run.run([{ name: 'file:s', source: new FileRows(), choice: ALL_ROWS }]);
  const table = await tables.create(schema);
  for (const batch of batches) await table.append(tableRows(schema, batch));
  const written = await table.write();
  await table.drop();
  if (written === null) throw new Error('no rows');
  return written;
}

async function rowsOf(parquetPath: string): Promise<Record<string, unknown>[]> {
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  const path = await store.localFile(parquetPath);
  const reader = await connection.runAndReadAll(`SELECT * FROM read_parquet('${path}')`);
  const rows = reader.getRowObjects();
  connection.closeSync();
  return rows;
}

describe.each(OPTIONAL_KEYS.map((keys) => [namesOf(keys), keys] as const))('a project with %s', (_names, keys) => {
  const schema = schemaWith(keys);

  it('takes a live record', () => {
    const line = `{"id":7,"customer":"ann","at":${AT_MS},"amount":5,"paid":true}`;
    const { accepted, labels, rejections } = live(schema, line);
    expect(rejections).toEqual([]);
    const eventTimeMs = keys.eventTime ? AT_MS : ARRIVED_MS;
    const recordId = keys.recordId ? '7' : 'client/1';
    const entity = keys.entity ? 'ann' : '';
    expect(accepted[0]).toMatchObject({ recordId, entity, eventTimeMs, values: { id: 7, customer: 'ann' } });
    expect(labels).toHaveLength(keys.label ? 1 : 0);
    if (keys.label)
      expect(labels[0]).toMatchObject({ recordId, entity, eventTimeMs, knownAtMs: eventTimeMs + 3_600_000, value: 1 });
  });

  it('imports a file', async () => {
    const { id, rows, labelledRows, parquetPath } = await importOnce(schema, ARRIVED_MS);
    expect({ rows, labelledRows }).toEqual({ rows: 3, labelledRows: keys.label ? 3 : 0 });
    const written = await rowsOf(parquetPath);
    // In event-time order, which descends in the file; without one in the order of the file, all at one time.
    const order = keys.eventTime ? [2, 1, 0] : [0, 1, 2];
    expect(written.map((row) => row[own.recordId])).toEqual(
      order.map((i) => (keys.recordId ? String(ROWS[i]?.[0]) : `file/${i + 1}`)),
    );
    expect(written.map((row) => row[own.entity])).toEqual(order.map((i) => (keys.entity ? `c${i}` : '')));
    expect(written.map((row) => Number(row[own.eventTimeMs]))).toEqual(
      order.map((i) => (keys.eventTime ? AT_MS - i * 1_000 : ARRIVED_MS)),
    );
    expect(written.map((row) => row.id)).toEqual(order.map((i) => BigInt(ROWS[i]?.[0] as number)));
    // Begun again later the same rows are the same version, whatever time they have.
    expect((await importOnce(schema, ARRIVED_MS + 60_000)).id).toBe(id);
  });
});

describe('ids beyond 2^53', () => {
  const BIG_RECORD = `{"id":${BIG_ID},"customer":"ann","at":${AT_MS},"amount":1}`;

  it('keep their digits from JSON to the file, as record id and in their own column', async () => {
    const schema = schemaWith({ ...NONE, recordId: true });
    const { accepted, rejections } = live(schema, BIG_RECORD);
    expect(rejections).toEqual([]);
    expect(accepted[0]?.recordId).toBe(BIG_ID);
    const table = await tables.create(schema);
    const values = accepted[0]?.values as Record<string, Scalar>;
    await table.append({
      recordIds: [BIG_ID],
      entities: [''],
      eventTimeMs: [ARRIVED_MS],
      labels: [Number.NaN],
      columns: schema.stored.map((index) => [values[schema.columns[index]?.name ?? ''] ?? null]),
    });
    const written = await table.write();
    await table.drop();
    expect(await rowsOf(written?.parquetPath ?? '')).toMatchObject([{ [own.recordId]: BIG_ID, id: BigInt(BIG_ID) }]);
  });

  it('are refused where they name nothing, for a double would change them', () => {
    expect(live(schemaWith(NONE), BIG_RECORD).rejections[0]?.reasons[0]).toMatchObject({
      code: 'wrong_type',
      field: 'id',
      message: expect.stringContaining('beyond 2^53'),
    });
  });

  it.each([
    ['"9007199254740993"', BIG_ID],
    ['"007"', '7'],
    ['-9223372036854775808', '-9223372036854775808'],
  ])('are taken as %s', (json, id) => {
    const line = BIG_RECORD.replace(BIG_ID, json);
    expect(live(schemaWith({ ...NONE, recordId: true }), line).accepted[0]?.recordId).toBe(id);
  });

  it.each([
    ['9223372036854775808', 'beyond 64 bits'],
    ['"twelve"', 'not a whole number'],
    ['1.5', 'not a whole number'],
    ['true', 'not a number'],
  ])('are not %s', (json, why) => {
    const line = BIG_RECORD.replace(BIG_ID, json);
    expect(live(schemaWith({ ...NONE, recordId: true }), line).rejections[0]?.reasons[0]?.message).toContain(why);
  });
});

describe('a record id', () => {
  it('that is missing is asked for by its name, with every way to give it', () => {
    const reasons = live(schemaWith(NONE), `{"id":1,"customer":"a","at":1}`, '').rejections[0]?.reasons;
    expect(reasons).toEqual([
      {
        code: 'bad_id',
        field: 'recordId',
        message:
          'is missing or empty; send it with the record, name the column that holds it with data.recordId, or send clientId and sequence (gRPC: client_id and record_sequence)',
      },
    ]);
  });

  it('may stand beside the values instead of in its column, and no made-up one stands in for it', () => {
    const schema = schemaWith({ ...NONE, recordId: true });
    const beside = live(schema, `{"recordId":"12","values":{"customer":"a","at":1}}`);
    expect(beside.accepted[0]).toMatchObject({ recordId: '12', values: { id: 12 } });
    expect(live(schema, `{"customer":"a","at":1}`).rejections[0]?.reasons).toEqual([
      { code: 'missing_field', field: 'id', message: 'is missing' },
    ]);
    expect(live(schema, `{"recordId":"13","id":12.5,"customer":"a","at":1}`).rejections[0]).toMatchObject({
      reasons: [{ field: 'id' }],
    });
  });
});
