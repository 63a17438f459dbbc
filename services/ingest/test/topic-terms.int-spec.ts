// Ingest with another number of partitions than four: the same versions, whoever holds what; and with a number that
// topics do not have, nothing starts.

import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { eventually } from '@millrace/testing';
import { buildServices, IngestProcess, PROJECT, START_MS } from './ingest-process.js';

const ROWS = 200;
const processes: IngestProcess[] = [];

beforeAll(async () => {
  await buildServices();
  processes.push(await IngestProcess.create({ MILLRACE_KAFKA_PARTITIONS: '6' }));
}, 120_000);
afterAll(async () => {
  for (const process of processes.reverse()) await process.remove();
});

it('makes one version of the rows of six partitions in two processes', async () => {
  const [first] = processes as [IngestProcess];
  const second = await IngestProcess.beside(first, '1');
  processes.push(second);
  expect((await first.apply(PROJECT)).status).toBe(200);
  const held = async () => {
    const { partitions } = (await first.get('/v1/stats')).body;
    return partitions.map(({ holder }: { holder: string }) => holder) as string[];
  };
  await eventually('both hold three', async () => {
    const holders = await held();
    return (
      holders.length === 6 && ['ingest-0', 'ingest-1'].every((of) => holders.filter((by) => by === of).length === 3)
    );
  });
  const records = Array.from({ length: ROWS }, (_, row) => ({
    recordId: `r${row}`,
    values: { at: START_MS + row, customer: `c${row % 50}`, amount: row, kind: 'car' },
  }));
  expect((await second.post('/v1/projects/loans/records', records)).body).toMatchObject({ accepted: ROWS });
  expect((await second.post('/v1/projects/loans/datasets/close', '')).body).toEqual({ closed: 1 });
  await eventually('both know of it', async () => {
    const lists = await Promise.all([first, second].map((one) => one.get('/v1/projects/loans/datasets')));
    return lists.every(({ body }) => body.datasets.length === 1 && body.datasets[0].rows === ROWS);
  });
});

it('does not start with another number than the topics have, and says what to do', async () => {
  const [first] = processes as [IngestProcess];
  const beside = IngestProcess.beside(first, '2', { MILLRACE_KAFKA_PARTITIONS: '8' });
  await expect(beside).rejects.toThrow(/MILLRACE_KAFKA_PARTITIONS says 8 partitions, and there are: .* 6/);
});
