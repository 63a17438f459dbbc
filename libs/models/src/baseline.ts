// The baselines a model must beat: the majority rate (predicts the training rows' positive share for all) and a one-hot
// logistic regression on the same raw columns. Both travel in the model package as baselines/logistic.json, so that
// they can be scored later on any rows, without TensorFlow.

import { PlatformError } from '@millrace/domain';
import { encodeRows, type FittedPlan, parsePlan, type RawColumns } from '@millrace/features';
import { forward } from './forward.js';
import { buildNetwork } from './network.js';

export interface LogisticBaseline {
  format: 1;
  plan: FittedPlan;
  /** Flat parameters of the logistic network of `plan`. */
  weights: readonly number[];
  /** Positive share of the training rows: the majority baseline's probability. */
  majorityShare: number;
}

const LOGISTIC = { kind: 'logistic', hidden: [], activation: 'relu' } as const;

/** The plan without crosses (crosses come last, so that the other columns keep their place). */
export function baselinePlan(plan: FittedPlan): FittedPlan {
  const steps = plan.steps.filter((step) => step.kind !== 'cross');
  return { ...plan, steps, width: plan.width - (plan.steps.length - steps.length) };
}

/** The logistic network over `baselinePlan`. */
export function baselineNetwork(plan: FittedPlan) {
  return buildNetwork(plan, LOGISTIC);
}

/** Probabilities of the logistic baseline on raw columns. */
export function scoreLogistic(baseline: LogisticBaseline, columns: RawColumns): Float64Array {
  return forward(
    baselineNetwork(baseline.plan),
    Float32Array.from(baseline.weights),
    encodeRows(baseline.plan, columns),
  );
}

/** Probabilities of the majority baseline for `rows` rows. */
export function scoreMajority(baseline: Pick<LogisticBaseline, 'majorityShare'>, rows: number): Float64Array {
  return new Float64Array(rows).fill(baseline.majorityShare);
}

/** The baseline of baselines/logistic.json, parsed as JSON. */
export function logisticBaselineOf(value: unknown): LogisticBaseline {
  const read = value as LogisticBaseline | null;
  if (read?.format !== 1 || !Array.isArray(read.weights))
    throw new PlatformError('corrupt', 'logistic baseline: unknown format');
  const plan = parsePlan(JSON.stringify(read.plan));
  const network = baselineNetwork(plan);
  if (network.size !== read.weights.length) {
    throw new PlatformError('corrupt', `logistic baseline: ${read.weights.length} weights, expected ${network.size}`);
  }
  return { ...read, plan };
}
