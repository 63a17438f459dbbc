// The contract of a metric: one file in metrics/ fulfils it for one number, registry.ts lists them all. What a metric
// is called, which way is better and how it is shown is said here once; schema, gates, reports and tables ask the
// registry.
//
// Exact form: `prepare` looks at the rows once (sorts them, say) and returns the metric as a function of row weights,
// so that a bootstrap replicate costs O(rows). Mergeable form: the same number from counts that parts of a stream have
// added up, with the bound on its distance from the exact one. Empty input, and input for which the metric is not
// defined: NaN.

import type { TaskKind } from '@millrace/domain';
import type { Clusters, EntityError } from './comparisons/clusters.js';
import type { ScoreQuality } from './score-quality.js';
import type { ScoredRows, ScorePair } from './scored-rows.js';

/** The metric of some rows; a weight a row, null = each counts once. */
export type WeightedMetric = (weights: ArrayLike<number> | null) => number;

export interface MergedValue {
  value: number;
  /** The exact value is at most this far away; 0 = equal up to rounding. */
  errorBound: number;
}

export interface Interval {
  lower: number;
  upper: number;
}

/** The mergeable forms, by the task whose counts they read. */
export interface MergedForms {
  binary(quality: ScoreQuality): MergedValue;
}

export interface Metric {
  /** In project files, on the wire and in reports: [a-z_]. Never changed once released. */
  readonly name: string;
  /** As a sentence or a column's head begins: "AUC", "Log loss". */
  readonly title: string;
  /** How the number comes about, in one line. */
  readonly formula: string;
  readonly tasks: readonly TaskKind[];
  readonly direction: 'higher' | 'lower';
  /** Whether a better value alone makes a better model: only such a metric may be `scope.metric`. */
  readonly decides: boolean;
  readonly prepare: (rows: ScoredRows) => WeightedMetric;
  readonly merged: Partial<MergedForms>;
  /**
   * Where the metric of further rows of this kind would lie with this confidence, such as 0.95; left out where there is
   * no closed form: a bootstrap stands in.
   */
  readonly interval?: (rows: ScoredRows, confidence: number) => Interval;
  /**
   * Standard error of one model's value less another's on the same rows, whose entities are given where rows are not
   * independent; left out where there is no closed form: a bootstrap stands in, which takes seconds for 100,000 rows.
   */
  readonly pairedError?: (pair: ScorePair, clusters: Clusters | undefined) => EntityError;
}

/** Whether `value` is better than `other`; never where one is no number. */
export function isBetter(metric: Metric, value: number, other: number): boolean {
  return metric.direction === 'higher' ? value > other : value < other;
}

/** The metric of rows that count once each. */
export function exactly(metric: Metric, rows: ScoredRows): number {
  return metric.prepare(rows)(null);
}
