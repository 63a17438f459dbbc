// Rows of the same entity are not independent: what both models find easy of it they find easy again. The standard
// error of a number that is nearly a sum of one influence a row, u_i, is then by the entities' sums, that of each
// raised by what it draws the number to itself (the jackknife that leaves entities out; for a mean exactly that; CV3 of
// MacKinnon, Nielsen and Webb 2023):
//   s^2 = (G - 1)/G sum_g (sum_{i in g} u_i / (1 - n_g/n))^2,
// G entities of n_g rows; of equal size it is statsmodels' cov_type "cluster", where each row is its own the
// usual one. Few entities, or few that have most of the rows, know their own spread badly: the interval is
// Student's with G* - 1 degrees of freedom, 1 at least, G* = n^2 / sum_g n_g^2 (Carter, Schnepel and Steigerwald
// 2017). O(n). Rows that are all of one entity: nothing tells how others differ, and what is asked is about that
// entity, so that its rows stand each for themselves.

import { normalQuantile, studentQuantile } from '@millrace/statistics';

export interface Clusters {
  /** By row, 0 to count - 1. */
  readonly of: Int32Array;
  readonly count: number;
  /** Rows of each. */
  readonly sizes: readonly number[];
  /** As many of equal size would know as much. */
  readonly effective: number;
}

/** `names`: by row, whose it is, such as a hash. undefined: rows stand for themselves. */
export function clustersOf(names: ArrayLike<number> | undefined): Clusters | undefined {
  if (names === undefined) return undefined;
  const of = new Int32Array(names.length);
  const placeOf = new Map<number, number>();
  const sizes: number[] = [];
  for (let row = 0; row < of.length; row++) {
    const name = names[row] as number;
    let place = placeOf.get(name);
    if (place === undefined) {
      place = sizes.push(0) - 1;
      placeOf.set(name, place);
    }
    of[row] = place;
    sizes[place] = (sizes[place] as number) + 1;
  }
  if (sizes.length < 2) return undefined;
  const squares = sizes.reduce((sum, size) => sum + size * size, 0);
  return { of, count: sizes.length, sizes, effective: of.length ** 2 / squares };
}

/** Of a sum of influences, which are 0 in the mean. Fewer than two rows: NaN. */
export function errorOfSum(influences: Float64Array, clusters: Clusters | undefined): number {
  const rows = influences.length;
  const count = clusters?.count ?? rows;
  if (count < 2) return Number.NaN;
  const sums = clusters === undefined ? influences : new Float64Array(count);
  if (clusters !== undefined)
    for (let row = 0; row < rows; row++) {
      const at = clusters.of[row] as number;
      sums[at] = (sums[at] as number) + (influences[row] as number);
    }
  let squares = 0;
  for (let at = 0; at < count; at++) {
    const size = clusters?.sizes[at] ?? 1;
    squares += ((sums[at] as number) / (1 - size / rows)) ** 2;
  }
  return Math.sqrt((squares * (count - 1)) / count);
}

/** So many standard errors to either side have this confidence. */
export function reachOf(confidence: number, clusters: Clusters | undefined): number {
  const p = (1 + confidence) / 2;
  return clusters === undefined ? normalQuantile(p) : studentQuantile(p, Math.max(1, clusters.effective - 1));
}
