// One record over HTTP: what one connection waits, and what 128 connections get beside the same route answering without
// Kafka (an empty list of as many bytes: read, parsed and answered, nothing to send).

import { systemClock } from '@millrace/domain';
import { runHttpLoad } from '../load/http-load.js';
import { median, ms, type Outcome, rate } from '../serving/row.js';
import { flights, PROJECT } from './flights.js';
import { settled } from './grpc.js';
import { type Ingest, stateOf } from './ingest.process.js';

export const CONNECTIONS = 128;
const P50_MS_MAX = 4;

/** As many requests as there is time for. @throws Error where one is not answered 200 */
export async function httpLoad(
  ingest: Ingest,
  body: Buffer | (() => Buffer),
  connections: number,
  { seconds, warmUpSeconds }: { seconds: number; warmUpSeconds: number },
) {
  const result = await runHttpLoad({
    port: ingest.httpPort,
    path: `/v1/projects/${PROJECT}/records`,
    headers: { 'Content-Type': 'application/json' },
    ...{ body, connections, seconds, warmUpSeconds },
  });
  if (result.failures > 0) throw new Error(`${result.failures} requests failed: ${result.firstFailure}`);
  return result;
}

export async function http(ingest: Ingest, rounds: number, seconds: number): Promise<Outcome[]> {
  const [flight] = flights('h', 1, systemClock.nowMs() - 86_400_000);
  const body = Buffer.from(JSON.stringify(flight));
  const empty = Buffer.from(`[${' '.repeat(body.length - 2)}]`);
  const load = async (given: Buffer, connections: number) => {
    const before = stateOf(ingest.pid).cpuSeconds;
    const result = await httpLoad(ingest, given, connections, { seconds, warmUpSeconds: 1 });
    // Warm-up and end are in it as they are in the requests: both as long for either body.
    const cpuUs = ((stateOf(ingest.pid).cpuSeconds - before) * 1e6) / ((result.requests * (seconds + 1)) / seconds);
    return { ...result, cpuUs };
  };
  const kept: Record<string, number[]> = {};
  const keep = (name: string, value: number) => {
    kept[name] = [...(kept[name] ?? []), value];
  };
  for (let round = 0; round < rounds; round++) {
    keep('one: p50 ms', (await load(body, 1)).latency.p50Ms);
    const many = await load(body, CONNECTIONS);
    await settled(ingest);
    const without = await load(empty, CONNECTIONS);
    keep('many', many.perSecond);
    keep('many: cpu µs', many.cpuUs);
    keep('many without Kafka', without.perSecond);
    keep('many without Kafka: cpu µs', without.cpuUs);
  }
  const of = (name: string) => median(kept[name] ?? []);
  const ratio = of('many') / of('many without Kafka');
  return [
    {
      figure: 'one record over HTTP, one connection: p50',
      target: `<= ${P50_MS_MAX} ms`,
      measured: ms(of('one: p50 ms')),
      met: of('one: p50 ms') <= P50_MS_MAX,
      rounds: kept,
    },
    {
      figure: `one record over HTTP, ${CONNECTIONS} connections : the same route without Kafka`,
      target: '>= 0.5 ×',
      measured: `${rate(of('many'))} : ${rate(of('many without Kafka'))}`,
      ratio,
      met: ratio >= 0.5,
      rounds: {},
    },
  ];
}
