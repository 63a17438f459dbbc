// Two replicas behind one client that goes round them, as behind a headless service: one is stopped by SIGTERM and
// started again under load, then the other, and no request fails.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually, startKafka, uniquePrefix } from '@millrace/testing';
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

const ROW = { distance: 1, hour: 5, origin: 'JFK', flag: true };
const AT_ONCE = 16;
/** Answers between two events, so that each meets traffic that runs. */
const BETWEEN = 500;

describe('replicas of serving', () => {
  const home = mkdtempSync(join(tmpdir(), 'millrace-serving-'));
  const topicPrefix = uniquePrefix();
  let brokers: readonly string[];
  let control: ControlWriter;
  const replicas: ServingProcess[] = [];

  const start = async (replica: string, ports?: [number, number]) => {
    const serving = await startServing({ home, brokers, topicPrefix, ports, env: { MILLRACE_REPLICA: replica } });
    await untilReady(serving);
    await untilLoaded(serving, 'demo', 1);
    return serving;
  };

  beforeAll(async () => {
    ({ brokers } = await startKafka());
    control = new ControlWriter(brokers, topicPrefix);
    await control.ensureTopics();
    writePackage(home, 'demo', 1);
    await control.route('demo', [1]);
    replicas.push(await start('one'), await start('two'));
  }, 120_000);

  afterAll(async () => {
    for (const replica of replicas) replica.process.kill('SIGKILL');
    await control?.close();
    rmSync(home, { recursive: true, force: true });
  }, 60_000);

  it('a SIGTERM to each in turn, under load, fails no request', async () => {
    const client = new InferClient(...replicas.map(({ grpc }) => grpc));
    const failures: unknown[] = [];
    let answered = 0;
    let over = false;
    const load = Array.from({ length: AT_ONCE }, async () => {
      while (!over) {
        await client.infer(requestOf('demo', [ROW])).then(
          () => answered++,
          (error: unknown) => failures.push(error),
        );
      }
    });
    const goOn = async () => {
      const until = answered + BETWEEN;
      await eventually('requests are answered', () => answered >= until, 20_000);
    };
    const predictions = async (at: number) => (await replicas[at]?.json('/v1/stats'))?.body.predictions as number;
    await goOn();
    for (const [at, name] of ['one', 'two'].entries()) {
      const { grpc, http, stop } = replicas[at] as ServingProcess;
      expect(await predictions(at)).toBeGreaterThan(0);
      expect(await stop()).toBe(0);
      await goOn();
      const portOf = (address: string) => Number(address.split(':').at(-1));
      replicas[at] = await start(name, [portOf(http), portOf(grpc)]);
      // The client finds it again, so that the next one can go.
      await eventually('the new one has its share', async () => (await predictions(at)) > 0, 20_000);
    }
    over = true;
    await Promise.all(load);
    client.close();
    expect(failures).toEqual([]);
    expect(answered).toBeGreaterThan(3 * BETWEEN);
  }, 90_000);
});
