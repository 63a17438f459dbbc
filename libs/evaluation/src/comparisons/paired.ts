// How much better one model is than another on the same rows, with its interval: the one way in which two versions
// are compared, at a blessing and in a backtest. Paired: what moves both, such as a hard day, cancels.
//
//   d = metric(first) - metric(second),   interval d +- z s,   z the normal quantile of (1 + confidence) / 2
// s is the metric's own standard error of d (`pairedError`): of the mean of the rows' differences, or DeLong's of
// two AUCs; O(n) and O(n log n), whatever the number of rows. A metric without one is drawn (bootstrap.ts). Where rows
// are of entities, s is by these, and z Student's (clusters.ts); else rows are taken for independent. Where one entity
// has much of the rows, the interval of rows is as wide as is between: 1/w = (1 - l)/w_rows + l/w_entities, l of
// `byEntities`. Many rows of one hard day say less than as many of different ones: of that nothing is known here. Fewer
// than two rows, a metric that is not defined, or of which an entity has all of a class (delong.ts): NaN.

import { areAlike } from '../figure.js';
import type { Interval, Metric } from '../metric.js';
import type { ScorePair } from '../scored-rows.js';
import { bootstrapInterval } from './bootstrap.js';
import { byEntities, type Clusters, clustersOf, largestShare, reachOf } from './clusters.js';

export interface MetricDifference {
  /** Of the first, and of the second, on all rows. */
  value: number;
  other: number;
  /** `value` less `other`. */
  difference: number;
  lower: number;
  upper: number;
  /** Whose rows they are; absent where each stands for itself. */
  entities?: number;
  /** Share of the rows of the one entity that the interval is about, mostly or alone; absent: it is about all. */
  aboutOne?: number;
}

/** `confidence` 0: an interval without width. */
export function differenceOf(metric: Metric, pair: ScorePair, confidence: number): MetricDifference {
  const { labels, first, second } = pair;
  const one = metric.prepare({ labels, scores: first });
  const two = metric.prepare({ labels, scores: second });
  const [value, other] = [one(null), two(null)];
  const difference = value - other;
  const clusters = clustersOf(pair.entities);
  const figures = { value, other, difference };
  const intervalBy = (of: Clusters | undefined): Interval & { largest: number } => {
    if (metric.pairedError === undefined) {
      const drawn = bootstrapInterval((weights) => one(weights) - two(weights), labels.length, confidence, of);
      return { ...drawn, largest: of === undefined ? 0 : largestShare(of) };
    }
    const { error, effective, largest } = metric.pairedError(pair, of);
    const reach = reachOf(confidence, effective) * error;
    return { lower: difference - reach, upper: difference + reach, largest };
  };
  const { largest, ...interval } = intervalBy(clusters);
  if (clusters === undefined) return { ...figures, ...interval };
  const share = byEntities(largest);
  const whose = { entities: clusters.count, ...(share < 1 ? { aboutOne: largestShare(clusters) } : {}) };
  // Without confidence there is no width that entities could widen.
  if (share === 1 && confidence > 0) return { ...figures, ...interval, ...whose };
  const { lower, upper } = intervalBy(undefined);
  const wider = confidence === 0 || share === 0 ? 1 : stretch(share, upper - lower, interval.upper - interval.lower);
  return {
    ...{ ...figures, ...whose },
    lower: difference - (difference - lower) * wider,
    upper: difference + (upper - difference) * wider,
  };
}

/** Entities that say nothing (NaN) are infinitely wide. */
function stretch(share: number, ofRows: number, ofEntities: number): number {
  const ratio = ofRows / ofEntities;
  return 1 / (1 - share + (Number.isNaN(ratio) ? 0 : share * ratio));
}

/** What the interval says: a better first one, a worse one, or that none is seen; undefined where it is not defined. */
export function seen(
  { direction }: Pick<Metric, 'direction'>,
  found: MetricDifference,
): 'better' | 'worse' | 'none' | undefined {
  const { value, other, difference, lower, upper } = found;
  if (Number.isNaN(difference + lower + upper)) return undefined;
  // An interval without width that ends at 0 is no difference.
  if ((lower <= 0 && upper >= 0) || areAlike(value, other)) return 'none';
  return lower > 0 === (direction === 'higher') ? 'better' : 'worse';
}
