// gRPC streams, late and repeated rows, and imports in different batches: what ends up in which dataset version.

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { create } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { sha256OfFile } from '@millrace/artifacts';
import { type dataPb, IngestService, ingestPb } from '@millrace/contracts';
import { createClient } from '@millrace/grpc';
import { cloneRoot, eventually } from '@millrace/testing';
import { buildServices, IngestProcess, PROJECT, START_MS } from './ingest-process.js';

const HOUR_MS = 3_600_000;
let ingest: IngestProcess;
let other: IngestProcess;

beforeAll(async () => {
  await buildServices();
  ingest = await IngestProcess.create();
  expect((await ingest.apply(PROJECT)).status).toBe(200);
}, 120_000);
afterAll(async () => {
  await Promise.all([ingest?.remove(), other?.remove()]);
});

const stats = async () => (await ingest.get('/v1/stats')).body.projects.loans;
const datasets = async () => (await ingest.get('/v1/projects/loans/datasets')).body.datasets;
const record = (id: string, atMs: number, amount = 1) => ({
  recordId: id,
  values: { at: atMs, customer: `c-${id}`, amount },
});

type Kind = dataPb.Value['kind'];
const value = (kind: Kind) => ({ kind });

describe('dataset versions', () => {
  it('gRPC: answers every request in order, once Kafka has its records', async () => {
    const client = createClient(IngestService, `127.0.0.1:${ingest.grpcPort}`);
    const stream = client.ingestRecords();
    const answers: ingestPb.IngestRecordsResponse[] = [];
    stream.on('data', (answer: ingestPb.IngestRecordsResponse) => answers.push(answer));
    const ended = new Promise<void>((resolve, reject) => {
      stream.on('end', resolve);
      stream.on('error', reject);
    });
    const input = (id: string, amount: Kind) => ({
      recordId: id,
      values: {
        at: value({ case: 'timestampMs', value: BigInt(START_MS + 60_000) }),
        customer: value({ case: 'text', value: 'ann' }),
        amount: value(amount),
      },
    });
    for (let i = 0; i < 300; i++) {
      const records = [
        input(`g${i}`, { case: 'number', value: i }),
        input(`h${i}`, i % 10 === 0 ? { case: 'number', value: Number.NaN } : { case: 'number', value: 1 }),
      ];
      stream.write(create(ingestPb.IngestRecordsRequestSchema, { project: 'loans', sequence: BigInt(i), records }));
    }
    stream.end();
    await ended;
    expect(answers.map((answer) => Number(answer.sequence))).toEqual(Array.from({ length: 300 }, (_, i) => i));
    expect(answers.reduce((sum, answer) => sum + answer.accepted, 0)).toBe(570);
    expect(answers[10]?.rejections[0]).toMatchObject({ index: 1, recordId: 'h10' });
    expect(answers[10]?.rejections[0]?.reasons[0]?.code).toBe('not_finite');

    const labels = client.ingestLabels();
    const accepted = new Promise<number>((resolve) =>
      labels.on('data', (answer: ingestPb.IngestLabelsResponse) => resolve(answer.accepted)),
    );
    labels.on('error', () => undefined);
    const label = {
      recordId: 'g1',
      entity: 'ann',
      eventTimeMs: BigInt(START_MS + 60_000),
      outcome: { case: 'raw' as const, value: value({ case: 'number', value: 2 }) },
    };
    labels.write(create(ingestPb.IngestLabelsRequestSchema, { project: 'loans', sequence: 1n, labels: [label] }));
    expect(await accepted).toBe(1);
    labels.end();
    await eventually('records and the label are read', async () => {
      const { recordsAccepted, openLabels } = await stats();
      return recordsAccepted === 570 && openLabels === 1;
    });
    client.close();
  });

  it('an unknown project ends the stream with NOT_FOUND, the process goes on', async () => {
    const client = createClient(IngestService, `127.0.0.1:${ingest.grpcPort}`);
    const stream = client.ingestRecords();
    const failed = new Promise<{ code: number }>((resolve) =>
      stream.on('error', (error) => resolve(error as unknown as { code: number })),
    );
    stream.on('data', () => undefined);
    stream.write(
      create(ingestPb.IngestRecordsRequestSchema, {
        project: 'unheard-of',
        sequence: 0n,
        records: [{ recordId: 'x', values: {} }],
      }),
    );
    expect((await failed).code).toBe(5);
    client.close();
  });

  it('closes by event time, puts late rows into the next version and recognises repeated ones', async () => {
    // One record in every partition far enough on, so that the watermark passes the first hour and its label delay.
    const later = Array.from({ length: 40 }, (_, i) => record(`later${i}`, START_MS + 1.5 * HOUR_MS));
    expect((await ingest.post('/v1/projects/loans/records', later)).body.accepted).toBe(40);
    // The label's partition is quiet for five seconds of traffic; until then it holds the watermark back.
    await eventually(
      'the first hour is closed',
      async () => {
        await ingest.post('/v1/projects/loans/records', [record('later0', START_MS + 1.5 * HOUR_MS)]);
        await new Promise((resolve) => setTimeout(resolve, 300));
        return (await datasets()).length === 1;
      },
      40_000,
    );
    const [first] = await datasets();
    expect(first).toMatchObject({
      kind: 'live',
      ordinal: 1,
      rows: 570,
      labelledRows: 1,
      windowStartMs: START_MS,
      windowEndMs: START_MS + HOUR_MS,
    });
    const manifest = JSON.parse(
      await readFile(join(ingest.home, 'artifacts', first.parquetPath.replace('.parquet', '.json')), 'utf8'),
    );
    expect(manifest.id).toBe(first.id);

    const again = { recordId: 'g5', values: { at: START_MS + 60_000, customer: 'ann', amount: 5 } };
    await ingest.post('/v1/projects/loans/records', [again, record('late', START_MS + 120_000)]);
    const written = await ingest.written('records.v1');
    await eventually('all is read', async () => {
      const { recordsAccepted, duplicateRecords } = await stats();
      return recordsAccepted + duplicateRecords === written;
    });
    expect((await ingest.post('/v1/projects/loans/datasets/close', '')).body.closed).toBe(1);
    expect((await stats()).lateRecords).toBe(1);
    const [, second] = await datasets();
    expect(second).toMatchObject({ ordinal: 2, parent: first.id, rows: 41, eventTimeFromMs: START_MS + 120_000 });
    const { recordsAccepted, liveRowsClosed } = await stats();
    expect(liveRowsClosed).toBe(611);
    expect(recordsAccepted).toBe(611);
  }, 90_000);

  it('lists versions by pages, the newest first asked for, by HTTP and gRPC', async () => {
    const path = '/v1/projects/loans/datasets';
    const [first, second] = await datasets();
    const newest = { datasets: [{ id: second.id }], total: 2, before: 2 };
    expect((await ingest.get(`${path}?limit=1`)).body).toMatchObject(newest);
    const older = { datasets: [{ id: first.id }], total: 2, before: null };
    expect((await ingest.get(`${path}?limit=1&before=2`)).body).toMatchObject(older);
    expect((await ingest.get(`${path}?limit=0`)).status).toBe(400);
    const client = createClient(IngestService, `127.0.0.1:${ingest.grpcPort}`);
    const page = { project: 'loans', limit: 1 };
    expect(await client.listDatasetVersions(page)).toMatchObject({ versions: [{ id: second.id }], beforeOrdinal: 2n });
    const before = await client.listDatasetVersions({ ...page, beforeOrdinal: 2n });
    expect(before).toMatchObject({ versions: [{ id: first.id }], beforeOrdinal: 0n });
    await expect(client.listDatasetVersions({ ...page, limit: 1_001 })).rejects.toMatchObject({
      code: 'invalid_argument',
    });
    client.close();
  });

  it('tells of one project alone, where it is asked for', async () => {
    expect(Object.keys((await ingest.get('/v1/stats?project=loans')).body.projects)).toEqual(['loans']);
    expect((await ingest.get('/v1/stats?project=none')).status).toBe(404);
  });

  it('imports the same rows in other batches into the same version', async () => {
    const flights = await readFile(join(cloneRoot(), 'examples/flights/project.yaml'), 'utf8');
    other = await IngestProcess.create({ MILLRACE_INGEST_IMPORT_BATCH_ROWS: '137' });
    const request = {
      source: 'history',
      fromMs: Date.UTC(2001, 1, 1),
      toMs: Date.UTC(2001, 2, 1),
      rows: 3_000,
      seed: 5,
    };
    const imported = async (target: IngestProcess): Promise<string> => {
      const { importId } = (await target.post('/v1/projects/flights/imports', request)).body;
      return eventually(
        'the import is done',
        async () => {
          const { body } = await target.get(`/v1/projects/flights/imports/${importId}`);
          if (body.state === 'failed') throw new Error(body.message);
          return body.state === 'done' ? body.datasetVersion : null;
        },
        60_000,
      );
    };
    const ids = await Promise.all(
      [ingest, other].map(async (target) => {
        expect((await target.apply(flights)).status).toBe(200);
        return imported(target);
      }),
    );
    expect(ids[0]).toMatch(/^[0-9a-f]{64}$/);
    expect(ids[1]).toBe(ids[0]);
    const { body } = await ingest.get('/v1/projects/flights/datasets');
    expect(body.datasets[0]).toMatchObject({ rows: 3_000, labelledRows: 3_000 });

    // Once more, over a file that is as it was announced, and over one that is not.
    const file = join(ingest.home, 'artifacts', body.datasets[0].parquetPath);
    const before = await readFile(file);
    expect(await imported(ingest)).toBe(ids[0]);
    expect(before.equals(await readFile(file))).toBe(true);
    await writeFile(file, 'no Parquet');
    expect(await imported(ingest)).toBe(ids[0]);
    const mended = (await ingest.get('/v1/projects/flights/datasets')).body;
    expect(mended).toMatchObject({ datasets: [{ id: ids[0], ordinal: 1, parquetSha256: await sha256OfFile(file) }] });
  }, 120_000);

  it('says no to imports that cannot be', async () => {
    const start = (body: object) => ingest.post('/v1/projects/flights/imports', body);
    expect((await start({ source: 'nothing' })).status).toBe(404);
    expect((await start({ source: 'history', row: 3 })).body.error.message).toContain('unknown field row');
    expect((await start({ source: 'history', rows: -1 })).status).toBe(400);
    expect((await ingest.get('/v1/projects/flights/imports/none')).status).toBe(404);
    const sample = [
      { a: 1, b: 'x' },
      { a: 2.5, b: null },
    ];
    expect((await ingest.post('/v1/projects/new/infer', sample)).body.columns[0]).toMatchObject({
      name: 'a',
      type: 'number',
    });
  });
});
