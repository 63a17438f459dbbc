// The network or the logistic regression of the same rows, where a training from scratch starts: whichever decides
// better on the rows that evaluate. On few rows the held-out ones may take a network for better that is worse on
// new rows, and a regression that passes every gate is worth more than a network that passes none. What is chosen
// of two by these rows looks better on them by a little; serving it will show.

import { type Evaluation, isBetter, metricIn, metricNamed, shown } from '@millrace/evaluation';
import type { Project } from '@millrace/project';
import { evaluateRows, type FittedModel, type Scorer, scoresOf } from './evaluate.js';
import type { LabelledRows } from './load.js';

interface Scored {
  weights: Float32Array;
  scores: Float32Array;
  evaluation: Evaluation;
}

export interface Chosen extends Scored {
  /** A sentence where it is the regression. */
  warnings: readonly string[];
}

/** `regression`: the network at it; null = there is no such choice. */
export async function ratherRegression(
  project: Project,
  later: LabelledRows,
  { plan, network, weights }: FittedModel,
  regression: Float32Array | null,
  scorer: Scorer,
): Promise<Chosen> {
  const scored = async (of: Float32Array): Promise<Scored> => {
    const scores = await scoresOf({ plan, network, weights: of }, later, scorer);
    return { weights: of, scores, evaluation: evaluateRows(project, later, scores) };
  };
  const fitted = await scored(weights);
  if (regression === null) return { ...fitted, warnings: [] };
  const plain = await scored(regression);
  const metric = metricNamed(project.scope.metric);
  const [own, other] = [fitted, plain].map(({ evaluation }) => metricIn(evaluation, metric)) as [number, number];
  if (!isBetter(metric, other, own)) return { ...fitted, warnings: [] };
  const lost = `${metric.title} of the network was ${shown(own)} on ${later.rows} rows`;
  const won = `of the logistic regression of the same rows ${shown(other)}`;
  return { ...plain, warnings: [`${lost}, ${won}: the regression is the model.`] };
}
