// A binomial share, valid at every number of observations at once.
//
// For each p the likelihood ratio of a mixture over shares, Beta(R p, R (1 - p)), against p itself:
//   log E(p) = ln B(R p + k, R (1 - p) + n - k) - ln B(R p, R (1 - p)) - k ln p - (n - k) ln(1 - p)
// is the logarithm of a martingale with mean 1 if p is the truth, so P(ever E(p) >= 1/alpha) <= alpha (Ville 1939),
// and the p with E(p) < 1/alpha are a confidence sequence. Exact, not asymptotic; observations are independent.
//
// Sources: Robbins, Ann. Math. Statist. 41, 1970; Howard, Ramdas, McAuliffe, Sekhon, Ann. Statist. 49, 2021,
// proposition 7. Cost: about 100 evaluations of E. n = 0: [0, 1]; k = 0: the lower bound is 0; k = n: the upper is
// 1.

import { assert } from '@millrace/domain';
import { logBeta } from '../special-functions.js';

/** A (1 - alpha) confidence sequence at this time: with that probability it holds the truth at all times at once. */
export interface Bounds {
  lower: number;
  upper: number;
}

/** Weight of the mixture, as observations seen beforehand. */
const PRIOR_WEIGHT = 20;
const HALVINGS = 50;

// These are asked at every look: a message is made only where there is one.
export function checkAlpha(alpha: number): void {
  if (!(alpha > 0 && alpha < 1)) assert(false, `alpha ${alpha} is not between 0 and 1`);
}

export function checkCount(k: number, n: number): void {
  if (k >= 0 && k <= n && n < Number.POSITIVE_INFINITY) return;
  assert(false, `${k} of ${n} is no share of a count`);
}

/**
 * Logarithm of the e-value against "the share is p", both sides.
 * @param k of the n observations that count, 0 <= k <= n
 * @param p inside (0, 1)
 */
export function shareLogE(k: number, n: number, p: number): number {
  const a = PRIOR_WEIGHT * p;
  const b = PRIOR_WEIGHT - a;
  return logBeta(a + k, b + n - k) - logBeta(a, b) - k * Math.log(p) - (n - k) * Math.log1p(-p);
}

/**
 * Bounds of a share from k of n independent observations.
 * @param alpha probability that the truth is ever outside, (0, 1)
 * @throws an assertion where the numbers are no counts or no probability; NaN is neither
 */
export function shareBounds(k: number, n: number, alpha: number): Bounds {
  checkCount(k, n);
  checkAlpha(alpha);
  if (n === 0) return { lower: 0, upper: 1 };
  const bar = -Math.log(alpha);
  const refused = (p: number) => p <= 0 || p >= 1 || shareLogE(k, n, p) >= bar;
  return {
    lower: k === 0 ? 0 : lastRefused(0, k / n, refused),
    upper: k === n ? 1 : lastRefused(1, k / n, refused),
  };
}

/** Between a refused end and a point that is not: the refused one next to those that are not. */
export function lastRefused(end: number, inside: number, refused: (x: number) => boolean, halvings = HALVINGS): number {
  let out = end;
  let within = inside;
  for (let i = 0; i < halvings; i++) {
    const middle = (out + within) / 2;
    if (refused(middle)) out = middle;
    else within = middle;
  }
  return out;
}
