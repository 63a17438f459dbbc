// Quality of each model version on the live rows it answered, and of the baselines on the same rows. Exact, from the
// answers themselves; the monitor's own figures are checked against it.

import { seededRng } from '@millrace/domain';
import { auc, bootstrapAucDifference, logLoss } from '@millrace/models';

export interface ScoredRows {
  probabilities: Float64Array;
  labels: Uint8Array;
}

export interface LiveQuality {
  rows: number;
  auc: number | null;
  logLoss: number | null;
}

/** Replicates of the bootstrap: the 2.5 % quantile of 400 rests on ten of them. */
export const BOOTSTRAP_REPLICATES = 400;

export function liveQuality({ probabilities, labels }: ScoredRows): LiveQuality {
  if (labels.length === 0) return { rows: 0, auc: null, logLoss: null };
  const positives = labels.reduce((sum, label) => sum + label, 0);
  const oneClass = positives === 0 || positives === labels.length;
  return {
    rows: labels.length,
    auc: oneClass ? null : auc(labels, probabilities),
    logLoss: logLoss(labels, probabilities),
  };
}

/** Lower 95 % bound of AUC(model) - AUC(other) on the same rows. */
export function aucGainLower95(
  model: Float64Array,
  other: Float64Array,
  labels: Uint8Array,
  seed: number,
): number | null {
  if (labels.length === 0) return null;
  const options = { replicates: BOOTSTRAP_REPLICATES, confidence: 0.95, rng: seededRng(seed) };
  return bootstrapAucDifference(labels, model, other, options).lower;
}
