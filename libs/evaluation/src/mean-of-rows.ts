// Metrics that are the mean of one term a row (log loss, Brier score, accuracy): weighted mean, and the normal
// interval of a mean: m +- z s / sqrt(n), s the terms' standard deviation. Empty: NaN. One row: an interval without
// width. Of two models on the same rows: s / sqrt(n), s of the differences of their terms, or by the rows' entities
// (comparisons/clusters.ts); fewer than two rows: NaN.

import { normalQuantile } from '@millrace/statistics';
import { type Clusters, type EntityError, errorOfSum } from './comparisons/clusters.js';
import type { Interval, WeightedMetric } from './metric.js';
import type { BinaryRow } from './row-terms.js';
import { rowsOf, type ScoredRows, type ScorePair } from './scored-rows.js';

/** One row's share of the metric. */
export type RowTerm = (row: BinaryRow) => number;

export function termsOf(rows: ScoredRows, term: RowTerm): Float64Array {
  const terms = new Float64Array(rowsOf(rows));
  const row = { score: 0, positive: false };
  for (let i = 0; i < terms.length; i++) {
    row.score = rows.scores[i] as number;
    row.positive = rows.labels[i] === 1;
    terms[i] = term(row);
  }
  return terms;
}

export function meanOf(terms: Float64Array): WeightedMetric {
  return (weights) => {
    let sum = 0;
    let total = 0;
    for (let i = 0; i < terms.length; i++) {
      const weight = weights === null ? 1 : (weights[i] as number);
      sum += weight * (terms[i] as number);
      total += weight;
    }
    return total > 0 ? sum / total : Number.NaN;
  };
}

export function intervalOfMean(terms: Float64Array, confidence: number): Interval {
  const mean = meanOf(terms)(null);
  let squares = 0;
  for (const term of terms) squares += (term - mean) ** 2;
  const deviation = terms.length > 1 ? Math.sqrt(squares / (terms.length - 1)) : 0;
  const reach = (normalQuantile((1 + confidence) / 2) * deviation) / Math.sqrt(terms.length);
  return { lower: mean - reach, upper: mean + reach };
}

export function errorOfMeanDifference(
  { labels, first, second }: ScorePair,
  clusters: Clusters | undefined,
  term: RowTerm,
): EntityError {
  const differences = termsOf({ labels, scores: first }, term);
  const others = termsOf({ labels, scores: second }, term);
  for (let i = 0; i < differences.length; i++) differences[i] = (differences[i] as number) - (others[i] as number);
  const mean = meanOf(differences)(null);
  return errorOfSum(
    differences.map((one) => (one - mean) / differences.length),
    clusters,
  );
}
