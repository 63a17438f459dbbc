// From the project file to the unfitted plan and to the model's raw signature.

import { PlatformError } from '@millrace/domain';
import { type FeaturePlan, SCALINGS, type SignatureInput } from '@millrace/features';
import type { Project } from './project.js';

/**
 * Cap on a vocabulary where the project file names none: an embedding table of this many rows still fits every cache.
 */
const VOCABULARY_MAX_DEFAULT = 10_000;

/** The model's raw inputs: one per feature, in the order of `features`. */
export function signatureOf(project: Project): SignatureInput[] {
  return project.features.map((feature) => {
    const column = project.data.columns.find((candidate) => candidate.name === feature.name);
    if (column === undefined) throw new PlatformError('invalid_argument', `feature "${feature.name}" names no column`);
    if (column.outcome) throw new PlatformError('invalid_argument', `feature "${feature.name}" is the outcome`);
    return { name: column.name, type: column.type };
  });
}

/** The unfitted plan: the project's features in order, then the model's crosses. */
export function planOf(project: Project): FeaturePlan {
  const inputs = signatureOf(project);
  const features: FeaturePlan['features'][number][] = project.features.map((feature, i) => {
    if (feature.kind === 'numeric') {
      const type = inputs[i]?.type;
      if (type === 'text')
        throw new PlatformError('invalid_argument', `numeric feature "${feature.name}" is a text column`);
      return {
        kind: 'numeric',
        input: feature.name,
        scaling: feature.scaling ?? SCALINGS[0].name,
        ...(feature.period === undefined ? {} : { period: feature.period }),
        missing: typeof feature.missing === 'object' ? feature.missing : 'mean',
        clamp: feature.clamp ?? true,
      };
    }
    return {
      kind: 'categorical',
      input: feature.name,
      minCount: feature.minCount ?? 1,
      vocabularyMax: feature.vocabularyMax ?? VOCABULARY_MAX_DEFAULT,
      embedding: feature.embedding ?? 0,
    };
  });
  const categorical = new Set(project.features.filter((f) => f.kind === 'categorical').map((f) => f.name));
  for (const cross of project.model.crosses) {
    for (const name of cross.columns) {
      if (!categorical.has(name))
        throw new PlatformError('invalid_argument', `cross of "${name}", which is no categorical feature`);
    }
    features.push({ kind: 'cross', inputs: cross.columns, buckets: cross.buckets, embedding: cross.embedding });
  }
  return { inputs, features };
}
