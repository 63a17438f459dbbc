// The quantiles of Student's distribution, for any degrees of freedom above 0: t with P(T <= t) = p, by bisection of
//   P(T > t) = I_x(f/2, 1/2) / 2,   x = f / (f + t^2),
// I the regularised incomplete beta function. Relative error about 1e-12. Outside [0, 1], NaN, and f that is not above
// 0: NaN; f infinite: the normal one.

import { normalQuantile } from './normal.js';
import { incompleteBeta } from './special-functions.js';

const EPSILON = 1e-16;
/** Above, the two differ by less than their rounding does in an interval. */
const NORMAL_FROM = 1e7;
const HALVINGS = 200;

export function studentQuantile(p: number, freedom: number): number {
  if (!(p >= 0 && p <= 1 && freedom > 0)) return Number.NaN;
  if (freedom > NORMAL_FROM) return normalQuantile(p);
  if (p === 0.5) return 0;
  if (p < 0.5) return -studentQuantile(1 - p, freedom);
  if (p === 1) return Number.POSITIVE_INFINITY;
  let [low, high] = [0, 1];
  while (upperTail(high, freedom) > 1 - p) [low, high] = [high, 2 * high];
  for (let i = 0; i < HALVINGS && high - low > EPSILON * high; i++) {
    const middle = (low + high) / 2;
    if (upperTail(middle, freedom) > 1 - p) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** P(T > t), t >= 0. */
function upperTail(t: number, freedom: number): number {
  const square = t * t;
  return incompleteBeta(freedom / (freedom + square), square / (freedom + square), freedom / 2, 0.5) / 2;
}
