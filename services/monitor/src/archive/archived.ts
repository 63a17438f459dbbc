// A prediction and a label as the archive keeps them: what was asked, what was answered, by whom, when.

import type { LabelMessage, PredictionMessage } from '@millrace/contracts';
import type { Output, Scalar } from '@millrace/domain';

/** A message with where it lies in its topic. */
export interface Placed<M> {
  message: M;
  offset: number;
  writtenAtMs: number;
}

export type PlacedPrediction = Placed<PredictionMessage>;
export type PlacedLabel = Placed<LabelMessage>;

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

export const eventTimeOf = ({ eventTimeMs, answeredAtMs }: PredictionMessage): number =>
  eventTimeMs > 0 ? eventTimeMs : answeredAtMs;

/** A prediction with what became of it. */
export interface LabelledRow {
  modelVersion: number;
  eventTimeMs: number;
  outputs: readonly Output[];
  label: number;
}

/** Of a row beside its texts and values, in memory; of a value beside its text. */
const ROW_BYTES = 400;
const VALUE_BYTES = 32;

/** What a row takes in memory, about: a character takes two bytes at most. Asked of every row. */
export function predictionBytes(message: PredictionMessage): number {
  const { predictionId, entity, modelSha256, traceId, features, outputs } = message;
  let bytes = ROW_BYTES + 2 * (predictionId.length + entity.length + modelSha256.length + traceId.length);
  for (const feature of features) bytes += VALUE_BYTES + (typeof feature === 'string' ? 2 * feature.length : 0);
  for (const { name, value } of outputs) bytes += 2 * VALUE_BYTES + 2 * name.length + valueBytes(value);
  return bytes;
}

export function labelBytes({ predictionId, recordId, entity, source }: LabelMessage): number {
  return ROW_BYTES + 2 * (predictionId.length + recordId.length + entity.length + source.length);
}

function valueBytes(value: Output['value']): number {
  if (typeof value === 'number') return VALUE_BYTES;
  if (typeof value === 'string') return VALUE_BYTES + 2 * value.length;
  let bytes = VALUE_BYTES;
  for (const one of value) bytes += VALUE_BYTES + (typeof one === 'string' ? 2 * one.length : 0);
  return bytes;
}
