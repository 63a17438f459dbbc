// Bootstrap (Efron 1979) of any number that weights of rows make: each replicate draws as many rows as there are,
// with replacement; the interval lies between the (1 - confidence) / 2 quantiles of the replicates. It stands in
// where a metric has no closed form. A replicate costs O(rows). Replicates in which the metric is not defined are
// left out; without any: NaN.

import { seededRng } from '@millrace/domain';
import type { Interval, Metric, WeightedMetric } from '../metric.js';
import { rowsOf, type ScoredRows } from '../scored-rows.js';
import type { Clusters } from './clusters.js';

/** The 2.5 % quantile of 200 replicates rests on five of them: enough to see how wide an interval is. */
const REPLICATES = 200;
/** Two equal questions have equal answers. */
const SEED = 1;

/** The metric's own interval, or its bootstrap where it has none. */
export function intervalOf(metric: Metric, rows: ScoredRows, confidence: number): Interval {
  if (metric.interval !== undefined) return metric.interval(rows, confidence);
  return bootstrapInterval(metric.prepare(rows), rowsOf(rows), confidence);
}

/** Of rows that are not independent whole clusters are drawn. */
export function bootstrapInterval(of: WeightedMetric, rows: number, confidence: number, clusters?: Clusters): Interval {
  const draws = clusters?.count ?? rows;
  const rng = seededRng(SEED);
  const weights = new Float64Array(rows);
  const counts = clusters === undefined ? weights : new Float64Array(draws);
  const drawn: number[] = [];
  for (let r = 0; r < REPLICATES; r++) {
    counts.fill(0);
    for (let i = 0; i < draws; i++) {
      const drawn = rng.below(draws);
      counts[drawn] = (counts[drawn] as number) + 1;
    }
    clusters?.of.forEach((cluster, row) => {
      weights[row] = counts[cluster] as number;
    });
    const value = of(weights);
    if (!Number.isNaN(value)) drawn.push(value);
  }
  drawn.sort((a, b) => a - b);
  const tail = (1 - confidence) / 2;
  const at = (share: number) => drawn[Math.min(drawn.length - 1, Math.floor(share * drawn.length))] ?? Number.NaN;
  return { lower: at(tail), upper: at(1 - tail) };
}
