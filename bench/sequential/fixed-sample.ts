// The tests that look once, after a number of requests that was set beforehand: two proportions (pooled z) and
// Mann-Whitney on the error shares of intervals, as Kayenta's judge compares a canary's time series with its
// baseline's (standardised rank sum, ties corrected). Each is given the critical value that makes its false alarms
// what they may be on the very streams it is judged on: no table, no approximation, and what no test knows in
// practice. Kayenta asks for an effect beside the significance; that is left out, which only makes it see more.

import { normalQuantile } from '@millrace/statistics';
import { countsOf, type Truth } from './arms.js';

/** Requests for error alpha and the given power, by the usual formula. */
export function planned({ first, second, share }: Truth, alpha: number, power: number): number {
  const pooled = first * (1 - share) + second * share;
  const under = (p1: number, p2: number) => Math.sqrt((p1 * (1 - p1)) / (1 - share) + (p2 * (1 - p2)) / share);
  const sum = -normalQuantile(alpha) * under(pooled, pooled) + normalQuantile(power) * under(first, second);
  return Math.ceil((sum / (second - first)) ** 2);
}

export type Statistic = (traffic: Uint8Array, requests: number) => number;

export const proportionsApart: Statistic = (traffic, requests) => {
  const { first, second } = countsOf(traffic, 0, requests);
  if (first.n === 0 || second.n === 0) return 0;
  const pooled = (first.k + second.k) / (first.n + second.n);
  const error = Math.sqrt(pooled * (1 - pooled) * (1 / first.n + 1 / second.n));
  return error > 0 ? (second.k / second.n - first.k / first.n) / error : 0;
};

/** Error shares of so many equal parts of the requests, the second arm's against the first's. */
export function intervalsApart(intervals: number): Statistic {
  return (traffic, requests) => {
    const points: { value: number; second: boolean }[] = [];
    for (let i = 0; i < intervals; i++) {
      const at = (part: number) => Math.round((part * requests) / intervals);
      const { first, second } = countsOf(traffic, at(i), at(i + 1));
      if (first.n > 0) points.push({ value: first.k / first.n, second: false });
      if (second.n > 0) points.push({ value: second.k / second.n, second: true });
    }
    return mannWhitney(points);
  };
}

/** The value that no more than `alpha` of the healthy streams exceed after so many requests. */
export function criticalValue(statistic: Statistic, healthy: readonly Uint8Array[], requests: number, alpha: number) {
  const values = healthy.map((traffic) => statistic(traffic, requests)).sort((a, b) => a - b);
  return values[values.length - 1 - Math.floor(alpha * values.length)] as number;
}

/** Standardised rank sum of the second sample; 0 where all are tied. */
function mannWhitney(points: { value: number; second: boolean }[]): number {
  points.sort((a, b) => a.value - b.value);
  const n = points.length;
  const n2 = points.filter(({ second }) => second).length;
  let [ranks, ties] = [0, 0];
  for (let from = 0; from < n; ) {
    let to = from;
    while (to < n && points[to]!.value === points[from]!.value) to += 1;
    for (let i = from; i < to; i++) if (points[i]!.second) ranks += (from + to + 1) / 2;
    ties += (to - from) ** 3 - (to - from);
    from = to;
  }
  const variance = ((n2 * (n - n2)) / 12) * (n + 1 - ties / (n * (n - 1)));
  return variance > 0 ? (ranks - (n2 * (n + 1)) / 2) / Math.sqrt(variance) : 0;
}
