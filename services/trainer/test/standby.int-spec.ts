// Two trainers on a real Kafka: one is at work, the other stands by and takes over when the first is killed or does not
// move; nothing is announced twice, a rollout is one command however often it is begun, and a trainer that comes back
// to life changes nothing and ends.

import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually, freePort } from '@millrace/testing';
import { TrainerOnKafka } from './trainer-on-kafka.js';

const PROJECT = `
name: shop
scope: { problem: Will it come back?, task: binary, metric: log_loss, resources: { workers: 1 } }
data:
  sources: { history: { kind: parquet, path: x.parquet, recordId: row-number } }
  entity: region
  eventTime: at
  columns:
    - { name: at, type: timestamp, required: true }
    - { name: region, type: text, required: true }
    - { name: size, type: integer, required: true }
    - { name: price, type: number }
    - { name: market, type: text }
    - { name: returned, type: number, outcome: true }
  label: { name: returned, column: returned, operation: gt, value: 0, delay: 1h }
  versionEvery: 1d
features:
  - { name: region, kind: categorical, embedding: 4, missing: unknown }
  - { name: size, kind: categorical, embedding: 4, missing: unknown }
  - { name: price, kind: numeric, scaling: log_standard, missing: mean }
model:
  kind: mlp
  hidden: [16]
  activation: relu
  dropout: 0
  l2: 0.00001
  crosses: [{ columns: [region, size], buckets: 512, embedding: 0 }]
training: { optimizer: adam, learningRate: 0.05, finalLearningRateShare: 0.1, batchRows: 512, epochs: 60, seed: 7, workers: 1, checkpointEverySteps: 20 }
evaluation: { share: 0.2, slices: [market], thresholds: [{ metric: auc, min: 0.6 }] }
`;

const DAY_MS = 86_400_000;
const ROWS = 12_000;
/** From the death to the first work of the other: 8 s until the group notices, and reading what was kept. */
const TAKEN_OVER_WITHIN_MS = 25_000;

let on: TrainerOnKafka;
/** By replica. */
const trainers = new Map<string, ChildProcess>();
let bases: readonly [string, string];

function startTrainer(replica: '0' | '1'): void {
  const [httpPort, grpcPort] = replica === '0' ? [ports[0], ports[1]] : [ports[0] + 100, ports[1] + 100];
  const at = { MILLRACE_TRAINER_HTTP_PORT: `${httpPort}`, MILLRACE_TRAINER_GRPC_PORT: `${grpcPort}` };
  trainers.set(replica, on.start('main.js', replica, at));
}

let ports: readonly [number, number];

/** Of the two the one that does not stand by. */
async function atWork(): Promise<{ replica: '0' | '1'; base: string; other: string } | undefined> {
  for (const [i, base] of bases.entries()) {
    const answer = await fetch(`${base}/v1/workers`).catch(() => undefined);
    if (answer?.status === 200) return { replica: i === 0 ? '0' : '1', base, other: bases[1 - i] as string };
  }
  return undefined;
}

const ready = async (base: string) => (await fetch(`${base}/health/ready`).catch(() => undefined))?.status === 200;

async function begun(base: string): Promise<string> {
  const training = JSON.stringify({ datasetVersions: ['first'], championVersion: 0 });
  const asked = await on.call('POST', '/v1/projects/shop/trainings', training, 'application/json', base);
  expect(asked.status).toBe(200);
  const trainingId = String(asked.body.trainingId);
  const isUnderWay = () => on.events.some((one) => one.trainingId === trainingId && one.event.kind === 'progress');
  await eventually('progress', isUnderWay, 90_000);
  return trainingId;
}

const versionOf = (trainingId: string) =>
  eventually('its version', () => [...on.models.values()].find((one) => one.trainingId === trainingId), 120_000);

beforeAll(async () => {
  ports = [await freePort(), await freePort()];
  on = await TrainerOnKafka.create({ MILLRACE_REPLICAS: 'trainer=2', MILLRACE_TRAINER_HTTP_PORT: `${ports[0]}` });
  bases = [`http://127.0.0.1:${ports[0]}`, `http://127.0.0.1:${ports[0] + 100}`];
  await on.applyProject(PROJECT);
  await on.writeDataset(
    { project: 'shop', id: 'first', rows: ROWS, eventTimeFromMs: 0, eventTimeToMs: 10 * DAY_MS },
    `SELECT 'r-' || i AS record_id, 'r' || r AS entity, i * ${Math.floor((10 * DAY_MS) / ROWS)} AS event_time_ms,
      (hash(i * 10 + 3) % 1000 < CASE WHEN (r + s) % 2 = 0 THEN 600 ELSE 150 END)::INT::DOUBLE AS label,
      i AS at, 'r' || r AS region, s::BIGINT AS size, (5 + i % 40)::DOUBLE AS price,
      CASE WHEN i % 3 = 0 THEN 'abroad' ELSE 'home' END AS market
    FROM (SELECT i, hash(i * 10 + 1) % 8 AS r, hash(i * 10 + 2) % 6 AS s FROM range(${ROWS}) t(i))
    ORDER BY event_time_ms, record_id`,
  );
  startTrainer('0');
  startTrainer('1');
  on.start('worker.main.js', 'worker-1', { MILLRACE_TRAINER_GRPC_PORT: `${ports[1]}` });
  await on.ready();
  for (const base of bases) await eventually('both are ready', () => ready(base), 90_000);
}, 240_000);

afterAll(() => on?.close(), 30_000);

describe('two trainers', () => {
  it('one is at work; the other tells of model versions and sends everything else on', async () => {
    const work = await eventually('one to be at work', atWork, 30_000);
    const models = await on.call('GET', '/v1/projects/shop/models', undefined, 'application/json', work.other);
    expect(models).toMatchObject({ status: 200, body: { models: [] } });
    for (const path of ['/v1/projects/shop/loop', '/v1/projects/shop/trainings', '/v1/workers']) {
      const refused = await on.call('GET', path, undefined, 'application/json', work.other);
      expect(refused).toMatchObject({
        status: 503,
        body: {
          error: { code: 'unavailable', message: expect.stringContaining('stands by'), facts: { standby: true } },
        },
      });
    }
    const live = (await (await fetch(`${work.other}/health/live`)).json()) as { holds: Record<string, number[]> };
    expect(Object.values(live.holds).flat()).toEqual([]);
  });

  it('the one at work is killed as it decides on a rollout: the other commands it, as the same one', async () => {
    const work = await eventually('one to be at work', atWork, 30_000);
    const decided = new Promise<void>((resolve) => {
      on.onKept = (key, document) => {
        if (key !== 'shop' || !document.includes('"phase":"rolling_out"')) return;
        // What was decided is kept; the command is on its way, or was written a moment ago.
        trainers.get(work.replica)?.kill('SIGKILL');
        resolve();
      };
    });
    await begun(work.base);
    await decided;
    on.onKept = () => undefined;
    const next = await eventually('the other to be at work', atWork, TAKEN_OVER_WITHIN_MS);
    expect(next.base).toBe(work.other);
    const isAgain = () => on.commands.some(({ reason }) => reason === 'begun again');
    await eventually('the command of the other', isAgain);
    const rollout = expect.objectContaining({
      id: 'loop/rollout-1',
      action: { kind: 'startRollout', version: 1, force: false },
    });
    expect(on.commands.length).toBeLessThanOrEqual(2);
    for (const command of on.commands) expect(command).toEqual(rollout);
    startTrainer(work.replica);
    await eventually('it stands by', () => ready(work.base), 60_000);
    expect([(await atWork())?.base, on.announced]).toEqual([work.other, ['shop/1']]);
  }, 240_000);

  it('the one at work is killed in a training: the other ends it, once', async () => {
    const work = await eventually('one to be at work', atWork, 30_000);
    const trainingId = await begun(work.base);
    trainers.get(work.replica)?.kill('SIGKILL');
    const next = await eventually('the other to be at work', atWork, TAKEN_OVER_WITHIN_MS);
    expect(next.base).toBe(work.other);
    const version = await versionOf(trainingId);
    expect(version.version).toBe(2);
    startTrainer(work.replica);
    await eventually('it stands by', () => ready(work.base), 60_000);
    expect((await atWork())?.base).toBe(work.other);
    expect(on.announced).toEqual(['shop/1', 'shop/2']);
  }, 240_000);

  it('the one at work does not move: the other goes on, and the first ends when it moves again', async () => {
    const work = await eventually('one to be at work', atWork, 30_000);
    const zombie = trainers.get(work.replica) as ChildProcess;
    const trainingId = await begun(work.base);
    zombie.kill('SIGSTOP');
    const isElsewhere = async () =>
      (await ready(work.other)) && (await fetch(`${work.other}/v1/workers`)).status === 200;
    await eventually('the other to be at work', isElsewhere, TAKEN_OVER_WITHIN_MS);
    const version = await versionOf(trainingId);
    const manifest = join(on.home, 'artifacts', version.packagePath, 'manifest.json');
    const writtenAtMs = statSync(manifest).mtimeMs;
    zombie.kill('SIGCONT');
    expect(await once(zombie, 'exit')).toEqual([1, null]);
    expect(statSync(manifest).mtimeMs).toBe(writtenAtMs);
    expect(on.announced).toEqual(['shop/1', 'shop/2', 'shop/3']);
    await eventually('nothing is kept any more', () => ![...on.kept.keys()].some((key) => key.includes('/')));
  }, 240_000);
});
