// The contract of a gate: what a model version must meet before it may go live, with one sentence for each thing it
// looks at. A metric that is not a number fails. Gates see evaluations only, never rows.

import type { ByChance } from '../comparisons/by-chance.js';
import type { MetricDifference } from '../comparisons/paired.js';
import type { BaselineEvaluation, Evaluation } from '../evaluation.js';
import type { Metric } from '../metric.js';

/**
 * Of the interval of a difference, unless the project says otherwise. Of 80 %, on 20 to 500 rows, a challenger with
 * a quarter of the rows that the champion learned from is blessed in 4 of 100 cases (by the bare figures in 24; of
 * 95 %, in 1), and one with four times as many in 36 (76; 16): docs/when-to-retrain.md.
 */
export const BLESSING_CONFIDENCE = 0.8;

/** A bound on one metric, from the project file. */
export interface Threshold {
  metric: string;
  min?: number;
  max?: number;
}

/** What is scored on the same rows: its figures, and the deciding metric of the version less its own. */
export interface OnSameRows {
  evaluation: Evaluation;
  difference: MetricDifference;
}

/** A version and all that it is compared with, on the same rows. */
export interface Candidate {
  evaluation: Evaluation;
  /** The metric that decides between two models. */
  deciding: Metric;
  thresholds: readonly Threshold[];
  /** What needs no features: the training rows' majority or base rate (libs/domain task). */
  trivial: OnSameRows;
  /** Where the task's scores are to put rows in order. */
  chance?: ByChance | undefined;
  baselines: readonly BaselineEvaluation[];
  /** The version to beat, and why it is that one ("in service"); null = there is none. */
  champion: ({ version: number; standing: string } & OnSameRows) | null;
  /** Of the intervals of differences; 0 = the bare figures decide. */
  confidence: number;
  /** What the rows are to it, as the end of "on 100 rows"; undefined = "that it had not seen". */
  rowsAre?: string;
}

export interface GateResult {
  met: boolean;
  sentence: string;
  /** Of what was not met: what may help, as the end of a sentence. */
  advice?: string;
}

export type Gate = (candidate: Candidate) => readonly GateResult[];
