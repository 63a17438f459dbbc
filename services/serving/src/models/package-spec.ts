// A package of the platform in the terms of a model's configuration, for doors and listings: rows of raw values in, batched
// without waiting, no options of its own.

import type { ModelMetadata, TensorSpec } from '@millrace/inference';
import type { ModelSpec } from './model-spec.js';

/** One value a row: the batch dimension is not among dims. */
const ONE: readonly number[] = [1];

export function packageSpec(metadata: Omit<ModelMetadata, 'versions'>, batchRowsMax: number): ModelSpec {
  const { name, platform, inputs, outputs } = metadata;
  const one = ({ name: tensor, datatype }: TensorSpec) => ({ name: tensor, datatype, shape: ONE });
  return {
    name,
    platform,
    backend: '',
    maxBatchSize: batchRowsMax,
    inputs: inputs.map((input) => ({ ...one(input), optional: false })),
    outputs: outputs.map((output) => ({ ...one(output), labels: [] })),
    batching: {
      preferredBatchSizes: [],
      maxQueueDelayUs: 0,
      preserveOrdering: false,
      priorityLevels: 0,
      defaultPriorityLevel: 0,
      defaultPolicy: { timeoutAction: 'reject', defaultTimeoutUs: 0, allowTimeoutOverride: true, maxQueueSize: 0 },
      policies: new Map(),
      paddingBuckets: [],
    },
    sequences: undefined,
    instanceGroups: [],
    versionPolicy: { kind: 'latest', count: 1 },
    versionLabels: {},
    ensemble: undefined,
    responseCache: false,
    decoupled: false,
    warmUp: [],
    parameters: {},
  };
}
