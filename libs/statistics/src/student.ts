// The quantiles of Student's distribution, for any degrees of freedom above 0: t with P(T <= t) = p, by bisection of
//   P(T > t) = I_x(f/2, 1/2) / 2,   x = f / (f + t^2),
// I the regularised incomplete beta function, by Lentz's continued fraction (Press et al., Numerical Recipes, 3rd ed.,
// 6.4). Relative error about 1e-12. Outside [0, 1], NaN, and f that is not above 0: NaN; f infinite: the normal one.

import { normalQuantile } from './normal.js';
import { logBeta } from './special-functions.js';

const TERMS_MAX = 10_000;
const EPSILON = 1e-16;
const TINY = 1e-300;
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

/** I_x(a, b); `y` is 1 - x, which may be too small to be had from x. */
function incompleteBeta(x: number, y: number, a: number, b: number): number {
  if (x <= 0) return 0;
  if (y <= 0) return 1;
  const front = Math.exp(a * Math.log(x) + b * Math.log(y) - logBeta(a, b));
  return x < (a + 1) / (a + b + 2) ? (front * fraction(x, a, b)) / a : 1 - (front * fraction(y, b, a)) / b;
}

function fraction(x: number, a: number, b: number): number {
  const away = (value: number) => (Math.abs(value) < TINY ? TINY : value);
  let c = 1;
  let d = 1 / away(1 - ((a + b) * x) / (a + 1));
  let h = d;
  for (let m = 1; m < TERMS_MAX; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / away(1 + even * d);
    c = away(1 + even / c);
    h *= d * c;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / away(1 + odd * d);
    c = away(1 + odd / c);
    h *= d * c;
    if (Math.abs(d * c - 1) < 1e-15) break;
  }
  return h;
}
