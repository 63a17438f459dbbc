// A prediction and a label as the archive keeps them: what was asked, what was answered, by whom, when.

import type { LabelMessage, PredictionMessage } from '@millrace/contracts';
import { hash32, type Output, type Scalar } from '@millrace/domain';
import type { ColumnOf } from './archive-rows.js';

export interface ArchivedPrediction {
  predictionId: string;
  entity: string;
  modelVersion: number;
  modelSha256: string;
  role: PredictionMessage['role'];
  eventTimeMs: number;
  answeredAtMs: number;
  latencyUs: number;
  /** In the order of the model's signature. */
  features: readonly Scalar[];
  outputs: readonly Output[];
  traceId: string;
  partition: number;
  offset: number;
}

export interface ArchivedLabel {
  predictionId: string;
  recordId: string;
  entity: string;
  value: number;
  eventTimeMs: number;
  knownAtMs: number;
  source: string;
  partition: number;
  offset: number;
}

/** A prediction with what became of it. */
export interface LabelledRow {
  modelVersion: number;
  eventTimeMs: number;
  outputs: readonly Output[];
  label: number;
}

/** Beside them stands `topic_offset`. */
export const PREDICTION_COLUMNS: readonly ColumnOf<PredictionMessage>[] = [
  { name: 'id_hash', kind: 'number', of: ({ predictionId }) => hash32(predictionId) },
  { name: 'prediction_id', kind: 'text', of: ({ predictionId }) => predictionId },
  { name: 'entity', kind: 'text', of: ({ entity }) => entity },
  { name: 'model_version', kind: 'number', of: ({ modelVersion }) => modelVersion },
  { name: 'model_sha256', kind: 'text', of: ({ modelSha256 }) => modelSha256 },
  { name: 'role', kind: 'text', of: ({ role }) => role },
  { name: 'event_time', kind: 'number', of: eventTimeOf },
  { name: 'answered_at', kind: 'number', of: ({ answeredAtMs }) => answeredAtMs },
  { name: 'latency_us', kind: 'number', of: ({ latencyUs }) => latencyUs },
  { name: 'features', kind: 'text', of: ({ features }) => JSON.stringify(features) },
  { name: 'outputs', kind: 'text', of: ({ outputs }) => JSON.stringify(outputs) },
  { name: 'trace_id', kind: 'text', of: ({ traceId }) => traceId },
];

export const LABEL_COLUMNS: readonly ColumnOf<LabelMessage>[] = [
  { name: 'id_hash', kind: 'number', of: (message) => hash32(labelledId(message)) },
  { name: 'prediction_id', kind: 'text', of: labelledId },
  { name: 'record_id', kind: 'text', of: ({ recordId }) => recordId },
  { name: 'entity', kind: 'text', of: ({ entity }) => entity },
  { name: 'value', kind: 'number', of: ({ value }) => value },
  { name: 'event_time', kind: 'number', of: ({ eventTimeMs }) => eventTimeMs },
  { name: 'known_at', kind: 'number', of: ({ knownAtMs }) => knownAtMs },
  { name: 'source', kind: 'text', of: ({ source }) => source },
];

/** What stands in a column of a row, and where the message lies. */
export interface ArchivedRow {
  value(column: string): unknown;
  partition: number;
  offset: number;
}

export const predictionOf = ({ value, partition, offset }: ArchivedRow): ArchivedPrediction => ({
  predictionId: String(value('prediction_id')),
  entity: String(value('entity')),
  modelVersion: Number(value('model_version')),
  modelSha256: String(value('model_sha256')),
  role: value('role') === 'shadow' ? 'shadow' : 'live',
  eventTimeMs: Number(value('event_time')),
  answeredAtMs: Number(value('answered_at')),
  latencyUs: Number(value('latency_us')),
  features: JSON.parse(String(value('features'))),
  outputs: JSON.parse(String(value('outputs'))),
  traceId: String(value('trace_id')),
  partition,
  offset,
});

export const labelOf = ({ value, partition, offset }: ArchivedRow): ArchivedLabel => ({
  predictionId: String(value('prediction_id')),
  recordId: String(value('record_id')),
  entity: String(value('entity')),
  value: Number(value('value')),
  eventTimeMs: Number(value('event_time')),
  knownAtMs: Number(value('known_at')),
  source: String(value('source')),
  partition,
  offset,
});

function eventTimeOf({ eventTimeMs, answeredAtMs }: PredictionMessage): number {
  return eventTimeMs > 0 ? eventTimeMs : answeredAtMs;
}

/** A label that names no prediction is of the first row of the request that is named as its record. */
function labelledId({ predictionId, recordId }: LabelMessage): string {
  return predictionId === '' ? `${recordId}/0` : predictionId;
}
