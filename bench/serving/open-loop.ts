// 1,000 requests a second as Poisson arrivals, latency from the moment a call was due; and the small model's latency
// beside a model that holds its thread for 20 ms at 80 % of its capacity, while health is asked all the time.

import { Health } from '@millrace/contracts';
import { createClient } from '@millrace/grpc';
import { runLoad } from '../load/grpc-load.js';
import { SLOW_MS } from './repository.fs.js';
import { grpcRequest, networkRequest, ROW } from './requests.js';
import { type Bench, inTurns, median, ms, type Row, times } from './row.js';
import type { System } from './systems.process.js';

const RATE = 1000;
const P99_MAX_MS = 5;

async function networkLoad({ grpcPort }: System, ratePerSecond: number, seconds: number, seed: number) {
  const result = await runLoad({
    address: `127.0.0.1:${grpcPort}`,
    request: networkRequest(),
    connections: 4,
    seconds,
    warmUpSeconds: 1,
    ratePerSecond,
    seed,
  });
  if (result.failures > 0) throw new Error(`${result.failures} calls failed: ${result.firstFailure}`);
  return result.latency;
}

export const openLoop: Row = {
  name: 'open-loop',
  peers: false,
  async measure(bench) {
    const echo = await bench.echo('http2-echo.js');
    const p50: number[] = [];
    let seed = 0;
    const rounds = await inTurns(bench.rounds, {
      echo: async (warmUp) => (await networkLoad(echo, RATE, warmUp ? 1 : bench.seconds, ++seed)).p99Ms,
      p99: async (warmUp) => {
        const latency = await networkLoad(bench.millrace, RATE, warmUp ? 1 : bench.seconds, seed);
        if (!warmUp) p50.push(latency.p50Ms);
        return latency.p99Ms;
      },
    });
    const p99 = median(rounds.p99 ?? []);
    const echoP99 = median(rounds.echo ?? []);
    // A machine on which an echo cannot do it says nothing about a server.
    const isVoid = p99 > P99_MAX_MS && echoP99 > P99_MAX_MS;
    if (isVoid) bench.say(`    void: an echo without a model has p99 ${ms(echoP99)} here; the machine was disturbed`);
    return [
      {
        figure: `${RATE} requests/s, Poisson: p99, no failure`,
        target: `≤ ${ms(P99_MAX_MS)}`,
        measured: `${ms(p99)}, p50 ${ms(median(p50))}, echo ${ms(echoP99)}`,
        met: isVoid ? undefined : p99 <= P99_MAX_MS,
        rounds: { ...rounds, p50 },
      },
    ];
  },
};

/** Of what the slow model can do with one engine. */
const SLOW_SHARE = 0.8;
const SMALL_RATE = 300;
const HEALTH_EVERY_MS = 20;
const HEALTH_MAX_MS = 50;
const BESIDE_MAX = 2;

/** Asks gRPC and REST health until `until` is settled; the slowest answer in ms. */
async function slowestHealth(bench: Bench, until: Promise<unknown>): Promise<number> {
  let running = true;
  void until.finally(() => {
    running = false;
  });
  const health = createClient(Health, `127.0.0.1:${bench.millrace.grpcPort}`);
  await health.check({});
  let slowest = 0;
  while (running) {
    for (const ask of [
      () => health.check({}),
      async () => {
        const answer = await fetch(`http://127.0.0.1:${bench.millrace.httpPort}/v2/health/live`);
        if (!answer.ok) throw new Error(`health answered ${answer.status}`);
        await answer.arrayBuffer();
      },
    ]) {
      const askedMs = performance.now();
      await ask();
      slowest = Math.max(slowest, performance.now() - askedMs);
    }
    await new Promise((wake) => setTimeout(wake, HEALTH_EVERY_MS));
  }
  health.close();
  return slowest;
}

export const neighbour: Row = {
  name: 'neighbour',
  peers: false,
  async measure(bench) {
    const healthMs: number[] = [];
    let seed = 100;
    const small = (warmUp: boolean) => networkLoad(bench.millrace, SMALL_RATE, warmUp ? 1 : bench.seconds, ++seed);
    const rounds = await inTurns(bench.rounds, {
      alone: async (warmUp) => {
        const measuring = small(warmUp);
        await slowestHealth(bench, measuring);
        return (await measuring).p99Ms;
      },
      beside: async (warmUp) => {
        const slow = runLoad({
          address: `127.0.0.1:${bench.millrace.grpcPort}`,
          request: grpcRequest('slow', 'INPUT0', ROW),
          connections: 1,
          seconds: (warmUp ? 1 : bench.seconds) + 1,
          warmUpSeconds: 0,
          ratePerSecond: (SLOW_SHARE * 1000) / SLOW_MS,
          seed: ++seed,
        });
        const measuring = small(warmUp);
        const slowest = await slowestHealth(bench, measuring);
        if (!warmUp) healthMs.push(slowest);
        const { failures, firstFailure } = await slow;
        if (failures > 0) throw new Error(`the slow model: ${failures} calls failed: ${firstFailure}`);
        return (await measuring).p99Ms;
      },
    });
    const [alone, beside] = [median(rounds.alone ?? []), median(rounds.beside ?? [])];
    const health = Math.max(...healthMs);
    return [
      {
        figure: `beside a ${SLOW_MS} ms model at ${100 * SLOW_SHARE} %: the small one's p99`,
        target: `≤ ${times(BESIDE_MAX)} alone`,
        measured: `${ms(beside)}, alone ${ms(alone)}`,
        ratio: beside / alone,
        met: beside <= BESIDE_MAX * alone,
        rounds,
      },
      {
        figure: '  slowest health answer meanwhile',
        target: `≤ ${HEALTH_MAX_MS} ms`,
        measured: ms(health),
        met: health <= HEALTH_MAX_MS,
        rounds: { healthMs },
      },
    ];
  },
};
