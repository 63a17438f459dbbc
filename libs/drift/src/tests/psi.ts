// Population stability index of a feature: how far the shares of its bins or categories moved.
//
//   PSI = sum_i (p_i - q_i) ln(p_i / q_i),   p_i = max(window_i / sum window, FLOOR), q_i likewise of the reference
//   p-value: Pearson's chi-square of the same cells (pearson.ts)
//
// Symmetric, >= 0, 0 for equal shares; no upper bound except by FLOOR. Under no change its mean is about (k - 1)(1/n +
// 1/m), so many cells and few rows make it large by chance: hence the p-value beside it. PSI / (1/n + 1/m) has itself
// about the chi-square law (Yurdakul 2018), but not in the tail, where a correction for many tests looks: with ten rows
// expected a cell, 1 in 1,200 unchanged windows is beyond its 1 in 100,000, against 1 in 60,000 to 130,000 by Pearson's
// (simulated, 400,000 windows of 20 cells). Cost O(cells). NaN when either side is empty; a constant feature has one
// cell, PSI 0 and p 1.

import { BY_EFFECT_AND_P, type Detector, type Measurement } from '../detector.js';
import { pearson, sum } from '../pearson.js';
import { type PooledCells, pooledCells } from '../pool-cells.js';

/** Stands for an empty cell's share; 0.0001 as in Evidently, so that values compare with that tool. */
const FLOOR = 0.0001;
/** Rows expected in a pooled cell: an empty one counts as FLOOR and weighs heavily; with 10 it is 1 in 22,000. */
export const PSI_EXPECTED_MIN = 10;

export const PSI_FORMULA =
  'sum over bins (p - q) ln(p / q), p = share in the window, q = share in the reference, both at least 0.0001, bins with few ' +
  "rows pooled; p-value of Pearson's chi-square over the same bins";

/** Range of a threshold on PSI; beyond 100 nothing is: FLOOR bounds it by 2 ln 10,000. */
export const PSI_RANGE = { minimum: 0, maximum: 100, unit: 'index' } as const;

export const PSI_PAPER =
  'Siddiqi, Credit Risk Scorecards, 2006; Yurdakul, Statistical properties of population stability index, 2018';

/** Two-sample PSI over cells that are pooled already. */
export function psi(cells: PooledCells): Measurement {
  const m = sum(cells.reference);
  const n = sum(cells.window);
  if (m === 0 || n === 0) return { statistic: Number.NaN, pValue: Number.NaN };
  let statistic = 0;
  cells.reference.forEach((reference, i) => {
    const p = Math.max((cells.window[i] as number) / n, FLOOR);
    const q = Math.max(reference / m, FLOOR);
    statistic += (p - q) * Math.log(p / q);
  });
  return { statistic, pValue: pearson(cells).pValue };
}

export const psiDetector: Detector<'numeric' | 'categorical', 'psi'> = {
  name: 'psi',
  title: 'Population stability index',
  subjects: ['numeric', 'categorical'],
  options: {
    psi: {
      ...PSI_RANGE,
      default: 0.2,
      description: 'Population stability index at or above which it rings.',
      reason: 'between the usual 0.1 (small change) and 0.25 (large change) of Siddiqi 2006',
    },
  },
  threshold: 'psi',
  rule: BY_EFFECT_AND_P,
  blamesVersion: false,
  formula: PSI_FORMULA,
  paper: PSI_PAPER,
  measure: ({ counts }) => psi(pooledCells(counts, PSI_EXPECTED_MIN)),
};
