// The counts of a window beside its reference, made from plain values.

import {
  buildReferenceProfile,
  type CategoricalWindow,
  featureCells,
  type NumericWindow,
  openFeatureWindow,
} from '@millrace/statistics';

type Values = readonly (number | string | null)[];

function counted(kind: 'numeric' | 'categorical', reference: Values, window: Values) {
  const features = [{ name: 'x', kind, values: reference }];
  const [feature] = buildReferenceProfile({
    features,
    scoreName: 'probability',
    scores: [],
    positiveShare: 0,
  }).features;
  const counts = openFeatureWindow(featureCells(feature!));
  for (const value of window) counts.add(value);
  return counts;
}

export function numericSample(reference: Values, window: Values) {
  return { subject: 'numeric', counts: counted('numeric', reference, window) as NumericWindow } as const;
}

export function categoricalSample(reference: Values, window: Values) {
  return { subject: 'categorical', counts: counted('categorical', reference, window) as CategoricalWindow } as const;
}
