// The sampling variance of an AUC without a model of the scores (DeLong, DeLong and Clarke-Pearson 1988, by the
// mid-ranks of Sun and Xu 2014).
//
//   V10_i = share of negatives below positive i (ties half), V01_j = share of positives above negative j
//   var(A) = S10 / P + S01 / N, S the sample variances of V10 and V01
// Of the difference of two models' AUCs on the same rows: the same of the differences of their V10 and V01, which
// holds the covariance; where rows are of entities by these (clusters.ts; Obuchowski 1997), a row's influence being
// (V10_i - A)/P or (V01_j - A)/N. O(n log n). Fewer than two positives or two negatives: NaN.

import { rowsOf, type ScoredRows, type ScorePair } from '../scored-rows.js';
import { ascending, endsOfTies } from '../ties.js';
import { type Clusters, errorOfSum } from './clusters.js';

interface Placements {
  /** In the order of the rows. */
  positives: Float64Array;
  negatives: Float64Array;
  /** Of all rows. */
  shares: Float64Array;
}

function placements(rows: ScoredRows): Placements {
  const order = ascending(rows.scores);
  const isPositive = (row: number) => rows.labels[row] === 1;
  const P = order.reduce((sum, row) => sum + Number(isPositive(row)), 0);
  const N = rowsOf(rows) - P;
  // A row's share of the other class below it.
  const share = new Float64Array(order.length);
  let start = 0;
  let positivesBelow = 0;
  let negativesBelow = 0;
  for (const end of endsOfTies(order, rows.scores)) {
    const tied = order.subarray(start, end);
    let tiedPositives = 0;
    for (const row of tied) if (isPositive(row)) tiedPositives++;
    const tiedNegatives = tied.length - tiedPositives;
    for (const row of tied)
      share[row] = isPositive(row)
        ? (negativesBelow + tiedNegatives / 2) / N
        : 1 - (positivesBelow + tiedPositives / 2) / P;
    positivesBelow += tiedPositives;
    negativesBelow += tiedNegatives;
    start = end;
  }
  return {
    shares: share,
    positives: share.filter((_, row) => isPositive(row)),
    negatives: share.filter((_, row) => !isPositive(row)),
  };
}

function varianceOfMean(values: Float64Array): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return values.length < 2 ? Number.NaN : squares / (values.length - 1) / values.length;
}

export function aucVariance(rows: ScoredRows): number {
  const { positives, negatives } = placements(rows);
  return varianceOfMean(positives) + varianceOfMean(negatives);
}

export function aucDifferenceError({ labels, first, second }: ScorePair, clusters: Clusters | undefined): number {
  const one = placements({ labels, scores: first });
  const two = placements({ labels, scores: second });
  const less = (a: Float64Array, b: Float64Array) => a.map((value, i) => value - (b[i] as number));
  const [positives, negatives] = [less(one.positives, two.positives), less(one.negatives, two.negatives)];
  if (clusters === undefined) return Math.sqrt(varianceOfMean(positives) + varianceOfMean(negatives));
  if (positives.length < 2 || negatives.length < 2) return Number.NaN;
  const difference = positives.reduce((sum, value) => sum + value, 0) / positives.length;
  const influences = less(one.shares, two.shares).map(
    (value, row) => (value - difference) / (labels[row] === 1 ? positives : negatives).length,
  );
  return errorOfSum(influences, clusters);
}
