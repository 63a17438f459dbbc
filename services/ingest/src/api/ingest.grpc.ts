// ingest's gRPC API: streams of records and labels, native grpc-js. Each request is answered in order once Kafka has its
// records. A stream with too many unanswered requests is paused, so that a fast sender waits instead of filling memory.

import { create } from '@bufbuild/protobuf';
import { type DatasetVersion, type dataPb, IngestService, ingestPb } from '@millrace/contracts';
import { PlatformError } from '@millrace/domain';
import { bindService, type GrpcServiceBinding, toServiceError } from '@millrace/grpc';
import type { Catalogue } from '../datasets/catalogue.js';
import { jsonPayload } from '../deadletters/dead-letter.js';
import type { LabelInput } from '../labels/label-intake.js';
import type { ProjectBook } from '../projects/project-book.js';
import { assertCount, type GateOutcome, type RecordGate } from '../records/record-gate.kafka.js';
import type { RecordInput } from '../records/record-input.js';

type Value = dataPb.Value;

interface Duplex<Q, A> {
  on(event: 'data', listener: (request: Q) => void): unknown;
  on(event: 'end' | 'cancelled', listener: () => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
  pause(): unknown;
  resume(): unknown;
  write(answer: A): boolean;
  end(): void;
  emit(event: 'error', error: unknown): boolean;
}

function rawValue(value: Value | undefined): unknown {
  switch (value?.kind.case) {
    case 'number':
    case 'text':
    case 'flag':
      return value.kind.value;
    case 'timestampMs':
      return Number(value.kind.value);
    default:
      return null;
  }
}

function recordInput(record: ingestPb.RecordInput): RecordInput {
  const values: Record<string, unknown> = {};
  for (const name in record.values) values[name] = rawValue(record.values[name]);
  return { recordId: record.recordId, values, faults: [] };
}

function labelInput(label: ingestPb.LabelInput): LabelInput {
  return {
    recordId: label.recordId,
    predictionId: label.predictionId,
    entity: label.entity,
    eventTimeMs: Number(label.eventTimeMs),
    knownAtMs: Number(label.knownAtMs),
    value: label.outcome.case === 'value' ? label.outcome.value : null,
    raw: label.outcome.case === 'raw' ? rawValue(label.outcome.value) : null,
    faults: [],
  };
}

/** Answers requests in the order they came, with at most `pendingMax` of them unanswered. */
function inOrder<Q, A>(call: Duplex<Q, A>, pendingMax: number, answer: (request: Q) => Promise<A>): void {
  let pending = 0;
  let ended = false;
  let failed = false;
  let tail: Promise<void> = Promise.resolve();
  const finish = () => {
    if (ended && pending === 0 && !failed) call.end();
  };
  call.on('data', (request) => {
    pending += 1;
    if (pending >= pendingMax) call.pause();
    const result = answer(request);
    // Handled in its turn below; until then it must not count as unhandled.
    result.catch(() => undefined);
    tail = tail.then(async () => {
      if (failed) return;
      try {
        call.write(await result);
        pending -= 1;
        if (pending < pendingMax) call.resume();
        finish();
      } catch (thrown) {
        failed = true;
        call.emit('error', toServiceError(PlatformError.from(thrown)));
      }
    });
  });
  call.on('end', () => {
    ended = true;
    finish();
  });
  call.on('cancelled', () => {
    failed = true;
  });
  // A broken connection: what was taken is sent on to Kafka, nobody is there to be told.
  call.on('error', () => {
    failed = true;
  });
}

function answerOf(sequence: bigint, outcome: GateOutcome) {
  return {
    sequence,
    accepted: outcome.accepted,
    rejections: outcome.rejections.map((rejection) => ({
      ...rejection,
      reasons: rejection.reasons.map((reason) => ({ ...reason })),
    })),
  };
}

export interface GrpcLimits {
  streamRequestsMax: number;
  requestRecordsMax: number;
}

function versionMessage(version: DatasetVersion) {
  const offsets = version.offsets.map((range) => ({ ...range, first: BigInt(range.first), last: BigInt(range.last) }));
  return {
    ...version,
    offsets,
    ordinal: BigInt(version.ordinal),
    rows: BigInt(version.rows),
    labelledRows: BigInt(version.labelledRows),
    eventTimeFromMs: BigInt(version.eventTimeFromMs),
    eventTimeToMs: BigInt(version.eventTimeToMs),
    closedAtMs: BigInt(version.closedAtMs),
    windowStartMs: BigInt(version.windowStartMs),
    windowEndMs: BigInt(version.windowEndMs),
  };
}

export function ingestBinding(
  book: ProjectBook,
  gate: RecordGate,
  catalogue: Catalogue,
  limits: GrpcLimits,
): GrpcServiceBinding {
  return bindService(IngestService, {
    ingestRecords: (call) =>
      inOrder(
        call as unknown as Duplex<ingestPb.IngestRecordsRequest, unknown>,
        limits.streamRequestsMax,
        async (request) => {
          assertCount(request.records.length, limits.requestRecordsMax);
          const inputs = request.records.map(recordInput);
          const original = (index: number) => jsonPayload(inputs[index]);
          return create(
            ingestPb.IngestRecordsResponseSchema,
            answerOf(request.sequence, await gate.records(book.get(request.project), inputs, 'grpc', original)),
          );
        },
      ),
    ingestLabels: (call) =>
      inOrder(
        call as unknown as Duplex<ingestPb.IngestLabelsRequest, unknown>,
        limits.streamRequestsMax,
        async (request) => {
          assertCount(request.labels.length, limits.requestRecordsMax);
          const inputs = request.labels.map(labelInput);
          const original = (index: number) => jsonPayload(inputs[index]);
          return create(
            ingestPb.IngestLabelsResponseSchema,
            answerOf(request.sequence, await gate.labels(book.get(request.project), inputs, 'grpc', original)),
          );
        },
      ),
    listDatasetVersions: async (request) => {
      book.get(request.project);
      return { versions: catalogue.list(request.project).map(versionMessage) };
    },
  });
}
