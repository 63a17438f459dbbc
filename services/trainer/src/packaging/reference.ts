// What the reference profile is built from: the raw training values of every input, once each, and the model's scores.

import { type FittedPlan, type RawColumns, watchedInputs } from '@millrace/features';
import type { ReferenceInput } from '@millrace/statistics';

export interface ReferenceRows {
  columns: RawColumns;
  /** The task's name for its score. */
  scoreName: string;
  scores: Float32Array;
  positiveShare: number;
}

export function referenceInput(plan: FittedPlan, { columns, ...rest }: ReferenceRows): ReferenceInput {
  const features = watchedInputs(plan).map(({ name, kind }) => {
    const values = columns[name];
    if (values === undefined) throw new Error(`no training values of "${name}"`);
    return { name, kind, values };
  });
  return { features, ...rest };
}
