// Evaluates a fitted model on the later rows, scored as serving will, and judges it: against the baselines that the
// project names, against the version in service on the same rows, slice by slice. What better means is
// libs/evaluation's.

import {
  type BaselineEvaluation,
  bless,
  type Evaluation,
  type EvaluationReport,
  evaluate,
  evaluateSlices,
  intervalsOf,
  metricNamed,
} from '@millrace/evaluation';
import { encodeRows, type FittedPlan } from '@millrace/features';
import { type LogisticBaseline, type Network, scoreLogistic, scoreMajority } from '@millrace/models';
import type { ComputedBaseline, Project } from '@millrace/project';
import type { LabelledRows } from './load.js';
import type { EarlierModel } from './plan.js';

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

export interface Contest {
  scores: Float32Array;
  evaluation: Evaluation;
  baseline: LogisticBaseline;
  /** The version to beat; null = none. */
  champion: { version: number; model: EarlierModel } | null;
  /** Of the steps before. */
  warnings: readonly string[];
}

const COMPUTED: Record<ComputedBaseline, (baseline: LogisticBaseline, rows: LabelledRows) => Float64Array> = {
  majority: (baseline, rows) => scoreMajority(baseline, rows.rows),
  logistic: (baseline, rows) => scoreLogistic(baseline, rows.columns),
};

export async function judge(project: Project, later: LabelledRows, contest: Contest): Promise<EvaluationReport> {
  const { task, metric } = project.scope;
  const { scores, evaluation, baseline, champion, warnings } = contest;
  const baselines = project.scope.baselines.map(({ name, kind, value }): BaselineEvaluation => {
    if (value !== undefined) return { name, kind, value };
    const computed = COMPUTED[name as ComputedBaseline](baseline, later);
    return { name, kind, evaluation: evaluateRows(project, later, computed) };
  });
  const championEvaluation =
    champion === null ? undefined : evaluateRows(project, later, await champion.model.score(later.columns));
  const { blessed, reasons, verdict } = bless({
    evaluation,
    deciding: metricNamed(metric),
    trivial: evaluateRows(project, later, COMPUTED.majority(baseline, later)),
    baselines,
    thresholds: project.evaluation.thresholds,
    champion:
      champion === null || championEvaluation === undefined
        ? null
        : { version: champion.version, evaluation: championEvaluation },
  });
  return {
    blessed,
    reasons,
    verdict,
    warnings,
    evaluation,
    intervals: intervalsOf(task, { labels: later.labels, scores }),
    championVersion: champion?.version ?? 0,
    championEvaluation,
    baselines,
    slices: evaluateSlices(task, { ...later, scores }, project.evaluation.slices),
  };
}
