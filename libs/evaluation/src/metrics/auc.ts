// Area under the ROC curve: the share of pairs of a positive and a negative row in which the positive one scores
// higher, ties counting half (Mann-Whitney; Hanley and McNeil 1982). O(n log n) to sort, O(n) a weighting. One class
// only: NaN.
//
// Mergeable from the score cells: sum_c pos_c (neg_below_c + neg_c / 2) / (P N); pairs within one cell may be in any
// order, so
// |error| <= 1/2 sum_c pos_c neg_c / (P N). Interval: normal, with DeLong's variance, cut to [0, 1].

import { normalQuantile } from '@millrace/statistics';
import { aucDifferenceError, aucVariance } from '../comparisons/delong.js';
import { exactly, type MergedValue, type Metric, type WeightedMetric } from '../metric.js';
import type { ScoreQuality } from '../score-quality.js';
import { rowsOf, type ScoredRows } from '../scored-rows.js';
import { ascending, endsOfTies } from '../ties.js';

function prepare(rows: ScoredRows): WeightedMetric {
  rowsOf(rows);
  const { labels } = rows;
  const order = ascending(rows.scores);
  const ends = endsOfTies(order, rows.scores);
  return (weights) => {
    let negativesBelow = 0;
    let positives = 0;
    let won = 0;
    let start = 0;
    for (let g = 0; g < ends.length; g++) {
      const end = ends[g] as number;
      let p = 0;
      let n = 0;
      for (let i = start; i < end; i++) {
        const row = order[i] as number;
        const weight = weights === null ? 1 : (weights[row] as number);
        if (labels[row] === 1) p += weight;
        else n += weight;
      }
      won += p * (negativesBelow + n / 2);
      negativesBelow += n;
      positives += p;
      start = end;
    }
    const pairs = positives * negativesBelow;
    return pairs > 0 ? won / pairs : Number.NaN;
  };
}

function fromCells(quality: ScoreQuality): MergedValue {
  const pairs = quality.positives * (quality.rows - quality.positives);
  if (pairs === 0) return { value: Number.NaN, errorBound: Number.NaN };
  let negativesBelow = 0;
  let won = 0;
  let shared = 0;
  quality.eachCell(({ positives, negatives }) => {
    won += positives * (negativesBelow + negatives / 2);
    shared += positives * negatives;
    negativesBelow += negatives;
  });
  return { value: won / pairs, errorBound: shared / (2 * pairs) };
}

export const auc: Metric = {
  name: 'auc',
  title: 'AUC',
  formula: 'share of pairs of a positive and a negative row with the positive scored higher, ties counting half',
  tasks: ['binary'],
  direction: 'higher',
  decides: true,
  prepare,
  merged: { binary: fromCells },
  interval: (rows, confidence) => {
    const value = exactly(auc, rows);
    const reach = normalQuantile((1 + confidence) / 2) * Math.sqrt(aucVariance(rows));
    return { lower: Math.max(0, value - reach), upper: Math.min(1, value + reach) };
  },
  pairedError: aucDifferenceError,
};
