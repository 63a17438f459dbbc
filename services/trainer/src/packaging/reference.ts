// What the reference profile is built from: the raw training values of every input, once each, and the model's scores. An
// input that any feature treats as categorical is categorical in the profile (integers as "7").

import type { ReferenceInput } from '@millrace/statistics';
import type { PackageContent } from '../training/carry-out.js';

export function referenceInput({ plan, reference }: PackageContent): ReferenceInput {
  const names = [...new Set(plan.inputs.map((input) => input.name))];
  const features = names.map((name) => {
    const categorical = plan.steps.some((step) => step.kind === 'categorical' && step.input === name);
    const values = reference.columns[name];
    if (values === undefined) throw new Error(`no training values of "${name}"`);
    return { name, kind: categorical ? ('categorical' as const) : ('numeric' as const), values };
  });
  return { features, scores: reference.scores, positiveShare: reference.positiveShare };
}
