// What one binary row adds to a metric, the formulas behind both its exact and its mergeable form: log loss, -ln p' for
// label 1 and -ln(1 - p') for 0, p' = min(max(p, EPSILON), 1 - EPSILON); squared error, (p - y)^2, of Brier's score;
// and whether the row's class is its label.

import { binaryLabel } from '@millrace/domain';

/** One row: the probability of label 1, and whether the label is 1. */
export interface BinaryRow {
  score: number;
  positive: boolean;
}

/**
 * Clips probabilities: FP32 outputs reach 0 and 1, and one such row must not make the mean infinite. The resolution of
 * FP32 below 1 is 6e-8; a smaller bound would punish a rounded 1 more than a model can mean.
 */
const PROBABILITY_EPSILON = 1e-7;

export function logLossOfRow({ score, positive }: BinaryRow): number {
  const p = Math.min(Math.max(score, PROBABILITY_EPSILON), 1 - PROBABILITY_EPSILON);
  return positive ? -Math.log(p) : -Math.log1p(-p);
}

/** In [0, 1]. */
export function squaredErrorOfRow({ score, positive }: BinaryRow): number {
  return (score - Number(positive)) ** 2;
}

export function isRight({ score, positive }: BinaryRow): boolean {
  return (binaryLabel(score) === '1') === positive;
}
