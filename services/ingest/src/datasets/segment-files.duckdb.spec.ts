// Rows of a stream as the Parquet file of their segment: with what is missing, and without what is of another type.

import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, describe, expect, it } from '@jest/globals';
import { openArtifactStore } from '@millrace/artifacts';
import { RequestIds, type Scalar, seededRng } from '@millrace/domain';
import { parseProject } from '@millrace/project';
import { compileSchema } from '../schema/record-schema.js';
import type { SegmentFile } from './segment.js';
import { SegmentBuffers } from './segment-buffers.js';
import { DuckDbSegmentFiles } from './segment-files.duckdb.js';

const parsed = parseProject(
  `name: p
data:
  entity: customer
  eventTime: at
  columns:
    - { name: at, type: timestamp, required: true }
    - { name: customer, type: text, required: true }
    - { name: amount, type: number }
    - { name: count, type: integer }
    - { name: ok, type: boolean }
features: [{ name: amount, kind: numeric }]
`,
  'p',
);
if (parsed.kind !== 'ok') throw new Error(JSON.stringify(parsed.faults));
const schema = compileSchema(parsed.project, (text) => createHash('sha256').update(text).digest('hex'));

const folder = await mkdtemp(join(tmpdir(), 'millrace-segments-'));
const instance = await DuckDBInstance.create(':memory:');
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('a segment', () => {
  it('holds its rows over several chunks, one without a gap in its numbers and one with', async () => {
    const store = openArtifactStore({ home: folder });
    const files = new DuckDbSegmentFiles(
      instance,
      store,
      join(folder, 'scratch'),
      new RequestIds(seededRng(1)),
      async () => 1e15,
    );
    const buffers = new SegmentBuffers();
    const owner = { project: 'p', createdAtMs: 1 };
    const rows = Array.from({ length: 5_000 }, (_, i) => ({
      at: 1_700_000_000_000 + i,
      customer: `é${i % 7}`,
      ...(i % 3 === 0 ? {} : { amount: i / 3 }),
      // Of another writer.
      count: (i % 5 === 0 ? 'three' : i) as Scalar,
      ...(i % 4 === 0 ? {} : { ok: i % 2 === 0 }),
    }));
    for (const [offset, values] of rows.entries())
      buffers.addRecord(
        owner,
        offset < 4_000 ? 0 : 86_400_000,
        schema,
        {
          ...{ project: 'p', recordId: `r${offset}`, entity: values.customer, eventTimeMs: values.at, values },
          ...{ schemaHash: schema.hash, source: 'grpc', ingestedAtMs: 7 },
        },
        { partition: 2, offset },
      );
    const written: SegmentFile[] = [];
    const sealed = buffers.seal();
    expect(sealed.map((buffer) => buffer.rows)).toEqual([4_000, 1_000]);
    for (const { key, columns } of sealed) written.push(await files.write(key, columns));
    expect(written.map((file) => [file.partition, file.spanStartMs, file.rows])).toEqual([
      [2, 0, 4_000],
      [2, 86_400_000, 1_000],
    ]);
    const connection = await instance.connect();
    const reader = await connection.runAndReadAll(
      `SELECT "@offset", "@record_id", "@entity", "@event_time_ms", "@ingested_at_ms", "at", customer, amount, "count", ok
       FROM ${await files.paths(written)} ORDER BY "@offset"`,
    );
    connection.closeSync();
    expect(reader.getRows()).toEqual(
      rows.map(({ at, customer, amount = null, count, ok = null }, offset) => [
        ...[offset, `r${offset}`, customer, at, 7, at, customer, amount],
        typeof count === 'number' ? count : null,
        ok,
      ]),
    );
  });
});
