// Commands that were carried out stay so when the broker has forgotten how far the group had read: it does after a week
// without a member.

import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { eventually } from '@millrace/testing';
import { buildServices, IngestProcess, PROJECT, START_MS } from './ingest-process.js';

/** More than answers are kept of a project. */
const LATER_COMMANDS = 9;

let ingest: IngestProcess;
beforeAll(async () => {
  await buildServices();
  ingest = await IngestProcess.create({ MILLRACE_INGEST_FLUSH_AFTER: '100ms' });
  expect((await ingest.apply(PROJECT)).status).toBe(200);
}, 120_000);
afterAll(() => ingest?.remove());

const loans = async () => (await ingest.get('/v1/stats')).body.projects.loans;
const reset = () => ingest.post('/v1/projects/loans/watermark/reset', { toMs: START_MS });

async function send(recordId: string): Promise<void> {
  const values = { at: START_MS, customer: 'c', amount: 1 };
  expect((await ingest.post('/v1/projects/loans/records', [{ recordId, values }])).body.accepted).toBe(1);
  await eventually('it is read', async () => (await loans()).openRows === 1);
}

it('close nothing again', async () => {
  await send('a');
  expect((await ingest.post('/v1/projects/loans/datasets/close', '')).body.closed).toBe(1);
  for (let later = 0; later < LATER_COMMANDS; later++) expect((await reset()).status).toBe(200);
  await eventually('it is told that they were carried out', async () => {
    const told = await ingest.withKafka((connection) => connection.highWatermarks('progress.v1'));
    await new Promise((wake) => setTimeout(wake, 1_000));
    const now = await ingest.withKafka((connection) => connection.highWatermarks('progress.v1'));
    return [...told].every(([partition, { high }]) => now.get(partition)?.high === high);
  });
  await ingest.stop();
  await ingest.withKafka((connection) =>
    connection.withAdmin((admin) => admin.deleteGroups([`${ingest.prefix}ingest-live`])),
  );
  await ingest.start();
  await send('b');
  // Carried out after all that stand before it.
  expect((await reset()).status).toBe(200);
  expect(await loans()).toMatchObject({ openRows: 1, liveVersions: 1 });
}, 120_000);
