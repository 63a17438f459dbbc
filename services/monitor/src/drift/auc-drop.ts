// Drop of a version's AUC on a window's labelled rows below its AUC when it was evaluated.
//
//   drop = A_eval - A_window,  z = drop / sqrt(V(A_window) + V(A_eval)),  p = P(Z >= z), Z standard normal (one-sided)
//   V(A) = (A (1 - A) + (P - 1)(A/(2 - A) - A^2) + (N - 1)(2 A^2/(1 + A) - A^2)) / (P N)        (Hanley and McNeil 1982)
// P positives, N negatives. NaN where a side has one class only. Cost O(1).

import { chiSquareTail } from '@millrace/statistics';

export interface AucSample {
  auc: number;
  rows: number;
  positiveShare: number;
}

export function aucVariance({ auc, rows, positiveShare }: AucSample): number {
  const positives = rows * positiveShare;
  const negatives = rows - positives;
  if (!(positives >= 1) || !(negatives >= 1)) return Number.NaN;
  const q1 = auc / (2 - auc);
  const q2 = (2 * auc * auc) / (1 + auc);
  const sum = auc * (1 - auc) + (positives - 1) * (q1 - auc * auc) + (negatives - 1) * (q2 - auc * auc);
  return sum / (positives * negatives);
}

export function aucDrop(evaluated: AucSample, window: AucSample): { statistic: number; pValue: number } {
  const statistic = evaluated.auc - window.auc;
  const z = statistic / Math.sqrt(aucVariance(evaluated) + aucVariance(window));
  const twoSided = chiSquareTail(z * z, 1);
  return { statistic, pValue: z > 0 ? twoSided / 2 : 1 - twoSided / 2 };
}
