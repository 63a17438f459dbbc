// Chi-square of a categorical feature, with a balanced, bias-corrected Cramer's V as its effect size.
//
//   V = sqrt(max(0, 1/2 sum_j (p_j - q_j)^2 / (p_j + q_j) - (k - 1)(1/n + 1/m) / 4)),
//   p, q = shares in window and reference
//   p-value: Pearson's chi-square of the same cells (pearson.ts)
//
// The plain V = sqrt(chi2 / N) shrinks when one sample is much larger than the other, as a training set is against a
// window. This one is V of the table of shares, in which both samples weigh the same, less its mean under no change
// (the bias correction of Bergsma for this table): 0 = same, 1 = disjoint, whatever n and m. Rare categories are pooled
// into one. Cost O(k). NaN when a side is empty; a constant feature has one cell, V = 0 and p = 1.

import { BY_EFFECT_AND_P, type Detector, type Measurement, SHARE_OPTION } from '../detector.js';
import { pearson, sum } from '../pearson.js';
import { type PooledCells, pooledCells } from '../pool-cells.js';

/** Rows expected in a pooled cell: Cochran's rule of thumb (1954). */
const EXPECTED_MIN = 5;

export function chiSquare(cells: PooledCells): Measurement {
  const m = sum(cells.reference);
  const n = sum(cells.window);
  const { freedom, pValue } = pearson(cells);
  let spread = 0;
  cells.reference.forEach((reference, i) => {
    const p = (cells.window[i] as number) / n;
    const q = reference / m;
    spread += (p - q) ** 2 / (p + q);
  });
  const bias = (freedom * (1 / n + 1 / m)) / 4;
  return { statistic: Math.sqrt(Math.max(0, spread / 2 - bias)), pValue };
}

export const chiSquareDetector: Detector<'categorical', 'cramersV'> = {
  name: 'chi2',
  title: "Chi-square with Cramér's V",
  subjects: ['categorical'],
  options: {
    cramersV: {
      ...SHARE_OPTION,
      unit: 'V, 0 to 1',
      default: 0.1,
      description: "Cramér's V needed besides p < alpha.",
      reason: 'a small effect by Cohen 1988; unshifted windows of the flights example stay below 0.054',
    },
  },
  threshold: 'cramersV',
  rule: BY_EFFECT_AND_P,
  blamesVersion: false,
  formula:
    "Cramer's V of the shares: sqrt(max(0, 1/2 sum (p - q)^2 / (p + q) - (k - 1)(1/n + 1/m) / 4)); p-value of Pearson's " +
    'chi-square, rare categories pooled',
  paper: 'Pearson, Phil. Mag. 50, 1900; Cramér 1946; Bergsma, J. Korean Stat. Soc. 42, 2013',
  measure: ({ counts }) => chiSquare(pooledCells(counts, EXPECTED_MIN)),
};
