// One record over HTTP: what one connection waits, and what 128 connections get beside the same route answering without
// Kafka (an empty list of as many bytes: read, parsed and answered, nothing to send).

import { systemClock } from '@millrace/domain';
import { runHttpLoad } from '../load/http-load.js';
import { median, ms, type Outcome, rate } from '../serving/row.js';
import { flights, PROJECT } from './flights.js';
import { settled } from './grpc.js';
import type { Ingest } from './ingest.process.js';

const CONNECTIONS = 128;
const P50_MS_MAX = 4;

export async function http(ingest: Ingest, rounds: number, seconds: number): Promise<Outcome[]> {
  const [flight] = flights('h', 1, systemClock.nowMs() - 86_400_000);
  const body = Buffer.from(JSON.stringify(flight));
  const empty = Buffer.from(`[${' '.repeat(body.length - 2)}]`);
  const load = async (given: Buffer, connections: number) => {
    const result = await runHttpLoad({
      port: ingest.httpPort,
      path: `/v1/projects/${PROJECT}/records`,
      headers: { 'Content-Type': 'application/json' },
      body: given,
      connections,
      seconds,
      warmUpSeconds: 1,
    });
    if (result.failures > 0) throw new Error(`${result.failures} requests failed: ${result.firstFailure}`);
    return result;
  };
  const kept: Record<string, number[]> = { 'one: p50 ms': [], many: [], 'many without Kafka': [] };
  for (let round = 0; round < rounds; round++) {
    kept['one: p50 ms']?.push((await load(body, 1)).latency.p50Ms);
    kept.many?.push((await load(body, CONNECTIONS)).perSecond);
    await settled(ingest);
    kept['many without Kafka']?.push((await load(empty, CONNECTIONS)).perSecond);
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
