// Evaluates a fitted model on the later rows, scored as serving will, and judges it: against the baselines that the
// project names, against the version in service on the same rows, slice by slice. What better means is
// libs/evaluation's.

import {
  type BaselineEvaluation,
  bless,
  type Comparison,
  chanceOf,
  differenceOf,
  type Evaluation,
  type EvaluationReport,
  evaluate,
  evaluateSlices,
  intervalsOf,
  type MetricDifference,
  metricNamed,
} from '@millrace/evaluation';
import { encodeRows, type FittedPlan, type SignatureInput } from '@millrace/features';
import { type LogisticBaseline, type Network, scoreLogistic, scoreMajority } from '@millrace/models';
import type { ComputedBaseline, Project } from '@millrace/project';
import { scoreDistance } from '@millrace/statistics';
import type { LabelledRows } from './load.js';

export interface FittedModel {
  plan: FittedPlan;
  network: Network;
  weights: Float32Array;
}

export interface Scorer {
  /** Scores encoded rows with the network's ONNX form. */
  score(network: Network, weights: Float32Array, encoded: Float32Array): Promise<Float32Array>;
}

export function scoresOf(model: FittedModel, rows: LabelledRows, scorer: Scorer): Promise<Float32Array> {
  return scorer.score(model.network, model.weights, encodeRows(model.plan, rows.columns));
}

export function evaluateRows(project: Project, later: LabelledRows, scores: ArrayLike<number>): Evaluation {
  const { task } = project.scope;
  const scored = { labels: later.labels, scores };
  // Without an event time the rows have the times of their arrival, which say nothing of what they are.
  if (project.data.eventTime === undefined) return evaluate(task, scored);
  return evaluate(task, scored, {
    eventTimeFromMs: later.eventTimeMs[0] ?? 0,
    eventTimeToMs: later.eventTimeMs[later.rows - 1] ?? 0,
  });
}

/** An earlier version, as something that scores rows. */
export interface Opponent {
  version: number;
  /** What its answers speak of; empty = not known: of an earlier build. */
  labelRule: string;
  /** The raw columns that it takes. */
  inputs: readonly SignatureInput[];
  /** What serving answers first is this score: of versions trained here. A bound model's outputs are its own. */
  servesScore?: boolean;
  /** Of raw rows, as that version serves them. */
  score(rows: LabelledRows): Promise<Float32Array>;
}

export interface Champion extends Opponent {
  /** Why it is this one, as people are told: "version 3 (in service)". */
  standing: string;
}

export interface Contest {
  scores: Float32Array;
  evaluation: Evaluation;
  /** The trivial baseline's score of each row. */
  trivial: ArrayLike<number>;
  /** Scores of a baseline that is computed on the same rows; undefined where it was not fitted. */
  computed(name: ComputedBaseline): ArrayLike<number> | undefined;
  /** null = none. */
  champion: Champion | null;
  /** As of an opponent. */
  servesScore?: boolean;
  /** Of the steps before. */
  warnings: readonly string[];
  /** What the rows are to the model, as the end of "on 100 rows"; undefined = it had not seen them. */
  rowsAre?: string;
}

/** The baselines that a training has fitted, on rows that evaluate. */
export function fittedBaselines(baseline: LogisticBaseline, rows: LabelledRows): Pick<Contest, 'trivial' | 'computed'> {
  const trivial = scoreMajority(baseline, rows.rows);
  return { trivial, computed: (name) => (name === 'majority' ? trivial : scoreLogistic(baseline, rows.columns)) };
}

export async function judge(project: Project, later: LabelledRows, contest: Contest): Promise<EvaluationReport> {
  const { task, metric } = project.scope;
  const { scores, evaluation, trivial, computed, champion, warnings, rowsAre } = contest;
  const baselines = project.scope.baselines.flatMap(({ name, kind, value }): BaselineEvaluation[] => {
    if (value !== undefined) return [{ name, kind, value }];
    const others = computed(name as ComputedBaseline);
    return others === undefined ? [] : [{ name, kind, evaluation: evaluateRows(project, later, others) }];
  });
  const { thresholds, confidence } = project.evaluation;
  const deciding = metricNamed(metric);
  const { labels } = later;
  const against = (others: ArrayLike<number>) => ({
    evaluation: evaluateRows(project, later, others),
    difference: differenceOf(
      deciding,
      { labels, first: scores, second: others, entities: later.entityHashes },
      confidence,
    ),
  });
  const compared = ({ entities: _, aboutOne: __, ...difference }: MetricDifference): Comparison => ({
    ...difference,
    ...{ metric, rows: later.rows, confidence },
  });
  const others = await champion?.score(later);
  const opponent =
    champion === null || others === undefined
      ? null
      : { version: champion.version, standing: champion.standing, ...against(others) };
  const areServed = contest.servesScore === true && champion?.servesScore === true;
  const constant = against(trivial);
  const { blessed, reasons, verdict } = bless({
    ...{ evaluation, deciding, baselines, thresholds, confidence },
    trivial: constant,
    chance: chanceOf(task, { labels, scores }),
    champion: opponent,
    ...(rowsAre === undefined ? {} : { rowsAre }),
  });
  return {
    blessed,
    reasons,
    verdict,
    warnings,
    evaluation,
    intervals: intervalsOf(task, { labels, scores }),
    championVersion: champion?.version ?? 0,
    championEvaluation: opponent?.evaluation,
    championStanding: opponent?.standing,
    championComparison: opponent === null ? undefined : compared(opponent.difference),
    championScores: others === undefined || !areServed ? undefined : scoreDistance(others, scores),
    trivialComparison: compared(constant.difference),
    baselines,
    slices: evaluateSlices(task, { ...later, scores }, project.evaluation.slices),
  };
}
