// Retention and holds of a running ingest on a real broker: what is deleted is told to everybody, what is held stays
// over a restart and over the end of its project.

import { access, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { DatasetVersion } from '@millrace/contracts';
import { openToImports } from '@millrace/files';
import { CompactedReader } from '@millrace/kafka';
import { eventually } from '@millrace/testing';
import { buildServices, IngestProcess, PROJECT, START_MS } from './ingest-process.js';

const RETAINED = `${PROJECT}retrain: { versions: 1 }\nretention: { datasets: { keep: 1 } }\n`;

let ingest: IngestProcess;
beforeAll(async () => {
  await buildServices();
  ingest = await IngestProcess.create();
  await openToImports(ingest.home, [ingest.home]);
  expect((await ingest.apply(RETAINED, ingest.home)).status).toBe(200);
}, 120_000);
afterAll(() => ingest?.remove());

const path = (rest: string) => `/v1/projects/loans/${rest}`;
const datasets = async (): Promise<DatasetVersion[]> => (await ingest.get(path('datasets'))).body.datasets;

async function load(row: number): Promise<DatasetVersion> {
  const csv = `id,at,customer,amount,kind,paid\nr${row},${START_MS + row},c1,5,car,1\n`;
  await writeFile(join(ingest.home, 'history.csv'), csv);
  const { importId } = (await ingest.post(path('imports'), { source: 'history', seed: row })).body;
  const id = await eventually('the import is done', async () => {
    const { state, message, datasetVersion } = (await ingest.get(path(`imports/${importId}`))).body;
    if (state === 'failed') throw new Error(message);
    return state === 'done' ? datasetVersion : null;
  });
  return (await datasets()).find((version) => version.id === id) as DatasetVersion;
}

it('deletes what nobody needs, keeps what is held, and says both', async () => {
  const [first, second, third] = [await load(1), await load(2), await load(3)];
  const asked = { dataset: first.id, reason: 'case 7', by: 'ann' };
  const hold = (await ingest.post(path('holds'), asked)).body;
  expect(hold).toMatchObject({ ...asked, model: 0, removedAtMs: 0 });
  expect((await ingest.post(path('holds'), { reason: 'no name' })).status).toBe(400);
  expect((await ingest.post(path('holds'), { ...asked, dataset: first.id.slice(0, 12) })).status).toBe(400);
  expect((await ingest.post(path('holds'), { ...asked, model: 1 })).status).toBe(400);
  expect((await ingest.post(path('holds'), { ...asked, dataset: '0'.repeat(64) })).status).toBe(404);
  expect((await ingest.post('/v1/projects/loan/holds', asked)).status).toBe(404);
  const { versions } = (await ingest.get(path('retention'))).body;
  expect(versions.map(({ keptBy }: { keptBy: string }) => keptBy)).toEqual([
    `hold ${hold.id}: case 7`,
    null,
    'one of the newest 1',
  ]);
  expect((await ingest.post(path('retention/collect'), '')).body).toEqual({ removed: 1 });
  expect((await datasets()).map(({ id }) => id)).toEqual([first.id, third.id]);
  const there = (version: DatasetVersion) =>
    access(join(ingest.home, 'artifacts', version.parquetPath)).then(
      () => true,
      () => false,
    );
  expect([await there(first), await there(second), await there(third)]).toEqual([true, false, true]);
  // Whoever follows the topic hears of it.
  await ingest.withKafka(async (connection) => {
    const told = new Map<string, boolean>();
    const topics = { 'datasets.v1': (key: string, value: Buffer | null) => void told.set(key, value !== null) };
    const reader = new CompactedReader(connection, { name: 'test', topics });
    await reader.caughtUp();
    await reader.close();
    expect(told.get(`loans/${second.id}`)).toBe(false);
    expect(told.get(`loans/${third.id}`)).toBe(true);
  });

  await ingest.kill();
  await ingest.start();
  const removed = await fetch(`http://127.0.0.1:${ingest.port}/v1/projects/loans`, { method: 'DELETE' });
  expect(removed.status).toBe(200);
  const { holds } = (await ingest.get(path('holds'))).body;
  expect(holds).toMatchObject([{ id: hold.id, by: 'ann', reason: 'case 7' }]);
  expect(await there(first)).toBe(true);
  const off = await ingest.post(path(`holds/${hold.id}/remove`), { reason: 'closed', by: 'bob' });
  expect(off.body).toMatchObject({ removedBy: 'bob', removedReason: 'closed' });
  expect((await ingest.post(path(`holds/${hold.id}/remove`), { reason: 'again', by: 'bob' })).status).toBe(404);
}, 120_000);
