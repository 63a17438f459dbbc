// Whether a training may continue from its parent's weights, and with which plan. The weights mean the parent's
// vocabularies and scales; a broken one (fitted to a feature that hardly moved, say) must not live on by inheritance.
// A feature that merely stands still in the new rows is no reason: a retraining may see one month only.
//
// Per number, on up to ROWS_MAX of the new rows encoded by the parent's plan without its ranges: cold where their mean
// or deviation is beyond TIMES, or where the parent's own spread 1 / scale is below what float32 tells apart at its
// offset.

import {
  encodeRows,
  type FittedPlan,
  type LeftOut,
  type NumericStep,
  type PlanStep,
  type RawColumns,
  tellsApart,
} from '@millrace/features';
import { buildNetwork, type Network, type NetworkSpec } from '@millrace/models';

/** Ordinary drift is far below (the flights' distance times 1.6 moves the mean by 0.7), a unit that changed above. */
const TIMES = 10;
/** Enough to tell a mean or deviation of 10 from one of 1. */
const ROWS_MAX = 10_000;

const CHANGED = 'the features or the network of the project have changed since';

export interface Parent {
  plan: FittedPlan;
  network: Network;
}

/** As the end of a sentence; undefined = nothing speaks against a warm start. `fresh` is fitted on `columns`. */
export function reasonToStartCold(
  parent: Parent,
  fresh: FittedPlan,
  spec: NetworkSpec,
  columns: RawColumns,
): string | undefined {
  if (JSON.stringify(buildNetwork(parent.plan, spec)) !== JSON.stringify(parent.network)) return CHANGED;
  const came = (parent.plan.leftOut ?? []).find((feature) => stepOf(fresh, feature) !== undefined);
  if (came !== undefined) return `feature "${came.input}" was the same in all its rows and is not any more`;
  const common = (plan: FittedPlan, other: FittedPlan) =>
    JSON.stringify(plan.steps.filter((step) => !isLeftOut(other, step)).map(shapeOf));
  if (common(parent.plan, fresh) !== common(fresh, parent.plan)) return CHANGED;
  return scaleThatDoesNotFit(parent.plan, columns);
}

/** The parent's plan with ranges that hold what either has seen. */
export function continuedPlan(parent: FittedPlan, fresh: FittedPlan): FittedPlan {
  const steps = parent.steps.map((step): PlanStep => {
    const now = step.kind === 'numeric' ? stepOf(fresh, step) : undefined;
    if (step.kind !== 'numeric' || now?.kind !== 'numeric') return step;
    const { clamp: before, ...rest } = step;
    // The project's word: it may have taken the range away.
    if (now.clamp === undefined) return rest;
    // A parent of release 0.1 says no range: the new rows' stands alone.
    const { min, max } = before ?? now.clamp;
    return { ...rest, clamp: { min: Math.min(min, now.clamp.min), max: Math.max(max, now.clamp.max) } };
  });
  return { ...parent, steps };
}

function stepOf(plan: FittedPlan, { kind, input }: LeftOut): PlanStep | undefined {
  return plan.steps.find((step) => step.kind !== 'cross' && step.kind === kind && step.input === input);
}

function isLeftOut(plan: FittedPlan, step: PlanStep): boolean {
  return (plan.leftOut ?? []).some(({ kind, input }) => step.kind === kind && step.input === input);
}

/** What of a step the weights depend on, apart from its fitted numbers. */
function shapeOf(step: PlanStep): unknown {
  if (step.kind === 'numeric') return [step.kind, step.input, step.scaling, step.period ?? 0];
  return [step.kind, step.kind === 'cross' ? step.inputs : step.input, step.embedding];
}

function scaleThatDoesNotFit(plan: FittedPlan, columns: RawColumns): string | undefined {
  const free: FittedPlan = { ...plan, steps: plan.steps.map(withoutRange) };
  const encoded = encodeRows(free, sampleOf(plan, columns));
  for (const step of free.steps) {
    if (step.kind !== 'numeric') continue;
    const { mean, deviation } = momentsAt(encoded, plan.width, step.at);
    if (tellsApart(step) && Math.abs(mean) <= TIMES && deviation <= TIMES) continue;
    const then = `${(1 / step.scale).toPrecision(3)} around ${step.offset.toPrecision(3)}`;
    return `its scale of feature "${step.input}" (${then}) does not fit these rows`;
  }
  return undefined;
}

function withoutRange(step: PlanStep): PlanStep {
  if (step.kind !== 'numeric') return step;
  const { clamp: _, ...rest } = step;
  return rest satisfies NumericStep;
}

/** Every k-th row, such that there are at most ROWS_MAX. */
function sampleOf(plan: FittedPlan, columns: RawColumns): RawColumns {
  return Object.fromEntries(
    plan.inputs.map(({ name }) => {
      const column = columns[name] ?? [];
      const every = Math.max(1, Math.ceil(column.length / ROWS_MAX));
      return [name, Array.from({ length: Math.ceil(column.length / every) }, (_, i) => column[i * every] ?? null)];
    }),
  );
}

function momentsAt(encoded: Float32Array, width: number, at: number): { mean: number; deviation: number } {
  let [rows, sum, squares] = [0, 0, 0];
  for (let i = at; i < encoded.length; i += width) {
    const value = encoded[i] as number;
    rows++;
    sum += value;
    squares += value * value;
  }
  const mean = sum / rows;
  return { mean, deviation: Math.sqrt(Math.max(0, squares / rows - mean * mean)) };
}
