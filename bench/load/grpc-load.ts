// A load generator for unary ModelInfer: closed loop (a number of calls always in flight) or open loop (Poisson
// arrivals at a rate, latency measured from the time a call was due, so that a stalled server cannot hide its queue),
// over several connections. Latency goes into a histogram with 1.6 % resolution.
// `node dist/bench/load/grpc-load.js --address 127.0.0.1:8001 --request FILE --in-flight 128 | --rate 1000 [--seconds
// 10]
//  [--connections 4] [--warm-up 2] [--seed 1]` prints one JSON line.
// `lateP99Ms` says what of an open loop's latency is the generator's own: from when a call was due until it was made.

import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { Client, credentials } from '@grpc/grpc-js';
import { type Clock, seededRng, systemClock } from '@millrace/domain';
import { LatencyHistogram, type LatencySummary } from '@millrace/statistics';

export interface LoadSettings {
  address: string;
  /** A ModelInferRequest, or a function that gives the n-th one. */
  request: Buffer | ((n: number) => Buffer);
  connections: number;
  seconds: number;
  warmUpSeconds: number;
  /** Closed loop: calls in flight over all connections. */
  inFlight?: number;
  /** Open loop: mean arrivals a second. */
  ratePerSecond?: number;
  seed?: number;
  path?: string;
  clock?: Clock;
}

export interface LoadResult {
  requests: number;
  failures: number;
  firstFailure: string;
  seconds: number;
  perSecond: number;
  latency: LatencySummary;
}

export interface TimedLoadResult extends LoadResult {
  /** 99th percentile; 0 for a closed loop. */
  lateP99Ms: number;
}

/** Unanswered calls of an open loop; beyond, a due call counts as a failure. */
const OUTSTANDING_MAX = 20_000;
/** A call that is not answered by then has failed. */
const CALL_DEADLINE_MS = 5_000;

const passThrough = (bytes: Buffer): Buffer => bytes;

export async function runLoad(settings: LoadSettings): Promise<TimedLoadResult> {
  const clock = settings.clock ?? systemClock;
  const path = settings.path ?? '/inference.GRPCInferenceService/ModelInfer';
  const clients = Array.from(
    { length: settings.connections },
    () => new Client(settings.address, credentials.createInsecure(), { 'grpc.use_local_subchannel_pool': 1 }),
  );
  const histogram = new LatencyHistogram();
  const lateness = new LatencyHistogram();
  const requestAt = typeof settings.request === 'function' ? settings.request : () => settings.request as Buffer;
  let sent = 0;
  let requests = 0;
  let failures = 0;
  let firstFailure = '';
  let outstanding = 0;
  const fromMs = clock.monotonicMs() + settings.warmUpSeconds * 1000;
  const toMs = fromMs + settings.seconds * 1000;

  const call = (dueMs: number, done: () => void): void => {
    const client = clients[sent % clients.length] as Client;
    outstanding++;
    const sentMs = clock.monotonicMs();
    const deadline = clock.nowMs() + CALL_DEADLINE_MS;
    client.makeUnaryRequest(path, passThrough, passThrough, requestAt(sent++), { deadline }, (error) => {
      outstanding--;
      const nowMs = clock.monotonicMs();
      if (nowMs >= fromMs && dueMs < toMs) {
        requests++;
        if (error) {
          failures++;
          firstFailure ||= error.message;
        } else histogram.record((nowMs - dueMs) * 1000);
        lateness.record((sentMs - dueMs) * 1000);
      }
      done();
    });
  };

  if (settings.inFlight !== undefined) {
    const loop = async (): Promise<void> => {
      while (clock.monotonicMs() < toMs) await new Promise<void>((resolve) => call(clock.monotonicMs(), resolve));
    };
    await Promise.all(Array.from({ length: settings.inFlight }, loop));
  } else {
    const rate = settings.ratePerSecond ?? 1000;
    const rng = seededRng(settings.seed ?? 1);
    let dueMs = clock.monotonicMs();
    await new Promise<void>((resolve) => {
      const tick = (): void => {
        const nowMs = clock.monotonicMs();
        for (; dueMs <= nowMs && dueMs < toMs; dueMs += (-Math.log(1 - rng.next()) / rate) * 1000) {
          if (outstanding < OUTSTANDING_MAX) call(dueMs, () => {});
          else {
            requests++;
            failures++;
            firstFailure ||= `more than ${OUTSTANDING_MAX} calls unanswered`;
          }
        }
        if (dueMs >= toMs) resolve();
        // setTimeout rounds up to a millisecond: near the due time the loop turns instead.
        else if (dueMs - nowMs > 2) setTimeout(tick, dueMs - nowMs - 1);
        else setImmediate(tick);
      };
      tick();
    });
    while (outstanding > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  }
  for (const client of clients) client.close();
  return {
    requests,
    failures,
    firstFailure,
    seconds: settings.seconds,
    perSecond: (requests - failures) / settings.seconds,
    latency: histogram.summary(),
    lateP99Ms: lateness.summary().p99Ms,
  };
}

if (process.argv[1]?.endsWith('grpc-load.js')) {
  const { values } = parseArgs({
    options: {
      address: { type: 'string' },
      request: { type: 'string' },
      'in-flight': { type: 'string' },
      rate: { type: 'string' },
      seconds: { type: 'string', default: '10' },
      'warm-up': { type: 'string', default: '2' },
      seed: { type: 'string', default: '1' },
      connections: { type: 'string', default: '4' },
    },
  });
  if (!values.address || !values.request) throw new Error('--address and --request are needed');
  const result = await runLoad({
    address: values.address,
    request: readFileSync(values.request),
    connections: Number(values.connections),
    seconds: Number(values.seconds),
    warmUpSeconds: Number(values['warm-up']),
    seed: Number(values.seed),
    ...(values['in-flight']
      ? { inFlight: Number(values['in-flight']) }
      : { ratePerSecond: Number(values.rate ?? 1000) }),
  });
  process.stdout.write(`${JSON.stringify(result)}\n`);
}
