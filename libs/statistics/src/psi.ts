// Population stability index of two histograms over the same cells.
//
//   PSI = sum_i (p_i - q_i) ln(p_i / q_i),   p_i = max(window_i / sum window, FLOOR), q_i likewise of the reference
//
//   p-value = P(X^2_{k-1} >= PSI / (1/n + 1/m)) for k cells, n window rows, m reference rows       (Yurdakul 2018)
//
// Symmetric, >= 0, 0 for equal shares; no upper bound except by FLOOR. Under no change its mean is about (k - 1)(1/n + 1/m)
// ("Statistical properties of population stability index"), so many cells and few rows make it large by chance: hence the
// p-value beside it, and pooling of rare categories (pool-cells.ts), without which that law does not hold. Rules of thumb for
// the value are 0.1 / 0.2 / 0.25 (Siddiqi 2006). Cost O(cells). NaN when either side is empty; p = 1 with one cell.

import { chiSquareTail } from './special-functions.js';

/** Stands for an empty cell's share; 0.0001 as in Evidently, so that values compare with that tool. */
export const PSI_FLOOR = 0.0001;

export interface PsiResult {
  statistic: number;
  pValue: number;
}

export function psi(reference: ArrayLike<number>, window: ArrayLike<number>): PsiResult {
  let n = 0;
  let m = 0;
  let cells = 0;
  for (let i = 0; i < reference.length; i++) {
    const r = reference[i] as number;
    const w = window[i] as number;
    m += r;
    n += w;
    if (r + w > 0) cells++;
  }
  if (n === 0 || m === 0) return { statistic: Number.NaN, pValue: Number.NaN };
  let sum = 0;
  for (let i = 0; i < reference.length; i++) {
    const p = Math.max((window[i] as number) / n, PSI_FLOOR);
    const q = Math.max((reference[i] as number) / m, PSI_FLOOR);
    sum += (p - q) * Math.log(p / q);
  }
  return { statistic: sum, pValue: cells < 2 ? 1 : chiSquareTail(sum / (1 / n + 1 / m), cells - 1) };
}
