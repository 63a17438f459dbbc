// The contract of a gate: what a model version must meet before it may go live, with one sentence for each thing it
// looks at. A metric that is not a number fails. Gates see evaluations only, never rows.

import type { BaselineEvaluation, Evaluation } from '../evaluation.js';
import type { Metric } from '../metric.js';

/** A bound on one metric, from the project file. */
export interface Threshold {
  metric: string;
  min?: number;
  max?: number;
}

/** A version and all that it is compared with, on the same rows. */
export interface Candidate {
  evaluation: Evaluation;
  /** The metric that decides between two models. */
  deciding: Metric;
  thresholds: readonly Threshold[];
  /** What needs no features: the training rows' majority or base rate (libs/domain task). */
  trivial: Evaluation;
  baselines: readonly BaselineEvaluation[];
  /** The version to beat, and why it is that one ("in service"); null = there is none. */
  champion: { version: number; standing: string; evaluation: Evaluation } | null;
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
