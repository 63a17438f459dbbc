// Live flights as the intake bench sends them: of the flights example's columns, a millisecond of event time apart,
// each with an id of its own. Encoded before a run begins, so that the load costs next to nothing while it is measured.

import { create, toBinary } from '@bufbuild/protobuf';
import { encodeRecord, ingestPb, messageKey } from '@millrace/contracts';
import { seededRng } from '@millrace/domain';
import type { OutboundMessage } from '@millrace/kafka';

export const PROJECT = 'flights';
export const SEED = 17;

const AIRPORTS = 300;
const DISTANCE_MAX = 2_500;
/** Of the delivered message, as long as a real one. */
const SCHEMA_HASH = '0'.repeat(64);
const TIMESTAMPS = new Set(['date']);

export interface Flight {
  recordId: string;
  values: { date: number; distance: number; origin: string; destination: string };
}

const airport = (index: number): string => `A${index.toString(36).padStart(2, '0')}`;

/** `run` keeps the ids of runs apart. */
export function flights(run: string, count: number, fromMs: number): Flight[] {
  const rng = seededRng(SEED);
  return Array.from({ length: count }, (_, i) => ({
    recordId: `${run}-${i}`,
    values: {
      date: fromMs + i,
      distance: 50 + rng.below(DISTANCE_MAX),
      origin: airport(rng.below(AIRPORTS)),
      destination: airport(rng.below(AIRPORTS)),
    },
  }));
}

/** Requests of `perMessage` records each. */
export function requestsOf(records: readonly Flight[], perMessage: number): Uint8Array[] {
  const requests: Uint8Array[] = [];
  for (let from = 0; from < records.length; from += perMessage) {
    const request = create(ingestPb.IngestRecordsRequestSchema, {
      project: PROJECT,
      sequence: BigInt(requests.length + 1),
      records: records.slice(from, from + perMessage).map(({ recordId, values }) =>
        create(ingestPb.RecordInputSchema, {
          recordId,
          values: {
            date: { kind: { case: 'timestampMs', value: BigInt(values.date) } },
            distance: { kind: { case: 'number', value: values.distance } },
            origin: { kind: { case: 'text', value: values.origin } },
            destination: { kind: { case: 'text', value: values.destination } },
          },
        }),
      ),
    });
    requests.push(toBinary(ingestPb.IngestRecordsRequestSchema, request));
  }
  return requests;
}

/** The messages that ingest makes of them. */
export function messagesOf(records: readonly Flight[]): OutboundMessage[] {
  return records.map(({ recordId, values }) => ({
    key: messageKey(PROJECT, values.origin),
    value: encodeRecord(
      {
        project: PROJECT,
        recordId,
        entity: values.origin,
        eventTimeMs: values.date,
        values: { ...values, hour: 12, weekday: 3 },
        schemaHash: SCHEMA_HASH,
        source: 'grpc',
        ingestedAtMs: values.date,
      },
      TIMESTAMPS,
    ),
  }));
}
