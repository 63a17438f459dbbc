// kill -9 in the middle of streams and imports: everything acknowledged is in the dataset versions exactly once, and
// their ids are those of an uninterrupted run.

import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { seededRng } from '@millrace/domain';
import { openToImports } from '@millrace/files';
import { eventually } from '@millrace/testing';
import { type Answer, buildServices, IngestProcess, PROJECT, START_MS } from './ingest-process.js';

const ROWS = 4_000;
/** One row every 5 s of event time: 720 rows a version, 5 whole versions and a rest. */
const STEP_MS = 5_000;
const CHUNK = 100;
const DELAY_MS = 600_000;

const processes: IngestProcess[] = [];

async function fresh(): Promise<IngestProcess> {
  const ingest = await IngestProcess.create();
  processes.push(ingest);
  expect((await ingest.apply(PROJECT, ingest.home)).status).toBe(200);
  return ingest;
}

beforeAll(buildServices, 60_000);
afterAll(async () => {
  await Promise.all(processes.map((ingest) => ingest.remove()));
});

const customers = Array.from({ length: 37 }, (_, i) => `c${i}`);
const customerOf = (row: number) => customers[(row * 7) % customers.length] as string;
const timeOf = (row: number) => START_MS + row * STEP_MS;
const record = (row: number) => ({
  recordId: `r${row}`,
  values: { at: timeOf(row), customer: customerOf(row), amount: (row * 13) % 500 },
});
const label = (row: number) => ({
  recordId: `r${row}`,
  entity: customerOf(row),
  eventTimeMs: timeOf(row),
  value: row % 3 === 0 ? 1 : 0,
});

/** Sends until it is acknowledged, as a client that must not lose anything does. */
async function surely(ingest: IngestProcess, path: string, items: object[]): Promise<void> {
  if (items.length === 0) return;
  await eventually(
    `${path} acknowledged`,
    async () => {
      const answer: Answer | null = await ingest.post(path, items).catch(() => null);
      return answer?.status === 200 && answer.body.accepted === items.length;
    },
    90_000,
  );
}

/**
 * Streams all rows in event-time order, labels ten minutes behind; `beforeChunk` may kill the process. Gives the labels
 * sent.
 */
async function stream(ingest: IngestProcess, beforeChunk: (row: number) => Promise<void>): Promise<number> {
  let labelled = 0;
  for (let row = 0; row < ROWS; row += CHUNK) {
    await beforeChunk(row);
    const rows = Array.from({ length: Math.min(CHUNK, ROWS - row) }, (_, i) => row + i);
    await surely(ingest, '/v1/projects/loans/records', rows.map(record));
    const due: number[] = [];
    while (labelled < row && timeOf(labelled) + DELAY_MS <= timeOf(row)) due.push(labelled++);
    await surely(ingest, '/v1/projects/loans/labels', due.map(label));
  }
  return labelled;
}

interface Version {
  id: string;
  kind: string;
  rows: number;
  labelledRows: number;
  windowStartMs: number;
}

async function settle(ingest: IngestProcess): Promise<Version[]> {
  // Both topics: a span closed by hand before its labels are read is another version than one closed after.
  await eventually(
    'all records and labels are read',
    async () => {
      const stats = (await ingest.get('/v1/stats')).body.projects.loans;
      const read = stats.recordsAccepted + stats.duplicateRecords === (await ingest.written('records.v1'));
      return read && stats.labelsAccepted === (await ingest.written('labels.v1'));
    },
    60_000,
  );
  // The last, unfinished span is closed by hand; the watermark closed the others.
  await eventually(
    'all rows are in closed versions',
    async () => {
      const stats = (await ingest.get('/v1/stats')).body.projects.loans;
      if (stats.liveVersions >= 5 && stats.openRows > 0) await ingest.post('/v1/projects/loans/datasets/close', '');
      return stats.openRows === 0 && stats.liveRowsClosed === ROWS;
    },
    60_000,
  );
  return (await ingest.get('/v1/projects/loans/datasets')).body.datasets;
}

describe('a killed ingest', () => {
  it('loses no acknowledged record or label, counts none twice, and makes the same versions', async () => {
    const steady = await fresh();
    const labels = await stream(steady, async () => undefined);
    const expected = await settle(steady);
    expect(expected.reduce((sum, version) => sum + version.rows, 0)).toBe(ROWS);
    expect(expected.reduce((sum, version) => sum + version.labelledRows, 0)).toBe(labels);
    await steady.remove();

    const killed = await fresh();
    const kills = new Set([700, 1_500, 2_900]);
    const rng = seededRng(4);
    let back: Promise<void> = Promise.resolve();
    await stream(killed, async (row) => {
      if (!kills.has(row)) return;
      // It takes requests a little before this test knows that it is ready.
      await back;
      // Somewhere within the next requests, not between them.
      back = new Promise<void>((resolve) => setTimeout(resolve, rng.below(40)))
        .then(() => killed.kill())
        .then(() => killed.start());
    });
    await back;
    const versions = await settle(killed);
    const shape = (all: Version[]) =>
      all.map(({ id, rows, labelledRows, windowStartMs }) => ({ id, rows, labelledRows, windowStartMs }));
    expect(shape(versions)).toEqual(shape(expected));
    const stats = (await killed.get('/v1/stats')).body.projects.loans;
    expect(stats.recordsAccepted).toBe(ROWS);
  }, 240_000);

  it('finishes an import it was killed in, and the same import again gives the same version', async () => {
    const ingest = await fresh();
    await openToImports(ingest.home, [ingest.home]);
    const rows = Array.from(
      { length: 60_000 },
      (_, row) => `${row},${new Date(timeOf(row)).toISOString()},${customerOf(row)},${row % 500},${row % 4}`,
    );
    rows[17] = '17,2024-01-01T00:01:25Z,ann,much,0';
    rows[18] = 'broken row';
    await writeFile(join(ingest.home, 'history.csv'), ['id,at,customer,amount,paid', ...rows].join('\n'));
    const more = ['{"recordId":"x1","at":"2024-01-01","customer":"ann","amount":-1}', 'garbage'].join('\n');
    const sha256 = createHash('sha256').update(more).digest('hex');
    const send = async (): Promise<string> => {
      const file = { name: 'more.ndjson', bytes: more.length, sha256 };
      const { uploadId } = (await ingest.post('/v1/projects/loans/uploads', file)).body;
      await fetch(`http://127.0.0.1:${ingest.port}/v1/projects/loans/uploads/${uploadId}?offset=0`, {
        method: 'PUT',
        body: more,
        headers: { 'content-type': 'application/octet-stream' },
      });
      return uploadId;
    };
    const request = { source: 'history', rows: 50_000, seed: 3 };
    const begin = async () =>
      (await ingest.post('/v1/projects/loans/imports', { ...request, upload: await send() })).body.importId as string;
    const done = (importId: string) =>
      eventually(
        'the import ends',
        async () => {
          const status = (await ingest.get(`/v1/projects/loans/imports/${importId}`).catch(() => null))?.body;
          return status?.state === 'done' || status?.state === 'failed' ? status : null;
        },
        90_000,
      );

    const importId = await begin();
    await eventually(
      'the import runs',
      async () => (await ingest.get(`/v1/projects/loans/imports/${importId}`)).body.rowsRead > 0,
    );
    await ingest.kill();
    await ingest.start();
    const first = await done(importId);
    expect(first).toMatchObject({ state: 'done' });
    const { rejected } = first;
    expect(first.accepted + rejected).toBe(50_002);

    const second = await done(await begin());
    expect(second.datasetVersion).toBe(first.datasetVersion);
    const { datasets } = (await ingest.get('/v1/projects/loans/datasets')).body;
    expect(datasets).toHaveLength(1);
    expect(datasets[0]).toMatchObject({
      ordinal: 1,
      kind: 'import',
      rows: first.accepted,
      labelledRows: first.accepted,
    });
    // Sent three times (killed, resumed, again), told once each.
    await eventually(
      'each bad row is one dead letter',
      async () => (await ingest.get('/v1/stats')).body.projects.loans.deadLettered === rejected,
    );
  }, 180_000);
});
