// ingest's gRPC API (8011) through Nest: streams of records and labels. Each request is answered in order once Kafka
// has its records. A stream with too many unanswered requests is paused, so that a fast sender waits instead of filling
// memory; for that the handlers take grpc-js' stream as it is (an Observable of Nest's could not hold its sender back).

import { create } from '@bufbuild/protobuf';
import { type DatasetVersion, type dataPb, ingestPb } from '@millrace/contracts';
import { Controller, Inject } from '@nestjs/common';
import { GrpcMethod, GrpcStreamCall } from '@nestjs/microservices';
import { INGEST_CONFIG, type IngestConfig } from '../config.js';
import { DatasetIndex } from '../datasets/dataset-index.js';
import { jsonPayload } from '../deadletters/dead-letter.js';
import type { LabelInput } from '../labels/label-intake.js';
import { ProjectRegistry } from '../projects/project-registry.js';
import type { IntakeOutcome } from '../records/intake.js';
import type { RecordInput } from '../records/record-input.js';
import { assertCount, RecordPublisher } from '../records/record-publisher.kafka.js';

type Value = dataPb.Value;

interface Duplex<Q, A> {
  on(event: 'data', listener: (request: Q) => void): unknown;
  on(event: 'end' | 'cancelled', listener: () => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
  pause(): unknown;
  resume(): unknown;
  write(answer: A): boolean;
  end(): void;
  readonly cancelled: boolean;
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
  return { recordId: record.recordId, hasOwnId: record.recordId !== '', values, faults: [] };
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

/** The JSON form of a label. */
function labelPayload({ faults: _, ...label }: LabelInput): Uint8Array {
  return jsonPayload(label);
}

/**
 * Answers requests in the order they came, with a bounded number of them and of their records unanswered. Requests that
 * arrive in one turn of the event loop are answered together: senders of single records cost a fraction that way.
 * Resolves when the stream has ended; rejects with what a request failed of, which ends it.
 */
function inTurns<Q, A>(
  call: Duplex<Q, A>,
  limits: GrpcLimits,
  sizeOf: (request: Q) => number,
  answerAll: (requests: Q[]) => Promise<A[]>,
): Promise<void> {
  if (call.cancelled) return Promise.resolve();
  return new Promise((resolve, reject) => {
    let arrived: Q[] = [];
    let pending = 0;
    let pendingRecords = 0;
    const full = () => pending >= limits.streamRequestsMax || pendingRecords >= limits.streamRecordsMax;
    let ended = false;
    let failed = false;
    let tail: Promise<void> = Promise.resolve();
    const finish = () => {
      if (!ended || pending > 0 || failed) return;
      call.end();
      resolve();
    };
    const takeTurn = () => {
      const requests = arrived;
      arrived = [];
      const result = answerAll(requests);
      // Handled in its turn below; until then it must not count as unhandled.
      result.catch(() => undefined);
      tail = tail.then(async () => {
        if (failed) return;
        try {
          for (const answer of await result) call.write(answer);
          pending -= requests.length;
          for (const request of requests) pendingRecords -= sizeOf(request);
          if (!full()) call.resume();
          finish();
        } catch (thrown) {
          failed = true;
          reject(thrown);
        }
      });
    };
    call.on('data', (request) => {
      pending += 1;
      pendingRecords += sizeOf(request);
      if (full()) call.pause();
      if (arrived.push(request) === 1) setImmediate(takeTurn);
    });
    call.on('end', () => {
      ended = true;
      finish();
    });
    // The sender is gone: what was taken is sent on to Kafka, nobody is there to be told.
    const gone = () => {
      failed = true;
      resolve();
    };
    call.on('cancelled', gone);
    call.on('error', gone);
  });
}

/** One call of the publisher for neighbouring requests of one project; the outcome split up again by request. */
async function together<Q extends { project: string }, I>(
  requests: readonly Q[],
  inputsOf: (request: Q) => I[],
  send: (project: string, inputs: I[]) => Promise<IntakeOutcome>,
): Promise<IntakeOutcome[]> {
  const outcomes: Promise<IntakeOutcome[]>[] = [];
  for (let from = 0; from < requests.length; ) {
    const { project } = requests[from] as Q;
    const inputs: I[] = [];
    const counts: number[] = [];
    for (; from < requests.length && (requests[from] as Q).project === project; from++) {
      const own = inputsOf(requests[from] as Q);
      counts.push(own.length);
      for (const input of own) inputs.push(input);
    }
    outcomes.push(send(project, inputs).then((outcome) => split(outcome, counts)));
  }
  return (await Promise.all(outcomes)).flat();
}

function split(outcome: IntakeOutcome, counts: readonly number[]): IntakeOutcome[] {
  let start = 0;
  return counts.map((count) => {
    const end = start + count;
    const own = outcome.rejections.filter(({ index }) => index >= start && index < end);
    const rejections = own.map((rejection) => ({ ...rejection, index: rejection.index - start }));
    start = end;
    return { accepted: count - own.length, rejections };
  });
}

function answerOf(sequence: bigint, outcome: IntakeOutcome) {
  return {
    sequence,
    accepted: outcome.accepted,
    rejections: outcome.rejections.map((rejection) => ({
      ...rejection,
      reasons: rejection.reasons.map((reason) => ({ ...reason })),
    })),
  };
}

interface Sequenced {
  sequence: bigint;
}

type GrpcLimits = Pick<IngestConfig, 'streamRequestsMax' | 'streamRecordsMax'>;

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

@Controller()
export class IngestGrpc {
  constructor(
    @Inject(ProjectRegistry) private readonly registry: ProjectRegistry,
    @Inject(RecordPublisher) private readonly publisher: RecordPublisher,
    @Inject(DatasetIndex) private readonly datasetIndex: DatasetIndex,
    @Inject(INGEST_CONFIG) private readonly limits: IngestConfig,
  ) {}

  @GrpcStreamCall('IngestService', 'ingestRecords')
  ingestRecords(call: Duplex<ingestPb.IngestRecordsRequest, unknown>): Promise<void> {
    const { limits, registry, publisher } = this;
    return inTurns(
      call,
      limits,
      ({ records }) => records.length,
      async (requests) => {
        const outcomes = await together(
          requests,
          ({ records }) => {
            assertCount(records.length, limits.requestRecordsMax);
            return records.map(recordInput);
          },
          async (project, inputs) =>
            publisher.records(registry.get(project), inputs, 'grpc', (index) => {
              const { recordId, values } = inputs[index] as RecordInput;
              return jsonPayload({ recordId, values });
            }),
        );
        return outcomes.map((outcome, index) =>
          create(ingestPb.IngestRecordsResponseSchema, answerOf((requests[index] as Sequenced).sequence, outcome)),
        );
      },
    );
  }

  @GrpcStreamCall('IngestService', 'ingestLabels')
  ingestLabels(call: Duplex<ingestPb.IngestLabelsRequest, unknown>): Promise<void> {
    const { limits, registry, publisher } = this;
    return inTurns(
      call,
      limits,
      ({ labels }) => labels.length,
      async (requests) => {
        const outcomes = await together(
          requests,
          ({ labels }) => {
            assertCount(labels.length, limits.requestRecordsMax);
            return labels.map(labelInput);
          },
          async (project, inputs) =>
            publisher.labels(registry.get(project), inputs, 'grpc', (index) =>
              labelPayload(inputs[index] as LabelInput),
            ),
        );
        return outcomes.map((outcome, index) =>
          create(ingestPb.IngestLabelsResponseSchema, answerOf((requests[index] as Sequenced).sequence, outcome)),
        );
      },
    );
  }

  @GrpcMethod('IngestService', 'listDatasetVersions')
  listDatasetVersions({ project }: ingestPb.ListDatasetVersionsRequest) {
    this.registry.get(project);
    return { versions: this.datasetIndex.list(project).map(versionMessage) };
  }
}
