// Fits a feature plan on training columns: what each scaling asks for, and vocabularies. Deterministic: the same
// columns give the same plan, byte for byte. One column of numbers is copied at a time (8 bytes a row), one map of
// counts per categorical column (bounded by the distinct values there); vocabularies are cut to `vocabularyMax` by
// count, ties by value. What tells the rows apart in no way is left out (uninformative.ts).

import { isMissing, type RawColumn, type RawColumns, rowCount } from './columns.js';
import {
  type CategoricalSpec,
  type CategoricalStep,
  type CrossSpec,
  type CrossStep,
  type FeaturePlan,
  type FittedPlan,
  type LeftOut,
  type NumericSpec,
  type NumericStep,
  type PlanStep,
  widthOf,
} from './plan.js';
import { moments, type Range, rangeOf } from './scaling/scaling.js';
import { scalingOf } from './scaling/scalings.js';
import { isConstant, leftOut, mostlyMissing } from './uninformative.js';

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

/** What became of one feature: its step, or none where it tells nothing apart; and what is to be said of it. */
interface Fitted<S> {
  step: S | null;
  warnings: readonly string[];
}

function fitNumeric(spec: NumericSpec, column: RawColumn, at: number): Fitted<NumericStep> {
  const scaling = scalingOf(spec.scaling);
  if (scaling === undefined) throw new Error(`scaling "${spec.scaling}", which there is not`);
  const values = finiteOf(column);
  const fill = spec.missing === 'mean' ? moments(values).mean : spec.missing.constant;
  const range = rangeOf(values);
  const missing = column.length - values.length;
  const seen = missing === 0 || values.length === 0 ? range : withValue(range, fill);
  if (column.length > 0 && isConstant(seen))
    return { step: null, warnings: [leftOut(spec.input, column.length, missing, values[0])] };
  const said = mostlyMissing(spec.input, column.length, missing);
  const step: NumericStep = {
    kind: 'numeric',
    input: spec.input,
    at,
    scaling: spec.scaling,
    ...scaling.fit(values),
    fill,
    ...(spec.period === undefined ? {} : { period: spec.period }),
    ...(spec.clamp && values.length > 0 ? { clamp: range } : {}),
  };
  return { step, warnings: said === undefined ? [] : [said] };
}

function withValue({ min, max }: Range, value: number): Range {
  return { min: Math.min(min, value), max: Math.max(max, value) };
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** `crossed`: a cross needs the step, whatever it tells. */
function fitCategorical(
  spec: CategoricalSpec,
  column: RawColumn,
  at: number,
  crossed: boolean,
): Fitted<CategoricalStep> {
  const counts = new Map<number | string | boolean, number>();
  let missing = 0;
  for (let i = 0; i < column.length; i++) {
    const value = column[i];
    if (isMissing(value)) {
      missing++;
      continue;
    }
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
  const rows = column.length;
  // The unknown bucket is a value of its own where some rows are in it.
  const tells = kept.length > 1 || (kept.length === 1 && kept[0]?.count !== rows);
  if (rows > 0 && !tells && !crossed)
    return { step: null, warnings: [leftOut(spec.input, rows, missing, vocabulary[0])] };
  const said = mostlyMissing(spec.input, rows, missing);
  const step: CategoricalStep = {
    kind: 'categorical',
    input: spec.input,
    at,
    vocabulary,
    embedding: spec.embedding,
  };
  return { step, warnings: said === undefined ? [] : [said] };
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

/** A fitted plan, and what its owner ought to know of its features. */
export interface PlanFit {
  plan: FittedPlan;
  warnings: readonly FeatureWarning[];
}

export interface FeatureWarning {
  input: string;
  sentence: string;
}

/** Fits `plan` on the training rows in `columns`; a feature that is the same in all of them is left out. */
export function fitPlan(plan: FeaturePlan, columns: RawColumns): PlanFit {
  const rows = rowCount(
    columns,
    plan.inputs.map((input) => input.name),
  );
  const crossed = new Set(plan.features.flatMap((spec) => (spec.kind === 'cross' ? spec.inputs : [])));
  const steps: PlanStep[] = [];
  const without: LeftOut[] = [];
  const warnings: FeatureWarning[] = [];
  let width = 0;
  for (const spec of plan.features) {
    if (spec.kind === 'cross') {
      steps.push(fitCross(spec, steps, width));
      width += 1;
      continue;
    }
    const column = columns[spec.input] as RawColumn;
    const fitted =
      spec.kind === 'numeric'
        ? fitNumeric(spec, column, width)
        : fitCategorical(spec, column, width, crossed.has(spec.input));
    warnings.push(...fitted.warnings.map((sentence) => ({ input: spec.input, sentence })));
    if (fitted.step === null) without.push({ kind: spec.kind, input: spec.input });
    else {
      steps.push(fitted.step);
      width += widthOf(fitted.step);
    }
  }
  const inputs = plan.inputs.map((input) => ({ ...input }));
  const absent = without.length === 0 ? {} : { leftOut: without };
  return { plan: { format: 2, inputs, steps, width, rows, ...absent }, warnings };
}
