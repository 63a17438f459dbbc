// A package of the platform in the terms of a model's configuration, for endpoints and listings: rows of raw values in,
// batched without waiting, no options of its own.

import type { ModelMetadata, TensorSpec } from '@millrace/inference';
import type { ModelSpec } from '../declaration/model-spec.js';
import { PLAIN_BATCHING, PLAIN_MODEL } from './model-defaults.js';

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
    batching: PLAIN_BATCHING,
    ...PLAIN_MODEL,
  };
}
