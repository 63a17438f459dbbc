// Two-sample Kolmogorov-Smirnov.
//
//   D = sup_x |F_window(x) - F_reference(x)|
//   p = Q_KS((sqrt(ne) + 0.12 + 0.11/sqrt(ne)) D),  ne = n m / (n + m)      (asymptotic; Stephens 1970, Numerical Recipes 14.3)
//
// `ksExact` takes both sorted samples. `ksAgainstQuantiles` takes the reference's quantiles Q(k/m) and the window's exact
// counts below, at and between the distinct quantiles. The reference's F is then known at each distinct quantile only to
// within 1/m: k/m <= F(q) < (k+1)/m for the largest k with Q(k/m) = q, and (k-1)/m <= F(q-) < k/m for the smallest. The
// middle of each range is used, and between two neighbours F stays in one such range, so |D_coded - D| <= 1/(2m) = 0.0005
// for m = 1,000, and 0 where the reference has at most 1,000 rows. Ties make p conservative (too large). Empty side: NaN.

import { kolmogorovTail } from './special-functions.js';

export interface KsResult {
  statistic: number;
  pValue: number;
}

export function ksPValue(statistic: number, n: number, m: number): number {
  if (n === 0 || m === 0) return Number.NaN;
  const root = Math.sqrt((n * m) / (n + m));
  return kolmogorovTail((root + 0.12 + 0.11 / root) * statistic);
}

/** Both samples ascending. Cost O(n + m). */
export function ksExact(reference: ArrayLike<number>, window: ArrayLike<number>): KsResult {
  const m = reference.length;
  const n = window.length;
  if (m === 0 || n === 0) return { statistic: Number.NaN, pValue: Number.NaN };
  let i = 0;
  let j = 0;
  let statistic = 0;
  while (i < m && j < n) {
    const x = Math.min(reference[i] as number, window[j] as number);
    while (i < m && (reference[i] as number) <= x) i++;
    while (j < n && (window[j] as number) <= x) j++;
    statistic = Math.max(statistic, Math.abs(i / m - j / n));
  }
  return { statistic, pValue: ksPValue(statistic, n, m) };
}

/** The distinct quantiles of a reference with its distribution function just left of and at each of them. */
export class QuantileLadder {
  readonly points: Float64Array;
  readonly below: Float64Array;
  readonly at: Float64Array;

  /** `rows`: the reference's rows with a value. Quantiles ascending, Q(0) first. */
  constructor(
    quantiles: readonly number[],
    readonly rows: number,
  ) {
    const steps = quantiles.length - 1;
    const points: number[] = [];
    const below: number[] = [];
    const at: number[] = [];
    const ceiling = (k: number) => Math.ceil((k * rows) / steps);
    for (let k = 0; k <= steps && steps > 0; ) {
      const first = k;
      while (k <= steps && quantiles[k] === quantiles[first]) k++;
      points.push(quantiles[first] as number);
      below.push(first === 0 ? 0 : (ceiling(first - 1) + ceiling(first) - 1) / (2 * rows));
      at.push(k > steps ? 1 : (ceiling(k - 1) + ceiling(k) - 1) / (2 * rows));
    }
    this.points = Float64Array.from(points);
    this.below = Float64Array.from(below);
    this.at = Float64Array.from(at);
  }

  /** Cells of a window's count array: 2j for x between points j-1 and j, 2j + 1 for x equal to point j. */
  get cells(): number {
    return 2 * this.points.length + 1;
  }

  /** The cell of a finite x, by binary search. */
  cellOf(x: number): number {
    const points = this.points;
    let low = 0;
    let high = points.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((points[middle] as number) < x) low = middle + 1;
      else high = middle;
    }
    return low < points.length && points[low] === x ? 2 * low + 1 : 2 * low;
  }
}

/** `counts` by `QuantileLadder.cellOf`. Cost O(points). */
export function ksAgainstQuantiles(ladder: QuantileLadder, counts: ArrayLike<number>): KsResult {
  let n = 0;
  for (let i = 0; i < counts.length; i++) n += counts[i] as number;
  if (n === 0 || ladder.rows === 0 || ladder.points.length === 0) return { statistic: Number.NaN, pValue: Number.NaN };
  let statistic = 0;
  let seen = 0;
  for (let j = 0; j < ladder.points.length; j++) {
    seen += counts[2 * j] as number;
    statistic = Math.max(statistic, Math.abs(seen / n - (ladder.below[j] as number)));
    seen += counts[2 * j + 1] as number;
    statistic = Math.max(statistic, Math.abs(seen / n - (ladder.at[j] as number)));
  }
  return { statistic, pValue: ksPValue(statistic, n, ladder.rows) };
}
