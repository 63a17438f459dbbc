// The broker goes away: predictions go on, the log stays within its bound and counts what it drops, a restart serves
// the last known versions, and everything catches up when the broker is back.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type DedicatedKafka, eventually, startKafka } from '@millrace/testing';
import { writePackage } from './package-fixture.js';
import {
  ControlWriter,
  InferClient,
  requestOf,
  type ServingProcess,
  startServing,
  untilLoaded,
  untilReady,
} from './serving-process.js';

const LOG_ROWS_MAX = 500;
const ROW = { distance: 1, hour: 5, origin: 'JFK', flag: true };

describe('serving without a broker', () => {
  const home = mkdtempSync(join(tmpdir(), 'millrace-serving-'));
  const env = { MILLRACE_SERVING_LOG_ROWS: String(LOG_ROWS_MAX), MILLRACE_SERVING_FLUSH_MAX: '500ms' };
  let kafka: DedicatedKafka;
  let control: ControlWriter;
  let serving: ServingProcess;
  let client: InferClient;

  const start = async () => {
    serving = await startServing({ home, brokers: kafka.brokers, topicPrefix: 'away.', env });
    await untilReady(serving);
    client = new InferClient(serving.grpc);
  };
  const infer = (count: number) =>
    Promise.all(Array.from({ length: count }, (_, n) => client.infer(requestOf('demo', [ROW], { id: `r${n}` }))));
  const stats = async () => (await serving.json('/v1/stats')).body;

  beforeAll(async () => {
    kafka = await startKafka({ dedicated: true });
    control = new ControlWriter(kafka.brokers, 'away.');
    await control.ensureTopics();
    writePackage(home, 'demo', 1);
    await control.route('demo', [1]);
    await start();
    await untilLoaded(serving, 'demo', 1);
  }, 120_000);

  afterAll(async () => {
    client?.close();
    await serving?.stop();
    await control?.close();
    await kafka?.stop();
    rmSync(home, { recursive: true, force: true });
  }, 60_000);

  it('goes on answering, bounds the log, counts the drops, and logs again when the broker is back', async () => {
    await infer(100);
    await eventually('the first are logged', async () => (await stats()).logged === 100);
    await kafka.crash();
    for (let i = 0; i < 10; i++) await infer(100);
    const away = await stats();
    expect(away.predictions).toBe(1100);
    expect(away.failures).toBe(0);
    expect(away.queued).toBeLessThanOrEqual(LOG_ROWS_MAX);
    expect(away.dropped).toBe(1000 - away.queued);
    expect(await serving.ready()).toBe(true);
    await kafka.restart();
    const back = await eventually(
      'the queue is written',
      async () => {
        const now = await stats();
        return now.queued === 0 ? now : undefined;
      },
      30_000,
    );
    expect(back.logged + back.dropped).toBe(1100);
    await infer(10);
    await eventually('new ones are logged', async () => (await stats()).logged === back.logged + 10);
  }, 90_000);

  it('restarts without the broker and serves what it knew, then follows again', async () => {
    await kafka.crash();
    client.close();
    expect(await serving.stop()).toBe(0);
    await start();
    expect((await infer(5)).map((answer) => answer.modelVersion)).toEqual(['1', '1', '1', '1', '1']);
    await kafka.restart();
    writePackage(home, 'demo', 2);
    await control.route('demo', [1, 2], 2);
    await untilLoaded(serving, 'demo', 2);
    await eventually('version 2 is live', async () => (await infer(1))[0]?.modelVersion === '2');
  }, 90_000);
});
