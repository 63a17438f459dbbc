// Correction for many tests: what a p-value is worth when hundreds are looked at together.
//
//   p sorted ascending, p_(1) ... p_(m);  corrected_(i) = min(1, max over j <= i of (m - j + 1) p_(j))     (Holm 1979)
//
// One family is all p-values of one window and one cohort: what an operator is woken for at once. Rejecting where
// corrected p < alpha bounds the chance of ANY false alarm in it by alpha, whatever else drifts and however the tests
// depend on each other. That is why it is Holm and not Benjamini-Hochberg: PSI, Kolmogorov-Smirnov and the features
// themselves move together, and the false discovery rate would let a false alarm ride on every few true ones, while a
// single false alarm of a watched feature already costs a retraining. What it costs in power is little: real drift has
// p-values far below alpha / 1,000. Cost O(m log m). NaN (no p-value) stays NaN and does not count.

import type { DetectorOption } from './detector.js';

/** The significance level, beside the detectors' own options. */
export const ALPHA: DetectorOption = {
  default: 0.001,
  minimum: 0,
  maximum: 1,
  unit: 'probability',
  description:
    'Chance of any false alarm among all tests with a p-value of one window and version: the level after correction for ' +
    'many tests (Holm).',
  reason: 'one false alarm in 1,000 unchanged windows of a version: about three years of daily windows',
};

/** In the order of the input. */
export function holm(pValues: readonly number[]): number[] {
  const corrected = pValues.map(() => Number.NaN);
  const order = pValues.flatMap((p, i) => (Number.isNaN(p) ? [] : [i]));
  order.sort((a, b) => (pValues[a] as number) - (pValues[b] as number));
  let largest = 0;
  order.forEach((index, rank) => {
    largest = Math.max(largest, (order.length - rank) * (pValues[index] as number));
    corrected[index] = Math.min(1, largest);
  });
  return corrected;
}
