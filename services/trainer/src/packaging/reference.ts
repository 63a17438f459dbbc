// What the reference profile is built from: the raw training values of every input, once each, and the model's scores.
// An input that any feature treats as categorical is categorical in the profile (integers as "7").

import type { FittedPlan, RawColumns } from '@millrace/features';
import type { ReferenceInput } from '@millrace/statistics';

export interface ReferenceRows {
  columns: RawColumns;
  /** The task's name for its score. */
  scoreName: string;
  scores: Float32Array;
  positiveShare: number;
}

export function referenceInput(plan: FittedPlan, { columns, ...rest }: ReferenceRows): ReferenceInput {
  const names = [...new Set(plan.inputs.map((input) => input.name))];
  const features = names.map((name) => {
    const categorical = [...plan.steps, ...(plan.leftOut ?? [])].some(
      (step) => step.kind === 'categorical' && step.input === name,
    );
    const values = columns[name];
    if (values === undefined) throw new Error(`no training values of "${name}"`);
    return { name, kind: categorical ? ('categorical' as const) : ('numeric' as const), values };
  });
  return { features, ...rest };
}
