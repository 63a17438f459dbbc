// Three times what a model can do: an open loop of Poisson arrivals with deadlines at a model that takes 20 ms a
// request, so that the load itself takes little of the machine. Goodput is answers before their deadlines a second; the
// peak is the best of the rates below and at the capacity.

import { Client, credentials, status } from '@grpc/grpc-js';
import { seededRng, systemClock } from '@millrace/domain';
import { SLOW_MS } from '../serving/repository.fs.js';
import { grpcRequest, ROW } from '../serving/requests.js';
import { ms, type Outcome } from '../serving/row.js';
import { residentMib } from './proc.fs.js';
import type { RouterBench, RouterRow } from './row.js';

const CAPACITY = 1_000 / SLOW_MS;
const DEADLINE_MS = 400;
const WARM_UP_SECONDS = 2;
const INFER = '/inference.GRPCInferenceService/ModelInfer';
const asItIs = (bytes: Buffer): Buffer => bytes;

interface Told {
  perSecond: number;
  /** Share of the callers that were refused at once, and of those that waited in vain. */
  refused: number;
  late: number;
  refusedMs: number;
  /** What the first call that failed was told. */
  why: string;
}

async function offered(grpcPort: number, times: number, seconds: number, seed: number): Promise<Told> {
  const client = new Client(`127.0.0.1:${grpcPort}`, credentials.createInsecure());
  const request = grpcRequest('slow', 'INPUT0', ROW);
  const rng = seededRng(seed);
  const startMs = performance.now();
  const measuredFromMs = startMs + WARM_UP_SECONDS * 1_000;
  const endMs = measuredFromMs + seconds * 1_000;
  const counts = { good: 0, refused: 0, late: 0, refusedMs: 0 };
  let why = '';
  const running = new Set<Promise<void>>();
  for (let dueMs = startMs; dueMs < endMs; dueMs += (-Math.log(1 - rng.next()) / (times * CAPACITY)) * 1_000) {
    const waitMs = dueMs - performance.now();
    if (waitMs > 1) await new Promise((wake) => setTimeout(wake, waitMs));
    const sentMs = performance.now();
    const deadline = systemClock.nowMs() + DEADLINE_MS;
    const call = new Promise<void>((done) => {
      client.makeUnaryRequest(INFER, asItIs, asItIs, request, { deadline }, (error) => {
        if (sentMs >= measuredFromMs) {
          if (error !== null) why ||= error.details;
          if (error === null) counts.good += 1;
          else if (error.code === status.UNAVAILABLE) {
            counts.refused += 1;
            counts.refusedMs += performance.now() - sentMs;
          } else counts.late += 1;
        }
        done();
      });
    });
    running.add(call);
    void call.then(() => running.delete(call));
  }
  await Promise.all(running);
  client.close();
  const all = counts.good + counts.refused + counts.late;
  return {
    perSecond: counts.good / seconds,
    refused: counts.refused / all,
    late: counts.late / all,
    refusedMs: counts.refused === 0 ? 0 : counts.refusedMs / counts.refused,
    why,
  };
}

export const overload: RouterRow = {
  name: 'overload',
  async measure(bench: RouterBench): Promise<Outcome[]> {
    const { system } = bench.routers[0];
    const seconds = Math.max(10, bench.seconds * 3);
    const told = new Map<number, Told>();
    const memory: number[] = [];
    let seed = 0;
    for (const times of [0.8, 1, 2, 3]) {
      const at = await offered(system.grpcPort, times, seconds, ++seed);
      told.set(times, at);
      memory.push(residentMib(system.pid));
      const shares = `${(100 * at.refused).toFixed(0)} % refused after ${ms(at.refusedMs)}, ${(100 * at.late).toFixed(1)} % late`;
      bench.say(
        `    ${times} × capacity: ${at.perSecond.toFixed(1)}/s in time, ${shares}, ${memory.at(-1)?.toFixed(0)} MiB`,
      );
    }
    const calm = told.get(0.8) as Told;
    if (calm.perSecond < 0.4 * CAPACITY)
      throw new Error(
        `${calm.perSecond.toFixed(1)}/s in time at 0.8 × capacity: there is nothing to compare with; ${calm.why}`,
      );
    const rates = [...told.values()].map(({ perSecond }) => perSecond);
    const peak = Math.max(...rates);
    const three = told.get(3) as Told;
    const grown = (memory.at(-1) as number) - (memory[0] as number);
    const rounds = { goodput: rates, late: [...told.values()].map(({ late }) => late), memory };
    return [
      {
        figure: `at 3 × capacity (${CAPACITY}/s, deadline ${DEADLINE_MS} ms): goodput against the peak`,
        target: '≥ 0.90 ×',
        measured: `${three.perSecond.toFixed(1)}/s of ${peak.toFixed(1)}/s, ${(100 * three.late).toFixed(1)} % late`,
        ...{ ratio: three.perSecond / peak, met: three.perSecond >= 0.9 * peak, rounds },
      },
      {
        figure: '  memory of the router, from 0.8 to 3 × capacity',
        target: '≤ 32 MiB more',
        measured: `${grown.toFixed(0)} MiB more, ${memory.at(-1)?.toFixed(0)} MiB`,
        ...{ met: grown <= 32, rounds },
      },
    ];
  },
};
