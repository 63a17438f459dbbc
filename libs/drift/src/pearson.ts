// Pearson's chi-square of two histograms over the same cells (a 2 x k table): is the window a sample of what the
// reference is a sample of?
//
//   chi2 = sum_ij (O_ij - E_ij)^2 / E_ij,  E_ij = row_i column_j / N,  freedom = k - 1,  p = P(X^2_freedom >= chi2)
//
// Cells come pooled (pool-cells.ts), so that every E is large enough for the law to hold far out in its tail, where a
// correction for hundreds of tests looks. Cost O(k). NaN when a side is empty; with fewer than two cells chi2 = 0, p =
// 1. Source: Pearson, Phil. Mag. 50, 1900.

import { chiSquareTail } from '@millrace/statistics';
import type { PooledCells } from './pool-cells.js';

export interface PearsonResult {
  statistic: number;
  freedom: number;
  pValue: number;
}

export function pearson({ reference, window }: PooledCells): PearsonResult {
  const m = sum(reference);
  const n = sum(window);
  if (m === 0 || n === 0) return { statistic: Number.NaN, freedom: 0, pValue: Number.NaN };
  let statistic = 0;
  for (let i = 0; i < reference.length; i++) {
    const r = reference[i] as number;
    const w = window[i] as number;
    const expectedR = (m * (r + w)) / (m + n);
    const expectedW = (n * (r + w)) / (m + n);
    statistic += (r - expectedR) ** 2 / expectedR + (w - expectedW) ** 2 / expectedW;
  }
  const freedom = reference.length - 1;
  return { statistic, freedom, pValue: freedom === 0 ? 1 : chiSquareTail(statistic, freedom) };
}

export function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}
