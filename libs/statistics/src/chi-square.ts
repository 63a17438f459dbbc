// Chi-square test of two histograms over the same categories (a 2 x k table), with Cramer's V as its effect size.
//
//   chi2 = sum_ij (O_ij - E_ij)^2 / E_ij,  E_ij = row_i column_j / N,  freedom = k' - 1,  p = P(X^2_freedom >= chi2)
//   cramersV         = sqrt(chi2 / N)                                                  (Cramer 1946; 2 rows)
//   cramersVBalanced = sqrt(max(0, 1/2 sum_j (p_j - q_j)^2 / (p_j + q_j) - (k' - 1)(1/n + 1/m) / 4))
//
// The plain V shrinks when one sample is much larger than the other, as a training set is against a window. The balanced V is
// V of the table of shares, in which both samples weigh the same, less its mean under no change (the bias correction of
// Bergsma, J. Korean Stat. Soc. 42, 2013, for this table); 0 = same, 1 = disjoint, whatever n and m.
// Rare cells are pooled into one (pool-cells.ts). Cost O(k). NaN when a side is empty; with
// fewer than two cells chi2 = 0, p = 1, V = 0.

import { EXPECTED_MIN, poolRareCells } from './pool-cells.js';
import { chiSquareTail } from './special-functions.js';

export interface ChiSquareResult {
  statistic: number;
  freedom: number;
  pValue: number;
  cramersV: number;
  cramersVBalanced: number;
}

export function chiSquare(
  reference: ArrayLike<number>,
  window: ArrayLike<number>,
  expectedMin: number = EXPECTED_MIN,
): ChiSquareResult {
  let m = 0;
  let n = 0;
  for (let i = 0; i < reference.length; i++) {
    m += reference[i] as number;
    n += window[i] as number;
  }
  if (m === 0 || n === 0) {
    return {
      statistic: Number.NaN,
      freedom: 0,
      pValue: Number.NaN,
      cramersV: Number.NaN,
      cramersVBalanced: Number.NaN,
    };
  }
  const cells = poolRareCells(reference, window, expectedMin);
  let statistic = 0;
  let spread = 0;
  for (let i = 0; i < cells.reference.length; i++) {
    const r = cells.reference[i] as number;
    const w = cells.window[i] as number;
    const expectedR = (m * (r + w)) / (m + n);
    const expectedW = (n * (r + w)) / (m + n);
    statistic += (r - expectedR) ** 2 / expectedR + (w - expectedW) ** 2 / expectedW;
    spread += (w / n - r / m) ** 2 / (w / n + r / m);
  }
  const freedom = Math.max(0, cells.reference.length - 1);
  const bias = (freedom * (1 / n + 1 / m)) / 4;
  return {
    statistic,
    freedom,
    pValue: freedom === 0 ? 1 : chiSquareTail(statistic, freedom),
    cramersV: Math.sqrt(statistic / (m + n)),
    cramersVBalanced: Math.sqrt(Math.max(0, spread / 2 - bias)),
  };
}
