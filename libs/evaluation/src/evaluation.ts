// How good one scorer is on one set of labelled rows, and the whole judgement of one model version: the only two shapes
// in which figures of quality travel, between trainer, monitor, command and page and in evaluation.json.

import type { Slice } from '@millrace/domain';
import type { ScoreDistance } from '@millrace/statistics';
import type { MetricDifference } from './comparisons/paired.js';
import type { Interval } from './metric.js';

/** Event times of the rows; 0 and 0 where they are not known. */
export interface EventTimeSpan {
  eventTimeFromMs: number;
  eventTimeToMs: number;
}

export interface Evaluation extends EventTimeSpan {
  rows: number;
  /** By the metric's name; NaN where it is not defined for these rows. */
  metrics: Readonly<Record<string, number>>;
  /** Share of rows with label 1. */
  positiveShare: number;
  /** Mean of the scores; not said by releases up to 0.1. */
  meanScore?: number | undefined;
}

export const BASELINE_KINDS = ['trivial', 'older_system', 'human'] as const;

/** A baseline is computed on the same rows, or its value of the deciding metric is stated in the project. */
export interface BaselineEvaluation {
  name: string;
  kind: (typeof BASELINE_KINDS)[number];
  evaluation?: Evaluation | undefined;
  value?: number | undefined;
}

export interface SliceEvaluation extends Slice {
  evaluation: Evaluation;
}

/** The deciding metric of a version and of what it is compared with, on the same rows. */
export interface Comparison extends MetricDifference {
  metric: string;
  rows: number;
  /** Of the interval. */
  confidence: number;
}

export interface EvaluationReport {
  blessed: boolean;
  /** Why blessed, or why not: one sentence a gate. */
  reasons: readonly string[];
  /** The same as one plain sentence for people. */
  verdict: string;
  /** What its owner ought to know besides, about the features or the start of the training: a sentence each. */
  warnings: readonly string[];
  evaluation: Evaluation;
  /** 95 % intervals of the evaluation's metrics, by name. */
  intervals: Readonly<Record<string, Interval>>;
  /** The version in service at the time, on the same rows; 0 = there was none. */
  championVersion: number;
  championEvaluation?: Evaluation | undefined;
  /** Why it was that one: "in service", "the newest blessed", "as asked"; absent where there was none. */
  championStanding?: string | undefined;
  championComparison?: Comparison | undefined;
  /** How far the scores of both lay apart there, as a rollout's analysis compares them; absent where it cannot. */
  championScores?: ScoreDistance | undefined;
  /** With the trivial baseline. */
  trivialComparison?: Comparison | undefined;
  baselines: readonly BaselineEvaluation[];
  slices: readonly SliceEvaluation[];
}
