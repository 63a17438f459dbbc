// A trial: rows and settings in, a fitted and evaluated model out. Nothing is judged, packed or announced, so that a
// search may run as many as it likes; a training is one trial that is then judged and published. Its working files are
// the caller's to remove (`folderOf(id)`).

import { taskOf } from '@millrace/domain';
import type { Evaluation } from '@millrace/evaluation';
import type { LogisticBaseline } from '@millrace/models';
import type { TrainingReporter } from '../training/runner.js';
import type { FittedModel, Scorer } from './evaluate.js';
import { type FitOptions, type FitPorts, fitModel } from './fit.js';
import type { LabelledRows } from './load.js';
import { type EarlierModel, planModel } from './plan.js';
import { ratherRegression } from './rather-regression.js';
import { type SplitRule, splitRows } from './split.js';

export interface TrialSettings extends FitOptions {
  split: SplitRule;
  /** Start from its weights, where they fit the project; null = from scratch. */
  parent: EarlierModel | null;
}

export interface Trial extends FittedModel {
  /** Whether it started from the parent's weights. */
  warm: boolean;
  /** What needs no network, on the same training rows. */
  baseline: LogisticBaseline;
  /** Worker processes that took part. */
  workers: number;
  split: SplitRule;
  train: LabelledRows;
  /** Of those: they only told when to stop. */
  heldOutRows: number;
  /** Those that evaluate: later ones, or a share by the hash of their ids. */
  later: LabelledRows;
  /** Of the training rows: the trivial baseline's answer. */
  positiveShare: number;
  trainSeconds: number;
  /** Of the later rows. */
  scores: Float32Array;
  evaluation: Evaluation;
  /** What its owner ought to know of it: a sentence each. */
  warnings: readonly string[];
}

export type TrialPorts = FitPorts & { scorer: Scorer };

export async function runTrial(
  rows: LabelledRows,
  settings: TrialSettings,
  reporter: TrainingReporter,
  ports: TrialPorts,
): Promise<Trial> {
  const { project, seed, parent } = settings;
  const { train, later } = splitRows(rows, settings.split);
  const task = taskOf(project.scope.task);
  const positiveShare = task.scoreOf(task.trivialBaseline.outputs(train.labels));
  const planned = planModel(project, train, { parent, positiveShare, seed });
  const startedMs = ports.clock.monotonicMs();
  const evaluated = { rows: later.rows, positiveShare };
  const fit = await fitModel(planned, train, evaluated, settings, reporter, ports);
  const trainSeconds = (ports.clock.monotonicMs() - startedMs) / 1000;
  const { plan, network } = planned;
  const fitted = { plan, network, weights: fit.weights };
  const chosen = await ratherRegression(project, later, fitted, fit.regression, ports.scorer);
  const { weights, scores, evaluation } = chosen;
  return {
    warm: planned.warm,
    plan,
    network,
    weights,
    baseline: fit.baseline,
    workers: fit.workers,
    split: settings.split,
    train,
    heldOutRows: fit.heldOutRows,
    later,
    positiveShare,
    trainSeconds,
    scores,
    evaluation,
    warnings: [...planned.warnings, ...chosen.warnings],
  };
}
