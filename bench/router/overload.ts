// Three times what a model can do: an open loop of Poisson arrivals with deadlines at a model that takes 20 ms a
// request, so that the load itself takes little of the machine. Goodput is answers before their deadlines a second; the
// peak is the best of the rates below and at the capacity.

import { Client, credentials, status } from '@grpc/grpc-js';
import { seededRng, systemClock } from '@millrace/domain';
import { SLOW_MS } from '../serving/repository.fs.js';
import { grpcRequest, ROW } from '../serving/requests.js';
import { inTurns, median, ms, type Outcome } from '../serving/row.js';
import { residentMib } from './proc.fs.js';
import { waitUntil } from './routed.process.js';
import type { RouterBench, RouterRow } from './row.js';

/** Of the repository: it takes SLOW_MS a request, one at a time. */
const SLOW = 'slow';
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
}

async function offered(grpcPort: number, times: number, seconds: number, seed: number): Promise<Told> {
  const client = new Client(`127.0.0.1:${grpcPort}`, credentials.createInsecure());
  const request = grpcRequest(SLOW, 'INPUT0', ROW);
  const rng = seededRng(seed);
  const startMs = performance.now();
  const measuredFromMs = startMs + WARM_UP_SECONDS * 1_000;
  const endMs = measuredFromMs + seconds * 1_000;
  const counts = { good: 0, refused: 0, late: 0, refusedMs: 0 };
  const running = new Set<Promise<void>>();
  for (let dueMs = startMs; dueMs < endMs; dueMs += (-Math.log(1 - rng.next()) / (times * CAPACITY)) * 1_000) {
    const waitMs = dueMs - performance.now();
    if (waitMs > 1) await new Promise((wake) => setTimeout(wake, waitMs));
    const sentMs = performance.now();
    const deadline = systemClock.nowMs() + DEADLINE_MS;
    const call = new Promise<void>((done) => {
      client.makeUnaryRequest(INFER, asItIs, asItIs, request, { deadline }, (error) => {
        if (sentMs >= measuredFromMs) {
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
  };
}

export const overload: RouterRow = {
  name: 'overload',
  async measure(bench: RouterBench): Promise<Outcome[]> {
    const { system } = bench.routers[0];
    await waitUntil(`the model '${SLOW}' is ready`, async () => {
      const answer = await fetch(`http://127.0.0.1:${system.httpPort}/v2/models/${SLOW}/ready`);
      await answer.arrayBuffer();
      return answer.ok;
    });
    const seconds = Math.max(5, bench.seconds);
    const late: number[] = [];
    const memory: number[] = [];
    let seed = 0;
    const at = (times: number) => async (warmUp: boolean) => {
      const told = await offered(system.grpcPort, times, warmUp ? 1 : seconds, ++seed);
      const shares = `${(100 * told.refused).toFixed(0)} % refused after ${ms(told.refusedMs)}`;
      const waited = `${(100 * told.late).toFixed(1)} % late`;
      if (!warmUp) bench.say(`    ${times} × capacity: ${told.perSecond.toFixed(1)}/s in time, ${shares}, ${waited}`);
      if (!warmUp) memory.push(residentMib(system.pid));
      if (!warmUp && times === 3) late.push(told.late);
      return told.perSecond;
    };
    // In turn: what others take of the machine meanwhile is taken from all rates alike.
    const goodput = await inTurns(bench.rounds, { low: at(0.8), full: at(1), double: at(2), triple: at(3) });
    const peak = Math.max(...Object.values(goodput).map(median));
    const triple = median(goodput.triple ?? []);
    const grown = (memory.at(-1) as number) - (memory[0] as number);
    const rounds = { ...goodput, late, memory };
    return [
      {
        figure: `at 3 × capacity (${CAPACITY}/s, deadline ${DEADLINE_MS} ms): goodput against the peak`,
        target: '≥ 0.90 ×',
        measured: `${triple.toFixed(1)}/s of ${peak.toFixed(1)}/s, ${(100 * median(late)).toFixed(1)} % late`,
        ...{ ratio: triple / peak, met: peak > 0 && triple >= 0.9 * peak, rounds },
      },
      {
        figure: '  memory of the router, over all rounds',
        target: '≤ 32 MiB more',
        measured: `${grown.toFixed(0)} MiB more, ${memory.at(-1)?.toFixed(0)} MiB`,
        ...{ met: grown <= 32, rounds },
      },
    ];
  },
};
