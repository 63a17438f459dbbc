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

/** What a row takes in memory, about: a character takes two bytes at most. */
export function predictionBytes(message: PredictionMessage): number {
  const { predictionId, entity, modelSha256, traceId, features, outputs } = message;
  const texts = [predictionId, entity, modelSha256, traceId].reduce((sum, text) => sum + text.length, 0);
  return ROW_BYTES + 2 * texts + valueBytes(features) + valueBytes(outputs);
}

export function labelBytes({ predictionId, recordId, entity, source }: LabelMessage): number {
  return ROW_BYTES + 2 * (predictionId.length + recordId.length + entity.length + source.length);
}

function valueBytes(value: unknown): number {
  if (typeof value === 'string') return VALUE_BYTES + 2 * value.length;
  if (typeof value !== 'object' || value === null) return VALUE_BYTES;
  return Object.values(value).reduce((sum: number, part) => sum + valueBytes(part), VALUE_BYTES);
}
