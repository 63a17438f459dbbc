// How far apart two versions' scores lie: the largest difference of their shares below a point, and above one
// (Smirnov's one-sided distances), over all edges of FloatHistogram's buckets, and how far a distance of so many rows
// may be from the one that more rows would have.
//
//   below = max over c of (share of second below c - share of first below c), above likewise; both are at least 0.
//   bound = 2 sqrt(ln(4 / alpha) / (2 rows))
// Each side's empirical distribution is off by more than bound / 2 anywhere with probability at most alpha / 2 (Massart
// 1990, two-sided), so that with 1 - alpha neither distance is short by more than the bound, at every point at once,
// however the rows' two scores depend on each other. Rows are taken to be independent. One pass over both histograms.

import { assert } from '@millrace/domain';
import { FloatHistogram } from './float-histogram.js';

export interface ScoreDistance {
  /** That both have scored with a finite number, (0, …). */
  rows: number;
  /** Share that the second has more of below a point, at the point where it is largest; 0 to 1. */
  below: number;
  /** The same above a point. */
  above: number;
}

/** Of the same rows; undefined: none has finite scores of both. */
export function scoreDistance(first: ArrayLike<number>, second: ArrayLike<number>): ScoreDistance | undefined {
  assert(first.length === second.length, `scores of ${first.length} and of ${second.length} rows`);
  const [one, other] = [new FloatHistogram(), new FloatHistogram()];
  for (let row = 0; row < first.length; row++) {
    const [a, b] = [first[row] as number, second[row] as number];
    if (!Number.isFinite(a) || !Number.isFinite(b)) continue;
    one.add(a);
    other.add(b);
  }
  const rows = one.count;
  return rows === 0 ? undefined : { rows, ...apart(one, other) };
}

/** By so much a distance of so many rows is too small with a probability of at most alpha. */
export function distanceBound(rows: number, alpha: number): number {
  assert(rows > 0 && alpha > 0 && alpha < 1, `a bound of ${rows} rows at ${alpha} is none`);
  return Math.min(1, 2 * Math.sqrt(Math.log(4 / alpha) / (2 * rows)));
}

function apart(first: FloatHistogram, second: FloatHistogram): { below: number; above: number } {
  const steps = new Map<number, number>();
  for (const [sign, of] of [[-1, first] as const, [1, second] as const]) {
    const state = of.state();
    for (let i = 0; i + 1 < state.length; i += 2) {
      const bucket = state[i] as number;
      steps.set(bucket, (steps.get(bucket) ?? 0) + sign * (state[i + 1] as number));
    }
  }
  let [sum, below, above] = [0, 0, 0];
  for (const bucket of [...steps.keys()].sort((a, b) => a - b)) {
    sum += steps.get(bucket) as number;
    below = Math.max(below, sum);
    above = Math.max(above, -sum);
  }
  return { below: below / first.count, above: above / first.count };
}
