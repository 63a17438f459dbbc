// Fits a feature plan on training columns: what each scaling asks for, and vocabularies. Deterministic: the same
// columns give the same plan, byte for byte. One column of numbers is copied at a time (8 bytes a row), one map of
// counts per categorical column (bounded by the distinct values there); vocabularies are cut to `vocabularyMax` by
// count, ties by value.

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
import { moments } from './scaling/scaling.js';
import { scalingOf } from './scaling/scalings.js';

function numberOf(value: number | string | boolean | null | undefined): number {
  if (typeof value === 'number') return value;
  return typeof value === 'boolean' ? Number(value) : Number.NaN;
}

/** The finite values, in their order. */
function finiteOf(column: RawColumn): Float64Array {
  const values = new Float64Array(column.length);
  let count = 0;
  for (let i = 0; i < column.length; i++) {
    const value = numberOf(column[i]);
    if (Number.isFinite(value)) values[count++] = value;
  }
  return values.subarray(0, count);
}

function fitNumeric(spec: NumericSpec, column: RawColumn, at: number): NumericStep {
  const scaling = scalingOf(spec.scaling);
  if (scaling === undefined) throw new Error(`scaling "${spec.scaling}", which there is not`);
  const values = finiteOf(column);
  return {
    kind: 'numeric',
    input: spec.input,
    at,
    scaling: spec.scaling,
    ...scaling.fit(values),
    fill: spec.missing === 'mean' ? moments(values).mean : spec.missing.constant,
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
  return { format: 2, inputs: plan.inputs.map((input) => ({ ...input })), steps, width, rows };
}
