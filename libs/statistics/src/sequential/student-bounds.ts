// The mean of independent normal values of unknown variance, valid at all times at once, from their first few on: the
// Bayes factor of Student's t with a normal prior on the effect, which does not depend on the scale and is a test
// martingale under the hypothesis.
//
//   B(t) = (1 + n r)^(-1/2) ((1 + t^2 / v) / (1 + t^2 / (v (1 + n r))))^(n / 2)
//   t = sqrt(n) (mean - mu) / s,   v = n - 1
//   mu is within while B < 1 / alpha:  t^2 < v (c - 1) / (1 - c / (1 + n r)),   c = (alpha^-2 (1 + n r))^(1 / n)
//   r = (-2 ln alpha + ln(1 - 2 ln alpha)) / tunedFor,   s^2 = m2 / v
//
// Infinite where c reaches 1 + n r (too few values to say anything), under two values, and where they never
// varied. For many values it is the bounds of mean-bounds.ts, which ask for no normal values and say nothing under
// a hundred; values here are to be means of some twenty rows or more.
//
// Source: Lai, "On confidence sequences", Ann. Statist. 4, 1976; Wang and Ramdas, "Anytime-valid t-tests and confidence
// sequences for Gaussian means with unknown variance", Sequential Analysis 44, 2025. O(1).

import { assert } from '@millrace/domain';
import type { MeanOptions, Moments2 } from './mean-bounds.js';
import { type Bounds, checkAlpha } from './share-bounds.js';

const UNKNOWN: Bounds = { lower: Number.NEGATIVE_INFINITY, upper: Number.POSITIVE_INFINITY };

/** Bounds of the mean; of paired differences too, where `moments` are theirs. */
export function studentBounds({ count, mean, m2 }: Moments2, { alpha, tunedFor }: MeanOptions): Bounds {
  checkAlpha(alpha);
  if (!(tunedFor > 0 && tunedFor < Number.POSITIVE_INFINITY)) assert(false, `${tunedFor} values to be tuned for`);
  const isNone = !(count >= 0 && Number.isFinite(mean) && m2 >= 0 && Number.isFinite(m2));
  if (isNone) assert(false, `no moments: ${count} values, mean ${mean}, sum of squares ${m2}`);
  if (count < 2 || m2 === 0) return UNKNOWN;
  const rate = (-2 * Math.log(alpha) + Math.log1p(-2 * Math.log(alpha))) / tunedFor;
  const grown = 1 + count * rate;
  const ratio = Math.exp((Math.log(grown) - 2 * Math.log(alpha)) / count);
  if (ratio >= grown) return UNKNOWN;
  const t = Math.sqrt(((count - 1) * (ratio - 1)) / (1 - ratio / grown));
  const half = t * Math.sqrt(m2 / (count - 1) / count);
  return { lower: mean - half, upper: mean + half };
}
