// Fits a feature plan on training columns: means, deviations, ranges and vocabularies. Deterministic: the same columns give
// the same plan, byte for byte. Two passes over each numeric column, one map of counts per categorical column (bounded by
// the distinct values there); vocabularies are cut to `vocabularyMax` by count, ties by value.

import { isMissing, type RawColumn, type RawColumns, rowCount } from './columns.js';
import type {
  CategoricalSpec,
  CategoricalStep,
  CrossSpec,
  CrossStep,
  FeaturePlan,
  FittedPlan,
  NumericSpec,
  NumericStep,
  PlanStep,
} from './plan.js';

/** sign(x) ln(1 + |x|): defined for every finite x, and the usual log for counts and distances. */
export function signedLog(x: number): number {
  return x < 0 ? -Math.log1p(-x) : Math.log1p(x);
}

function numberOf(value: number | string | boolean | null | undefined): number {
  if (typeof value === 'number') return value;
  return typeof value === 'boolean' ? Number(value) : Number.NaN;
}

/** Empty or constant columns get scale 1, so that they encode to 0. */
function fitNumeric(spec: NumericSpec, column: RawColumn, at: number): NumericStep {
  const log = spec.scaling === 'log_standard';
  const n = column.length;
  let count = 0;
  let rawSum = 0;
  let sum = 0;
  let min = Infinity;
  let max = -Infinity;
  for (let i = 0; i < n; i++) {
    const raw = numberOf(column[i]);
    if (!Number.isFinite(raw)) continue;
    const x = log ? signedLog(raw) : raw;
    count++;
    rawSum += raw;
    sum += x;
    if (x < min) min = x;
    if (x > max) max = x;
  }
  const mean = count === 0 ? 0 : sum / count;
  let squares = 0;
  for (let i = 0; i < n; i++) {
    const raw = numberOf(column[i]);
    if (!Number.isFinite(raw)) continue;
    const d = (log ? signedLog(raw) : raw) - mean;
    squares += d * d;
  }
  const std = count === 0 ? 0 : Math.sqrt(squares / count);
  let offset = 0;
  let scale = 1;
  if (spec.scaling === 'standard' || log) {
    offset = mean;
    scale = std > 0 ? 1 / std : 1;
  } else if (spec.scaling === 'min_max' && count > 0) {
    offset = min;
    scale = max > min ? 1 / (max - min) : 1;
  }
  const fill = spec.missing === 'mean' ? (count === 0 ? 0 : rawSum / count) : spec.missing.constant;
  return {
    kind: 'numeric',
    input: spec.input,
    at,
    log,
    offset,
    scale,
    fill,
    ...(spec.period === undefined ? {} : { period: spec.period }),
  };
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function fitCategorical(spec: CategoricalSpec, column: RawColumn, at: number): CategoricalStep {
  const counts = new Map<number | string | boolean, number>();
  for (let i = 0; i < column.length; i++) {
    const value = column[i];
    if (isMissing(value)) continue;
    counts.set(value, (counts.get(value) ?? 0) + 1);
  }
  const kept = [...counts]
    .filter(([, count]) => count >= spec.minCount)
    .map(([value, count]) => ({ text: String(value), count }));
  kept.sort((a, b) => b.count - a.count || compareText(a.text, b.text));
  const vocabulary = kept
    .slice(0, spec.vocabularyMax)
    .map((entry) => entry.text)
    .sort(compareText);
  return { kind: 'categorical', input: spec.input, at, vocabulary, embedding: spec.embedding };
}

function fitCross(spec: CrossSpec, fitted: readonly PlanStep[], at: number): CrossStep {
  let product = 1;
  for (const input of spec.inputs) {
    const part = fitted.find((step) => step.kind === 'categorical' && step.input === input);
    if (part?.kind !== 'categorical') throw new Error(`cross of "${input}", which is no categorical step`);
    product *= Math.max(part.vocabulary.length, 1);
  }
  const hashed = product > spec.buckets;
  return {
    kind: 'cross',
    inputs: [...spec.inputs],
    at,
    buckets: hashed ? spec.buckets : product,
    hashed,
    embedding: spec.embedding,
  };
}

/** Fits `plan` on the training rows in `columns`. */
export function fitPlan(plan: FeaturePlan, columns: RawColumns): FittedPlan {
  const rows = rowCount(
    columns,
    plan.inputs.map((input) => input.name),
  );
  const steps: PlanStep[] = [];
  let width = 0;
  for (const spec of plan.features) {
    if (spec.kind === 'numeric') {
      steps.push(fitNumeric(spec, columns[spec.input] as RawColumn, width));
      width += spec.period === undefined ? 1 : 3;
    } else if (spec.kind === 'categorical') {
      steps.push(fitCategorical(spec, columns[spec.input] as RawColumn, width));
      width += 1;
    } else {
      steps.push(fitCross(spec, steps, width));
      width += 1;
    }
  }
  return { format: 1, inputs: plan.inputs.map((input) => ({ ...input })), steps, width, rows };
}
