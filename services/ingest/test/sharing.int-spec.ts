// Two ingest processes on a real broker: they share partitions, one takes over what the other held when it dies or
// stands still, and the versions are those of one that was alone and undisturbed.

import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { sha256 } from '@millrace/artifacts';
import type { DatasetVersion } from '@millrace/contracts';
import { eventually } from '@millrace/testing';
import { buildServices, IngestProcess, PROJECT, START_MS } from './ingest-process.js';

const DELAY_MS = 600_000;
const ROWS = 12_000;
const STEP_MS = 500;
const BATCH = 500;

const started: IngestProcess[] = [];
beforeAll(buildServices, 60_000);
afterEach(async () => {
  await Promise.all(started.splice(0).map((ingest) => ingest.remove()));
});

async function begin(settings: Record<string, string> = {}): Promise<IngestProcess> {
  const ingest = await IngestProcess.create(settings);
  started.push(ingest);
  expect((await ingest.apply(PROJECT)).status).toBe(200);
  return ingest;
}

async function beside(other: IngestProcess, replica: string): Promise<IngestProcess> {
  const ingest = await IngestProcess.beside(other, replica);
  started.push(ingest);
  return ingest;
}

const timeOf = (row: number) => START_MS + row * STEP_MS;

/** Rows, and the labels that are known by then. */
async function send(ingest: IngestProcess, from: number, rows: number): Promise<void> {
  const customerOf = (row: number) => `c${row % 97}`;
  const range = Array.from({ length: rows }, (_, i) => from + i);
  const records = range.map((row) => ({
    recordId: `r${row}`,
    values: { at: timeOf(row), customer: customerOf(row), amount: row % 500 },
  }));
  const labels = range
    .map((row) => row - DELAY_MS / STEP_MS)
    .filter((row) => row >= 0)
    .map((row) => ({
      ...{ recordId: `r${row}`, entity: customerOf(row), eventTimeMs: timeOf(row), value: row % 2 },
      knownAtMs: timeOf(row) + DELAY_MS,
    }));
  for (const [path, items] of [
    ['records', records],
    ['labels', labels],
  ] as const) {
    if (items.length === 0) continue;
    const { status, body } = await ingest.post(`/v1/projects/loans/${path}`, items);
    expect([status, body.accepted]).toEqual([200, items.length]);
  }
}

const holders = async (ingest: IngestProcess): Promise<string[]> => {
  const { partitions } = (await ingest.get('/v1/stats')).body;
  return partitions.map(({ holder }: { holder: string }) => holder);
};
const datasets = async (ingest: IngestProcess): Promise<DatasetVersion[]> =>
  (await ingest.get('/v1/projects/loans/datasets')).body.datasets;
const counted = async (ingest: IngestProcess) => (await ingest.get('/v1/stats')).body.projects.loans;

async function ended(ingest: IngestProcess): Promise<DatasetVersion[]> {
  const { body } = await ingest.post('/v1/projects/loans/datasets/close', '');
  expect(body).toEqual({ closed: expect.any(Number) });
  return datasets(ingest);
}

const shape = ({ id, rows, labelledRows, lateRows, repeatedRows, windowStartMs, ordinal }: DatasetVersion) => ({
  ...{ id, rows, labelledRows, lateRows, repeatedRows, windowStartMs, ordinal },
});

describe('two ingest processes', () => {
  it('make the versions of one, though each dies or stands still in turn', async () => {
    const alone = await begin();
    for (let from = 0; from < ROWS; from += BATCH) await send(alone, from, BATCH);
    const expected = (await ended(alone)).map(shape);
    expect(expected.reduce((sum, { rows }) => sum + rows, 0)).toBe(ROWS);
    await alone.stop();

    const one = await begin();
    const two = await beside(one, '1');
    const both = [one, two] as const;
    let sent = 0;
    // Whoever is asked takes it, whichever process reads it.
    const next = async (through: readonly IngestProcess[]) => {
      await send(through[(sent / BATCH) % through.length] as IngestProcess, sent, BATCH);
      sent += BATCH;
    };
    for (let i = 0; i < 4; i++) await next(both);
    await eventually(
      'each holds half',
      async () => (await holders(one)).sort().join() === 'ingest-0,ingest-0,ingest-1,ingest-1',
      30_000,
    );

    await two.kill();
    for (let i = 0; i < 4; i++) await next([one]);
    const isRead = (ingest: IngestProcess) => async () => (await counted(ingest)).recordsAccepted === sent;
    await eventually('the other has taken over', isRead(one), 30_000);
    await eventually('and has told so', async () => new Set(await holders(one)).size === 1);

    await two.start();
    for (let i = 0; i < 4; i++) await next(both);
    await eventually('each holds half again', async () => new Set(await holders(two)).size === 2, 30_000);

    // It is taken for dead, goes on where it was, and must change nothing.
    one.stand();
    for (let i = 0; i < 4; i++) await next([two]);
    await eventually('the one that runs has taken over', isRead(two), 30_000);
    one.goOn();
    await eventually(
      'it has joined again, or ended',
      async () => !one.isAlive || new Set(await holders(two)).size === 2,
      30_000,
    );
    while (sent < ROWS) await next([two]);
    expect((await ended(two)).map(shape)).toEqual(expected);
    expect(await counted(two)).toMatchObject({ recordsAccepted: ROWS, openRows: 0, lateRecords: 0 });
  }, 240_000);

  it('close by whoever owns the project, and an import ends for whoever was asked', async () => {
    const one = await begin();
    const two = await beside(one, '1');
    await eventually(
      'the second knows the project',
      async () => (await two.get('/v1/projects')).body.projects.length === 1,
    );
    await send(one, 0, BATCH);
    for (const asked of [two, one]) expect((await ended(asked)).map(({ rows }) => rows)).toEqual([BATCH]);
    for (const [index, asked] of [one, two, one, two].entries()) {
      const versionId = await imported(asked, index);
      await eventually('both know it', async () =>
        (await Promise.all([one, two].map(datasets))).every((known) => known.some(({ id }) => id === versionId)),
      );
    }
    const versions = await datasets(one);
    expect(versions.map(({ ordinal }) => ordinal)).toEqual([1, 2, 3, 4, 5]);
    expect(versions.slice(1).map(({ parent }) => parent)).toEqual(versions.slice(0, -1).map(({ id }) => id));
  }, 120_000);
});

/** Uploads a file to a process and has it load it; gives the version. */
async function imported(ingest: IngestProcess, amount: number): Promise<string> {
  const lines = Array.from({ length: 20 }, (_, i) => `${timeOf(i)},c${i},${amount},car,1\n`);
  const content = `at,customer,amount,kind,paid\n${lines.join('')}`;
  const announced = { name: `${amount}.csv`, bytes: Buffer.byteLength(content), sha256: sha256(content) };
  const { uploadId } = (await ingest.post('/v1/projects/loans/uploads', announced)).body;
  const url = `http://127.0.0.1:${ingest.port}/v1/projects/loans/uploads/${uploadId}?offset=0`;
  const put = await fetch(url, {
    method: 'PUT',
    body: content,
    headers: { 'content-type': 'application/octet-stream' },
  });
  expect(put.status).toBe(200);
  const { importId } = (await ingest.post('/v1/projects/loans/imports', { upload: uploadId })).body;
  const ended = await eventually(
    'the import ends',
    async () => {
      const { body } = await ingest.get(`/v1/projects/loans/imports/${importId}`);
      return body.state === 'running' ? null : body;
    },
    30_000,
  );
  expect(ended).toMatchObject({ state: 'done', accepted: 20, rejected: 0 });
  return ended.datasetVersion;
}
