// The payload log while the broker is dead and traffic goes on: the queue stays within its bound, what does not fit is
// counted, memory does not grow with time, answers do not wait. bench/serving/broker.ts holds the full 30 s; this is a
// slice. The same for a broker that is slow rather than dead.
// And a sample: the same request ids are chosen whoever asks.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
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

const LOG_ROWS_MAX = 2_000;
const ROW = { distance: 1, hour: 5, origin: 'JFK', flag: true };
const AT_ONCE = 50;
/** Requests of one half of the outage: several times what the queue holds. */
const HALF = 8_000;
const SLOW_TURNS = 8;
const SLOW_STEP = 1_000;
/** What the heap may move without meaning anything: it is collected when it wants. */
const GROWTH_BYTES_MAX = 32 * 1024 * 1024;

/** Below the producer's own deadline for a write (libs/kafka). */
const BROKER_DEADLINE_MS = 10_000;

describe('the payload log', () => {
  const home = mkdtempSync(join(tmpdir(), 'millrace-serving-'));
  let kafka: DedicatedKafka;
  let control: ControlWriter;
  let serving: ServingProcess;
  let client: InferClient;

  const start = async (env: Record<string, string>) => {
    serving = await startServing({
      home,
      brokers: kafka.brokers,
      topicPrefix: 'log.',
      env: { MILLRACE_SERVING_FLUSH_MAX: '500ms', ...env },
    });
    await untilReady(serving);
    await untilLoaded(serving, 'demo', 1);
    client = new InferClient(serving.grpc);
  };
  const stop = async () => {
    client.close();
    await serving.stop();
  };
  /** Latencies in milliseconds. */
  const infer = async (count: number) => {
    const times: number[] = [];
    let next = 0;
    const one = async () => {
      while (next < count) {
        const id = `r${next++}`;
        const begunMs = performance.now();
        await client.infer(requestOf('demo', [ROW], { id }));
        times.push(performance.now() - begunMs);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, one));
    return times;
  };
  const stats = async () => (await serving.json('/v1/stats')).body;
  const residentBytes = () =>
    Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${serving.process.pid}/status`, 'utf8'))?.[1]) * 1024;

  beforeAll(async () => {
    kafka = await startKafka({ dedicated: true });
    control = new ControlWriter(kafka.brokers, 'log.');
    await control.ensureTopics();
    writePackage(home, 'demo', 1);
    await control.route('demo', [1]);
  }, 120_000);

  afterAll(async () => {
    client?.close();
    serving?.process.kill('SIGKILL');
    await control?.close();
    await kafka?.stop();
    rmSync(home, { recursive: true, force: true });
  }, 60_000);

  it('holds its bound and counts its drops while the broker is dead; memory and latency stay where they were', async () => {
    await start({ MILLRACE_SERVING_LOG_ROWS: String(LOG_ROWS_MAX) });
    await infer(HALF);
    const before = await eventually('the log is written', async () => {
      const now = await stats();
      return now.queued === 0 ? now : undefined;
    });
    await infer(HALF);
    // Holds its sockets and answers nothing: the worst kind of dead.
    kafka.freeze();
    const dead = await infer(HALF);
    const midBytes = residentBytes();
    await infer(HALF);
    const endBytes = residentBytes();
    const away = await stats();
    expect(away.failures).toBe(0);
    expect(away.queued).toBeLessThanOrEqual(LOG_ROWS_MAX);
    expect(away.dropped - before.dropped).toBeGreaterThan(HALF);
    expect(away.logged + away.dropped + away.queued).toBe(4 * HALF);
    expect(endBytes - midBytes).toBeLessThan(GROWTH_BYTES_MAX);
    // How fast is measured in bench/serving; here: nothing waits for the broker, whose answers take as long as their
    // deadline.
    expect(Math.max(...dead)).toBeLessThan(BROKER_DEADLINE_MS);
    kafka.thaw();
    await eventually('the queue is written', async () => (await stats()).queued === 0, 30_000);
    await stop();
  }, 120_000);

  it('goes on while the broker is slow, and then has every row that was not counted as dropped', async () => {
    await start({ MILLRACE_SERVING_LOG_ROWS: String(LOG_ROWS_MAX) });
    // It works in between as long as a few requests take: far slower than rows come.
    for (let turn = 0; turn < SLOW_TURNS; turn++) {
      kafka.freeze();
      const times = await infer(SLOW_STEP);
      kafka.thaw();
      expect(Math.max(...times)).toBeLessThan(BROKER_DEADLINE_MS);
      expect((await stats()).queued).toBeLessThanOrEqual(LOG_ROWS_MAX);
      await infer(AT_ONCE);
    }
    const sent = SLOW_TURNS * (SLOW_STEP + AT_ONCE);
    const after = await eventually(
      'the queue is written',
      async () => {
        const now = await stats();
        return now.queued === 0 && now.logged + now.dropped === sent ? now : undefined;
      },
      30_000,
    );
    expect(after.failures).toBe(0);
    expect(after.logged).toBeGreaterThan(0);
    await stop();
  }, 90_000);

  it('logs a share of the request ids, all rows of a request or none, the same ones again', async () => {
    const counts: number[] = [];
    for (let run = 0; run < 2; run++) {
      await start({ MILLRACE_SERVING_LOG_SHARE: '0.25' });
      await infer(1_000);
      counts.push(await eventually('logged', async () => ((await stats()).queued === 0 ? (await stats()).logged : 0)));
      const metrics = await (await fetch(`${serving.http}/metrics`)).text();
      const left = Number(/predictions_sampled_out_total(?:\{[^}]*\})? (\d+)/.exec(metrics)?.[1]);
      expect(left + (counts[run] as number)).toBe(1_000);
      await stop();
    }
    expect(counts[0]).toBeGreaterThan(180);
    expect(counts[0]).toBeLessThan(320);
    expect(counts[1]).toBe(counts[0]);
  }, 60_000);
});
