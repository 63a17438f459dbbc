// The sampling variance of an AUC of which only the value and the numbers of rows are known, and whether one AUC is lower than
// another on other rows.
//
//   V(A) = (A (1 - A) + (P - 1)(A/(2 - A) - A^2) + (N - 1)(2 A^2/(1 + A) - A^2)) / (P N)        (Hanley and McNeil 1982)
//   drop = A_before - A_now,  z = drop / sqrt(V(A_before) + V(A_now)),  p = P(Z >= z), Z standard normal (one-sided)
// P positives, N negatives. NaN where a side has one class only. O(1).

import { chiSquareTail } from '@millrace/statistics';

/** An AUC and the rows it was measured on. */
export interface AucSample {
  auc: number;
  rows: number;
  positiveShare: number;
}

export function aucVarianceOf({ auc, rows, positiveShare }: AucSample): number {
  const positives = rows * positiveShare;
  const negatives = rows - positives;
  if (!(positives >= 1) || !(negatives >= 1)) return Number.NaN;
  const q1 = auc / (2 - auc);
  const q2 = (2 * auc * auc) / (1 + auc);
  const sum = auc * (1 - auc) + (positives - 1) * (q1 - auc * auc) + (negatives - 1) * (q2 - auc * auc);
  return sum / (positives * negatives);
}

export function aucDrop(samples: { before: AucSample; now: AucSample }): { drop: number; pValue: number } {
  const { before, now } = samples;
  const drop = before.auc - now.auc;
  const z = drop / Math.sqrt(aucVarianceOf(before) + aucVarianceOf(now));
  const twoSided = chiSquareTail(z * z, 1);
  return { drop, pValue: z > 0 ? twoSided / 2 : 1 - twoSided / 2 };
}
