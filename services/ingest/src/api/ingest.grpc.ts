// ingest's gRPC API (8011): streams of records and labels, each request answered in order once Kafka has its records
// (intake-stream.ts), and the list of dataset versions. On the HTTP/2 server of libs/grpc: a request costs a fraction
// of what it costs behind grpc-js.

import { create } from '@bufbuild/protobuf';
import {
  type DatasetVersion,
  dataPb,
  decodeIngestLabels,
  decodeIngestRecords,
  encodeIngestAnswer,
  type IngestRequest,
  IngestService,
  type LabelGiven,
  type RecordGiven,
} from '@millrace/contracts';
import { PlatformError } from '@millrace/domain';
import {
  type BytesStream,
  bindService,
  type GrpcServiceBinding,
  type Method,
  statusOfCode,
  streaming,
} from '@millrace/grpc';
import type { IngestConfig } from '../config.js';
import type { DatasetIndex } from '../datasets/dataset-index.js';
import { jsonPayload } from '../deadletters/dead-letter.js';
import type { LabelInput } from '../labels/label-intake.js';
import type { ProjectRegistry } from '../projects/project-registry.js';
import type { IntakeOutcome } from '../records/intake.js';
import type { RecordInput } from '../records/record-input.js';
import { assertCount, type RecordPublisher } from '../records/record-publisher.kafka.js';
import { IntakeStream, together } from './intake-stream.js';

type GrpcLimits = Pick<IngestConfig, 'streamRequestsMax' | 'streamRecordsMax' | 'requestRecordsMax'>;

export interface IngestGrpcPorts {
  registry: ProjectRegistry;
  publisher: RecordPublisher;
  datasetIndex: DatasetIndex;
  limits: GrpcLimits;
}

/** Versions in one answer: half a megabyte. */
const LIST_MAX = 1_000;
const NO_FAULTS: RecordInput['faults'] = [];

function recordInputs({ items, clientId, recordSequence }: IngestRequest<RecordGiven>): RecordInput[] {
  return items.map(({ recordId, values }, index) => {
    const hasOwnId = recordId !== '';
    const id = hasOwnId || clientId === '' ? recordId : `${clientId}/${sequenceOf(recordSequence, index)}`;
    return { recordId: id, hasOwnId, values, faults: NO_FAULTS };
  });
}

const sequenceOf = (first: number | bigint, index: number): number | bigint =>
  typeof first === 'number' ? first + index : first + BigInt(index);

const labelInput = (label: LabelGiven): LabelInput => ({ ...label, faults: NO_FAULTS });

/** The JSON form of a label. */
function labelPayload({ faults: _, ...label }: LabelInput): Uint8Array {
  return jsonPayload(label);
}

function intake<T>(
  limits: GrpcLimits,
  decode: (bytes: Uint8Array) => IngestRequest<T>,
  answerAll: (requests: readonly IngestRequest<T>[]) => Promise<IntakeOutcome[]>,
): Method {
  return streaming((call: BytesStream) => {
    const stream = new IntakeStream<IngestRequest<T>>(
      {
        answerAll,
        write: ({ sequence }, outcome) => call.write(encodeIngestAnswer({ sequence, ...outcome })),
        end: () => call.end(),
        fail: (error) => call.refuse(statusOfCode(error.code), error.reason, error.code),
        pause: () => call.pause(),
        resume: () => call.resume(),
        endOfTurn: (work) => void setImmediate(work),
      },
      limits,
    );
    call.onMessage = (bytes) => stream.take(decode(bytes));
    call.onEnd = () => stream.end();
    call.onCancel = () => stream.cancel();
    call.onDrain = () => stream.drained();
  });
}

function versionMessage(version: DatasetVersion) {
  return create(dataPb.DatasetVersionSchema, {
    ...version,
    offsets: version.offsets.map((range) =>
      create(dataPb.OffsetRangeSchema, { ...range, first: BigInt(range.first), last: BigInt(range.last) }),
    ),
    nulled: version.nulled.map((column) =>
      create(dataPb.NulledColumnSchema, { ...column, values: BigInt(column.values) }),
    ),
    ordinal: BigInt(version.ordinal),
    rows: BigInt(version.rows),
    lateRows: BigInt(version.lateRows),
    repeatedRows: BigInt(version.repeatedRows),
    labelledRows: BigInt(version.labelledRows),
    eventTimeFromMs: BigInt(version.eventTimeFromMs),
    eventTimeToMs: BigInt(version.eventTimeToMs),
    closedAtMs: BigInt(version.closedAtMs),
    windowStartMs: BigInt(version.windowStartMs),
    windowEndMs: BigInt(version.windowEndMs),
    rowsOf: BigInt(version.rowsOf),
  });
}

export function ingestService({ registry, publisher, datasetIndex, limits }: IngestGrpcPorts): GrpcServiceBinding {
  const ingestRecords = intake(limits, decodeIngestRecords, (requests) =>
    together(
      requests,
      (request) => {
        assertCount(request.items.length, limits.requestRecordsMax);
        return recordInputs(request);
      },
      async (project, inputs) =>
        publisher.records(registry.get(project), inputs, 'grpc', (index) => {
          const { recordId, values } = inputs[index] as RecordInput;
          return jsonPayload({ recordId, values });
        }),
    ),
  );
  const ingestLabels = intake(limits, decodeIngestLabels, (requests) =>
    together(
      requests,
      ({ items }) => {
        assertCount(items.length, limits.requestRecordsMax);
        return items.map(labelInput);
      },
      async (project, inputs) =>
        publisher.labels(registry.get(project), inputs, 'grpc', (index) => labelPayload(inputs[index] as LabelInput)),
    ),
  );
  return bindService(
    IngestService,
    {
      listDatasetVersions: ({ project, limit, beforeOrdinal }) => {
        registry.get(project);
        if (limit < 0 || limit > LIST_MAX || beforeOrdinal < 0n)
          throw new PlatformError('invalid_argument', `limit is from 1 to ${LIST_MAX}, before_ordinal not below 1`);
        const page = datasetIndex.page(project, limit || LIST_MAX, Number(beforeOrdinal) || undefined);
        return { versions: page.versions.map(versionMessage), beforeOrdinal: BigInt(page.before ?? 0) };
      },
    },
    { bytes: { ingestRecords, ingestLabels } },
  );
}
