// Rows of the same entity are not independent: what both models find easy of it they find easy again. The standard
// error of a number d is then that of the jackknife that leaves entities out (CV3 of MacKinnon, Nielsen and Webb 2023):
//   s^2 = (G - 1)/G sum_g (d_-g - d)^2,   d_-g the same number without entity g,
// G entities of n_g rows. Of a mean that is d_-g - d = -sum_{i in g} u_i / (1 - n_g/n), u_i a row's influence (of equal
// size statsmodels' cov_type "cluster", where each row is its own the usual one); of an AUC see delong.ts.
// Few entities, or few that have most of the rows, know their own spread badly: the interval is Student's with G* - 1
// degrees of freedom, 1 at least, G* = n^2 / sum_g n_g^2 (Carter, Schnepel and Steigerwald 2017). O(n).
//
// Where one entity has nearly all rows, nothing tells how others differ, and what is asked is about that one, so that
// rows stand each for themselves: from ALONE of the rows on. Below SEVERAL entities speak alone, and between the
// interval goes from the one to the other, so that no single row switches anything. A row without an entity is an
// entity of its own.

import { normalQuantile, studentQuantile } from '@millrace/statistics';

/** Of two, one has .7 and the other .3: 1.7 of equal size would know as much, too few for an error. */
const SEVERAL = 0.7;
const ALONE = 0.9;

export interface Clusters {
  /** By row, 0 to count - 1. */
  readonly of: Int32Array;
  readonly count: number;
  /** Rows of each. */
  readonly sizes: readonly number[];
}

/** A standard error, and how well it is known. */
export interface EntityError {
  readonly error: number;
  /** So many entities of equal size would know as much; infinite where rows are independent. */
  readonly effective: number;
  /** Of the number, what the one entity has that has most of it. */
  readonly largest: number;
}

/** `names`: by row, whose it is, such as a hash. undefined: rows stand for themselves. */
export function clustersOf(names: ArrayLike<number> | undefined): Clusters | undefined {
  if (names === undefined || names.length === 0) return undefined;
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
  return { of, count: sizes.length, sizes };
}

/** Entities of equal size that would know as much. */
export function effectiveOf(sizes: ArrayLike<number>): number {
  let [rows, squares] = [0, 0];
  for (let at = 0; at < sizes.length; at++) {
    const size = sizes[at] as number;
    rows += size;
    squares += size * size;
  }
  return rows ** 2 / squares;
}

/** `moved`: by how much the number changes without each. One alone cannot be left out: NaN. */
export function leftOutError(moved: Float64Array): number {
  if (moved.length < 2) return Number.NaN;
  const squares = moved.reduce((sum, by) => sum + by * by, 0);
  return Math.sqrt((squares * (moved.length - 1)) / moved.length);
}

/** Of a mean as its rows' influences, which are 0 in the sum. Fewer than two rows: NaN. */
export function errorOfSum(influences: Float64Array, clusters: Clusters | undefined): EntityError {
  const rows = influences.length;
  if (clusters === undefined) {
    const moved = influences.map((one) => one / (1 - 1 / rows));
    return { error: leftOutError(moved), effective: Number.POSITIVE_INFINITY, largest: 0 };
  }
  const sums = sumsBy(clusters, influences);
  const moved = sums.map((sum, at) => sum / (1 - (clusters.sizes[at] as number) / rows));
  return { error: leftOutError(moved), effective: effectiveOf(clusters.sizes), largest: largestShare(clusters) };
}

export function sumsBy({ of, count }: Clusters, values: ArrayLike<number>): Float64Array {
  const sums = new Float64Array(count);
  of.forEach((at, row) => {
    sums[at] = (sums[at] as number) + (values[row] as number);
  });
  return sums;
}

/** Of the rows. */
export function largestShare({ of, sizes }: Clusters): number {
  return sizes.reduce((most, size) => Math.max(most, size), 0) / of.length;
}

/** How far it is from rows for themselves (0) to entities (1) where one has this share. */
export const byEntities = (largest: number): number => Math.min(1, Math.max(0, (ALONE - largest) / (ALONE - SEVERAL)));

/** So many standard errors to either side have this confidence. */
export function reachOf(confidence: number, effective: number): number {
  const p = (1 + confidence) / 2;
  return effective === Number.POSITIVE_INFINITY ? normalQuantile(p) : studentQuantile(p, Math.max(1, effective - 1));
}
