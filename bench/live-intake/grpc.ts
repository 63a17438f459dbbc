// Records over gRPC, acknowledged by Kafka, one and a hundred in a message; beside them what the Kafka producer alone
// sends of the same bytes. Two streams, each with as many unanswered as ingest lets it have.

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { fromBinary } from '@bufbuild/protobuf';
import { ingestPb } from '@millrace/contracts';
import { systemClock } from '@millrace/domain';
import { BytesClient } from '@millrace/grpc';
import { median, type Outcome, rate } from '../serving/row.js';
import { flights, requestsOf } from './flights.js';
import { type Ingest, stateOf } from './ingest.process.js';

const STREAMS = 2;
/** MILLRACE_INGEST_STREAM_REQUESTS_MAX and _RECORDS_MAX by default. */
const REQUESTS_IN_FLIGHT = 512;
const RECORDS_IN_FLIGHT = 4_000;
const RECORDS = { one: 150_000, hundred: 400_000 } as const;
const PATH = '/millrace.ingest.v1.IngestService/IngestRecords';
const ANSWER_BYTES_MAX = 1 << 20;
/** A stream without an answer for so long has stalled. */
const STALL_MS = 30_000;

/** Sends all of them; resolves when every record was accepted. */
function stream(client: BytesClient, requests: readonly Uint8Array[], window: number, perMessage: number) {
  return new Promise<void>((resolve, reject) => {
    let sent = 0;
    let answered = 0;
    const call = client.stream(
      { path: PATH, deadlineAtMs: Number.POSITIVE_INFINITY, headers: {} },
      {
        message: (bytes) => {
          answered += 1;
          stalled.refresh();
          // One in a hundred is looked into: the load must not cost what it measures.
          if (answered % 100 === 1) {
            const { accepted } = fromBinary(ingestPb.IngestRecordsResponseSchema, bytes);
            if (accepted !== perMessage) reject(new Error(`${accepted} of ${perMessage} records accepted`));
          }
          if (sent < requests.length) call.write(requests[sent++] as Uint8Array);
          else if (answered === requests.length) call.endWriting();
        },
        drained: () => undefined,
        end: ({ status, message }) => {
          clearTimeout(stalled);
          if (status === 0 && answered === requests.length) resolve();
          else reject(new Error(`the stream ended with ${status} after ${answered} answers: ${message}`));
        },
      },
    );
    const stalled = setTimeout(() => reject(new Error(`no answer after ${answered}`)), STALL_MS);
    while (sent < Math.min(window, requests.length)) call.write(requests[sent++] as Uint8Array);
  });
}

let runs = 0;

export async function grpcRate(ingest: Ingest, records: number, perMessage: number) {
  const all = requestsOf(flights(`g${runs++}`, records, systemClock.nowMs() - 86_400_000), perMessage);
  const window = Math.min(REQUESTS_IN_FLIGHT, Math.floor(RECORDS_IN_FLIGHT / perMessage));
  const client = new BytesClient(`127.0.0.1:${ingest.grpcPort}`, systemClock, ANSWER_BYTES_MAX);
  const parts = Array.from({ length: STREAMS }, (_, part) => all.filter((_request, i) => i % STREAMS === part));
  const before = stateOf(ingest.pid).cpuSeconds;
  const fromMs = systemClock.monotonicMs();
  await Promise.all(parts.map((part) => stream(client, part, window, perMessage)));
  const seconds = (systemClock.monotonicMs() - fromMs) / 1000;
  const cpuUs = ((stateOf(ingest.pid).cpuSeconds - before) * 1e6) / records;
  client.close();
  return { perSecond: records / seconds, cpuUs };
}

async function producerAlone(root: string, ingest: Ingest, records: number, perMessage: number, inFlight: number) {
  const script = join(root, 'dist/bench/live-intake/producer-alone.main.js');
  const given = [ingest.broker.brokers.join(','), records, perMessage, inFlight].map(String);
  const { stdout } = await promisify(execFile)(process.execPath, [script, ...given]);
  return JSON.parse(stdout) as { perSecond: number; cpuUsPerRecord: number };
}

/** Until ingest has read back what it took in, so that one measurement does not pay for the one before. */
export async function settled(ingest: Ingest): Promise<number> {
  const fromMs = systemClock.monotonicMs();
  for (let last = -1; ; ) {
    const { recordsAccepted = 0 } = await ingest.stats();
    if (recordsAccepted === last) return (systemClock.monotonicMs() - fromMs) / 1000;
    last = recordsAccepted;
    await new Promise((wake) => setTimeout(wake, 1_000));
  }
}

export async function grpc(root: string, ingest: Ingest, rounds: number): Promise<Outcome[]> {
  const kept: Record<string, number[]> = {};
  const keep = (name: string, value: number) => {
    kept[name] = [...(kept[name] ?? []), value];
  };
  for (let round = 0; round <= rounds; round++) {
    const scale = round === 0 ? 0.2 : 1;
    const one = await grpcRate(ingest, RECORDS.one * scale, 1);
    const oneBehind = await settled(ingest);
    const hundred = await grpcRate(ingest, RECORDS.hundred * scale, 100);
    const behind = await settled(ingest);
    const alone = await producerAlone(root, ingest, RECORDS.hundred, 100, STREAMS * RECORDS_IN_FLIGHT);
    if (round === 0) continue;
    keep('one', one.perSecond);
    keep('one: cpu µs', one.cpuUs);
    keep('one: s until read', oneBehind);
    keep('hundred', hundred.perSecond);
    keep('hundred: cpu µs', hundred.cpuUs);
    keep('hundred: s until read', behind);
    keep('producer alone', alone.perSecond);
    keep('producer alone: cpu µs', alone.cpuUsPerRecord);
  }
  const of = (name: string) => median(kept[name] ?? []);
  const ratio = of('hundred') / of('producer alone');
  return [
    {
      figure: 'records over gRPC, one a message',
      target: '>= 20,000/s',
      measured: rate(of('one')),
      met: of('one') >= 20_000,
      rounds: kept,
    },
    {
      figure: 'records over gRPC, 100 a message : the Kafka producer alone',
      target: '>= 0.6 ×',
      measured: `${rate(of('hundred'))} : ${rate(of('producer alone'))}`,
      ratio,
      met: ratio >= 0.6,
      rounds: {},
    },
  ];
}
