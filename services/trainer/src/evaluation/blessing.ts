// Whether a model version may go live, with one sentence a gate. A first version must meet the project's thresholds and have
// a better log loss than both baselines; a challenger must have a better log loss than the champion on the same rows, and
// meet the thresholds. A metric that is not a number fails its gate.

import type { BinaryEvaluation } from '@millrace/models';

export interface Threshold {
  metric: 'auc' | 'log_loss' | 'accuracy';
  min?: number;
  max?: number;
}

export interface BlessingInput {
  evaluation: BinaryEvaluation;
  baselines: readonly { name: string; evaluation: BinaryEvaluation }[];
  thresholds: readonly Threshold[];
  champion: { version: number; evaluation: BinaryEvaluation } | null;
}

export interface Blessing {
  blessed: boolean;
  reasons: string[];
}

const DIGITS = 4;

function metricOf(evaluation: BinaryEvaluation, metric: Threshold['metric']): number {
  return metric === 'auc' ? evaluation.auc : metric === 'log_loss' ? evaluation.logLoss : evaluation.accuracy;
}

function nameOf(metric: Threshold['metric']): string {
  return metric === 'auc' ? 'AUC' : metric === 'log_loss' ? 'Log loss' : 'Accuracy';
}

export function bless(input: BlessingInput): Blessing {
  const reasons: string[] = [];
  let blessed = true;
  const gate = (met: boolean, yes: string, no: string) => {
    reasons.push(met ? yes : no);
    if (!met) blessed = false;
  };
  for (const { metric, min, max } of input.thresholds) {
    const value = metricOf(input.evaluation, metric);
    const shown = `${nameOf(metric)} ${value.toFixed(DIGITS)}`;
    if (min !== undefined) gate(value >= min, `${shown} is at least ${min}.`, `${shown} is below the required ${min}.`);
    if (max !== undefined) gate(value <= max, `${shown} is at most ${max}.`, `${shown} is above the allowed ${max}.`);
  }
  const own = input.evaluation.logLoss;
  const beats = (other: number, who: string) => {
    const numbers = `${own.toFixed(DIGITS)} against ${other.toFixed(DIGITS)} on ${input.evaluation.rows} rows`;
    gate(own < other, `Log loss is lower than ${who}: ${numbers}.`, `Log loss is not lower than ${who}: ${numbers}.`);
  };
  if (input.champion === null)
    for (const { name, evaluation } of input.baselines) beats(evaluation.logLoss, `the ${name} baseline's`);
  else beats(input.champion.evaluation.logLoss, `version ${input.champion.version}'s`);
  return { blessed, reasons };
}
