// The sampling variance of an AUC of which only the value and the numbers of rows are known, and whether one AUC is
// lower than another on other rows.
//
//   V(A) = (A (1 - A) + (P - 1)(A/(2 - A) - A^2) + (N - 1)(2 A^2/(1 + A) - A^2)) / (P N)        (Hanley and McNeil
//   1982) drop = A_before - A_now,  z = drop / sqrt(V(A_before) + V(A_now)),  p = P(Z >= z), Z standard normal
//   (one-sided)
// P positives, N negatives. NaN where a side has one class only. O(1).

import { chiSquareTail } from '@millrace/statistics';
import type { Evaluation } from '../evaluation.js';
import { metricIn } from '../figure.js';
import { auc } from '../metrics/auc.js';

/** What of an evaluation decides. */
type Measured = Pick<Evaluation, 'rows' | 'metrics' | 'positiveShare'>;

export function aucVarianceOf(evaluation: Measured): number {
  const { rows, positiveShare } = evaluation;
  const area = metricIn(evaluation, auc);
  const positives = rows * positiveShare;
  const negatives = rows - positives;
  if (!(positives >= 1) || !(negatives >= 1)) return Number.NaN;
  const q1 = area / (2 - area);
  const q2 = (2 * area * area) / (1 + area);
  const sum = area * (1 - area) + (positives - 1) * (q1 - area * area) + (negatives - 1) * (q2 - area * area);
  return sum / (positives * negatives);
}

export function aucDrop(pair: { before: Measured; now: Measured }): { drop: number; pValue: number } {
  const { before, now } = pair;
  const drop = metricIn(before, auc) - metricIn(now, auc);
  const z = drop / Math.sqrt(aucVarianceOf(before) + aucVarianceOf(now));
  const twoSided = chiSquareTail(z * z, 1);
  return { drop, pValue: z > 0 ? twoSided / 2 : 1 - twoSided / 2 };
}
