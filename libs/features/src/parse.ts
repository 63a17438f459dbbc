// features.json back to a FittedPlan: checks shape and cross references, so that a damaged package is refused at load.

import { PlatformError } from '@millrace/domain';
import { RowEncoder } from './encode.js';
import { type FittedPlan, type NumericStep, type PlanStep, widthOf } from './plan.js';

const INPUT_TYPES: ReadonlySet<string> = new Set(['number', 'integer', 'text', 'boolean', 'timestamp']);

function corrupt(reason: string): PlatformError {
  return new PlatformError('corrupt', `feature plan: ${reason}`);
}

/** Format 1, of release 0.1: of a scaled number it says only whether the logarithm comes before offset and scale. */
interface FormerPlan extends Omit<FittedPlan, 'format' | 'steps'> {
  format: 1;
  steps: readonly (Exclude<PlanStep, NumericStep> | (Omit<NumericStep, 'scaling'> & { log: boolean }))[];
}

/** The same encoding in today's words: standard scaling is (x - offset) * scale, whatever the numbers stand for. */
function ofToday(plan: FormerPlan): FittedPlan {
  const steps = plan.steps.map((step): PlanStep => {
    if (step?.kind !== 'numeric') return step;
    const { log, ...rest } = step;
    return { ...rest, scaling: log ? 'log_standard' : 'standard' };
  });
  return { ...plan, format: 2, steps };
}

/** Parses the JSON text of a fitted plan, also of one that release 0.1 wrote. */
export function parsePlan(text: string): FittedPlan {
  let plan: FittedPlan;
  try {
    const read = JSON.parse(text) as FittedPlan | FormerPlan | null;
    plan = (read?.format === 1 && Array.isArray(read.steps) ? ofToday(read) : read) as FittedPlan;
  } catch (error) {
    throw new PlatformError('corrupt', 'feature plan: not JSON', { cause: error });
  }
  if (plan === null || typeof plan !== 'object' || plan.format !== 2) throw corrupt(`unknown format`);
  if (!Array.isArray(plan.inputs) || !Array.isArray(plan.steps)) throw corrupt('inputs or steps are not there');
  for (const input of plan.inputs) {
    if (typeof input.name !== 'string' || !INPUT_TYPES.has(input.type))
      throw corrupt(`bad input ${JSON.stringify(input)}`);
  }
  if (plan.leftOut !== undefined && !Array.isArray(plan.leftOut)) throw corrupt('what is left out is no list');
  let width = 0;
  for (const step of plan.steps) {
    if (typeof step !== 'object' || step === null) throw corrupt('a step is no object');
    if (step.at !== width) throw corrupt(`step at ${step.at}, expected ${width}`);
    if (step.kind === 'numeric') {
      const numbers = [step.offset, step.scale, step.fill, step.period ?? 1, ...(step.numbers ?? [])];
      if (step.clamp !== undefined) numbers.push(step.clamp.min, step.clamp.max);
      if (!numbers.every((n) => Number.isFinite(n))) throw corrupt(`bad numbers in "${step.input}"`);
    } else if (step.kind === 'categorical') {
      if (!Array.isArray(step.vocabulary)) throw corrupt(`no vocabulary in "${step.input}"`);
    } else if (step.kind === 'cross') {
      if (!Array.isArray(step.inputs) || !(step.buckets >= 1)) throw corrupt('bad cross');
    } else throw corrupt('unknown step');
    width += widthOf(step);
  }
  if (plan.width !== width) throw corrupt(`width ${plan.width}, expected ${width}`);
  try {
    new RowEncoder(plan);
  } catch (error) {
    throw corrupt(error instanceof Error ? error.message : String(error));
  }
  return plan;
}
