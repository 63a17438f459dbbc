// A reference's distribution function at its distinct quantiles, and the cells between and at them in which a window is
// counted. For tests that compare whole distributions (Kolmogorov-Smirnov and its kin).
//
// From the quantiles Q(k/m) the reference's F is known at each distinct quantile only to within 1/m: k/m <= F(q) <
// (k+1)/m for the largest k with Q(k/m) = q, and (k-1)/m <= F(q-) < k/m for the smallest. The middle of each range is
// used, so that `at` and `below` are off by at most 1/(2m), 0.0005 for m = 1,000, and exact where the reference has at
// most 1,000 rows. Memory O(quantiles); a look-up is one binary search. No quantiles (an empty reference): one cell and
// no points.

export class QuantileLadder {
  /** The distinct quantiles, ascending. */
  readonly points: Float64Array;
  /** The reference's share of rows below each point. */
  readonly below: Float64Array;
  /** The reference's share of rows at or below each point. */
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
