// Bootstrap (Efron 1979) of any metric: each replicate draws as many rows as there are, with replacement; the interval
// lies between the (1 - confidence) / 2 quantiles of the replicates. Paired: both models see the same draws, so that
// what moves both, such as a hard day, cancels. Each side is prepared once; a replicate costs O(rows). Replicates in
// which the metric is not defined are left out; without any: NaN.

import { type Rng, seededRng } from '@millrace/domain';
import type { Interval, Metric, WeightedMetric } from '../metric.js';
import { rowsOf, type ScoredRows } from '../scored-rows.js';

/** The 2.5 % quantile of 200 replicates rests on five of them: enough to see how wide an interval is. */
const INTERVAL = { replicates: 200, seed: 1 };

interface BootstrapOptions {
  replicates: number;
  confidence: number;
  rng: Rng;
}

export interface MetricDifference extends Interval {
  /** The metric of the first less that of the second, on all rows. */
  difference: number;
}

/** Two models' scores of the same rows. */
export interface ScorePair {
  labels: ArrayLike<number>;
  first: ArrayLike<number>;
  second: ArrayLike<number>;
}

export function bootstrapDifference(metric: Metric, pair: ScorePair, options: BootstrapOptions): MetricDifference {
  const { labels } = pair;
  const first = metric.prepare({ labels, scores: pair.first });
  const second = metric.prepare({ labels, scores: pair.second });
  const difference: WeightedMetric = (weights) => first(weights) - second(weights);
  return { difference: difference(null), ...quantilesOf(difference, labels.length, options) };
}

/** The metric's own interval, or its bootstrap where it has none. */
export function intervalOf(metric: Metric, rows: ScoredRows, confidence: number): Interval {
  if (metric.interval !== undefined) return metric.interval(rows, confidence);
  return quantilesOf(metric.prepare(rows), rowsOf(rows), { ...INTERVAL, confidence, rng: seededRng(INTERVAL.seed) });
}

function quantilesOf(of: WeightedMetric, rows: number, { replicates, confidence, rng }: BootstrapOptions): Interval {
  const weights = new Float64Array(rows);
  const drawn: number[] = [];
  for (let r = 0; r < replicates; r++) {
    weights.fill(0);
    for (let i = 0; i < rows; i++) {
      const row = rng.below(rows);
      weights[row] = (weights[row] as number) + 1;
    }
    const value = of(weights);
    if (!Number.isNaN(value)) drawn.push(value);
  }
  drawn.sort((a, b) => a - b);
  const tail = (1 - confidence) / 2;
  const at = (share: number) => drawn[Math.min(drawn.length - 1, Math.floor(share * drawn.length))] ?? Number.NaN;
  return { lower: at(tail), upper: at(1 - tail) };
}
