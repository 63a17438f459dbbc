// The sampling variance of an AUC without a model of the scores (DeLong, DeLong and Clarke-Pearson 1988, by the
// mid-ranks of Sun and Xu 2014).
//
//   V10_i = share of negatives below positive i (ties half), V01_j = share of positives above negative j
//   var(A) = S10 / P + S01 / N, S the sample variances of V10 and V01
// Of the difference of two models' AUCs on the same rows: the same of the differences of their V10 and V01, which
// holds the covariance. Where rows are of entities each of these is left out (clusters.ts), which has closed sums:
//   A_-g = (P N A - N sum_{i in g} V10_i - P sum_{j in g} V01_j + P_g N_g A_g) / ((P - P_g) (N - N_g)),
// P_g, N_g, A_g of the rows of g alone. The error is known as well as by the entities of the class that has fewer; what
// one entity has of an AUC is the smaller one of its shares of both classes. O(n log n). Fewer than two positives or
// two negatives, or an entity that has all of a class: NaN.

import { rowsOf, type ScoredRows, type ScorePair } from '../scored-rows.js';
import { ascending, endsOfTies } from '../ties.js';
import { type Clusters, type EntityError, effectiveOf, leftOutError, sumsBy } from './clusters.js';

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

export function aucDifferenceError({ labels, first, second }: ScorePair, clusters: Clusters | undefined): EntityError {
  const one = placements({ labels, scores: first });
  const two = placements({ labels, scores: second });
  const less = (a: Float64Array, b: Float64Array) => a.map((value, i) => value - (b[i] as number));
  const [positives, negatives] = [less(one.positives, two.positives), less(one.negatives, two.negatives)];
  if (clusters === undefined) {
    const error = Math.sqrt(varianceOfMean(positives) + varianceOfMean(negatives));
    return { error, effective: Number.POSITIVE_INFINITY, largest: 0 };
  }
  const [P, N] = [positives.length, negatives.length];
  const isPositive = Float64Array.from({ length: P + N }, (_, row) => Number(labels[row] === 1));
  const positivesOf = sumsBy(clusters, isPositive);
  const negativesOf = positivesOf.map((own, at) => (clusters.sizes[at] as number) - own);
  const effective = Math.min(effectiveOf(positivesOf), effectiveOf(negativesOf));
  const largest = positivesOf.reduce(
    (most, own, at) => Math.max(most, Math.min(own / P, (negativesOf[at] as number) / N)),
    0,
  );
  if (P < 2 || N < 2) return { error: Number.NaN, effective, largest };
  const shares = less(one.shares, two.shares);
  const difference = positives.reduce((sum, value) => sum + value, 0) / P;
  // Pairs that an entity takes part in, each once, in excess of what so many have in the mean.
  const taken = sumsBy(
    clusters,
    shares.map((value, row) => (value - difference) * (isPositive[row] === 1 ? N : P)),
  );
  const within = withinEntities({ labels, first, second }, clusters);
  const moved = taken.map((pairs, at) => {
    const [own, others] = [positivesOf[at] as number, negativesOf[at] as number];
    const inside = own * others === 0 ? 0 : (within[at] as number) - own * others * difference;
    return (inside - pairs) / ((P - own) * (N - others));
  });
  const isAllOfOne = positivesOf.some((own, at) => own === P || negativesOf[at] === N);
  return { error: isAllOfOne ? Number.NaN : leftOutError(moved), effective, largest };
}

/** By entity: of the pairs of its own positives and negatives, how many more the first model has in order. */
function withinEntities({ labels, first, second }: ScorePair, { of, count, sizes }: Clusters): Float64Array {
  const starts = new Int32Array(count + 1);
  for (let at = 0; at < count; at++) starts[at + 1] = (starts[at] as number) + (sizes[at] as number);
  const next = starts.slice();
  const rows = new Int32Array(of.length);
  of.forEach((at, row) => {
    rows[next[at] as number] = row;
    next[at] = (next[at] as number) + 1;
  });
  const more = new Float64Array(count);
  for (let at = 0; at < count; at++) {
    const own = rows.subarray(starts[at], starts[at + 1]);
    const ofOwn = (values: ArrayLike<number>) => Float64Array.from(own, (row) => values[row] as number);
    const y = ofOwn(labels);
    const positives = y.reduce((sum, label) => sum + Number(label === 1), 0);
    if (positives === 0 || positives === y.length) continue;
    const won = (scores: ArrayLike<number>) =>
      placements({ labels: y, scores: ofOwn(scores) }).positives.reduce((sum, share) => sum + share, 0);
    more[at] = (won(first) - won(second)) * (y.length - positives);
  }
  return more;
}
