// Inputs of a warm-up sample: zeros, or values that only look random, the same at every start. BYTES elements are empty or
// short texts.

import { PlatformError, seededRng } from '@millrace/domain';
import { type ElementValue, Tensor } from '@millrace/inference';
import type { ModelSpec, WarmUpSample } from './model-spec.js';

/** Elements of one warm-up tensor: 64 MiB of FP32. */
const ELEMENTS_MAX = 16_777_216;

export function warmUpInputs(sample: WarmUpSample, spec: ModelSpec): Tensor[] {
  const rng = seededRng(1);
  return sample.inputs.map(({ name, datatype, dims, data }) => {
    const shape = spec.maxBatchSize > 0 ? [Math.max(1, sample.batchSize), ...dims] : [...dims];
    const count = shape.reduce((product, size) => product * size, 1);
    if (!(count >= 0 && count <= ELEMENTS_MAX)) {
      throw new PlatformError(
        'invalid_argument',
        `warm-up '${sample.name}' of model '${spec.name}': input '${name}' has ${count} elements, at most ${ELEMENTS_MAX} are allowed`,
      );
    }
    const floating = datatype === 'FP32' || datatype === 'FP64' || datatype === 'FP16' || datatype === 'BF16';
    const value = (): ElementValue => {
      if (datatype === 'BYTES') return data === 'zero' ? '' : String(rng.below(1000));
      if (data === 'zero') return 0;
      if (datatype === 'BOOL') return rng.below(2);
      return floating ? rng.below(1_000_000) / 1_000_000 : rng.below(100);
    };
    return Tensor.of(name, datatype, shape, Array.from({ length: count }, value));
  });
}
