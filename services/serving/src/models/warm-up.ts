// What warms an instance of a model. Inputs of a sample: zeros, values that only look random, the same at every start
// (BYTES elements are empty or short texts), or what a file of the model's holds.

import { PlatformError, seededRng } from '@millrace/domain';
import { ELEMENT_BYTES, type ElementValue, NO_PARAMETERS, Tensor } from '@millrace/inference';
import type { ModelSpec, WarmUpSample } from '../declaration/model-spec.js';
import { proofInputs } from '../engines/placement.js';
import type { EngineCall, TensorEngine } from '../runtime/tensor-engine.js';

/** Elements of one warm-up tensor: 64 MiB of FP32. */
const ELEMENTS_MAX = 16_777_216;
/** Bytes that a file may hold for one warm-up tensor of BYTES, whose size its shape does not tell. */
const TEXT_FILE_BYTES_MAX = 16_777_216;
/** A proving call that takes longer is left alone: loading goes on. */
const PROOF_MS_MAX = 5_000;

/** Bytes that the file of one warm-up input may have at most: one row of it. */
export function warmUpFileBytes({ datatype, dims }: WarmUpSample['inputs'][number]): number {
  const size = ELEMENT_BYTES[datatype];
  return size === 0
    ? TEXT_FILE_BYTES_MAX
    : Math.min(
        ELEMENTS_MAX,
        dims.reduce((a, b) => a * b, 1),
      ) * size;
}

type After = (delayMs: number, work: () => void) => () => void;

/** What each instance of the model does before it answers requests. */
export function warmUpOf(spec: ModelSpec, ports: { after: After }): (instance: TensorEngine) => Promise<void> {
  if (spec.warmUp.length > 0) return (instance) => runSamples(spec, instance);
  // A model that dies of zeros, or is slow with them, is asked once: not by every process that takes the place of
  // another.
  let unsuited = false;
  return async (instance) => {
    if (unsuited) return;
    let cancel: () => void = () => {};
    const late = new Promise<void>((resolve) => {
      cancel = ports.after(PROOF_MS_MAX, () => {
        unsuited = true;
        resolve();
      });
    });
    await Promise.race([late, prove(spec, instance)]).catch(() => {
      unsuited = true;
    });
    cancel();
  };
}

async function prove(spec: ModelSpec, instance: TensorEngine): Promise<void> {
  const inputs = proofInputs(instance.inputs, spec.maxBatchSize > 0, 1);
  if (inputs) await once(spec, instance, inputs);
}

async function runSamples(spec: ModelSpec, instance: TensorEngine): Promise<void> {
  for (const sample of spec.warmUp) {
    const inputs = warmUpInputs(sample, spec);
    for (let i = 0; i < Math.max(1, sample.count); i++) await once(spec, instance, inputs);
  }
}

async function once(spec: ModelSpec, instance: TensorEngine, inputs: readonly Tensor[]): Promise<void> {
  // A sequence of one step: nothing of it is kept.
  const sequence = spec.sequences ? { id: WARM_UP_SEQUENCE, start: true, end: true } : undefined;
  const call: EngineCall = { outputs: [], parameters: NO_PARAMETERS, sequence };
  if (spec.decoupled && instance.stream) await instance.stream(inputs, call, () => {}, new AbortController().signal);
  else await instance.run(inputs, call);
}

function repeated(row: Uint8Array, rows: number): Uint8Array {
  const bytes = new Uint8Array(row.length * rows);
  for (let i = 0; i < rows; i++) bytes.set(row, i * row.length);
  return bytes;
}

/**
 * A number, because models may take the id as one, of any width. It meets no client's: an instance warms up before it
 * answers.
 */
const WARM_UP_SEQUENCE = '1';

export function warmUpInputs(sample: WarmUpSample, spec: ModelSpec): Tensor[] {
  const rng = seededRng(1);
  return sample.inputs.map(({ name, datatype, dims, data, bytes }) => {
    const shape = spec.maxBatchSize > 0 ? [Math.max(1, sample.batchSize), ...dims] : [...dims];
    const count = shape.reduce((product, size) => product * size, 1);
    if (!(count >= 0 && count <= ELEMENTS_MAX)) {
      throw new PlatformError(
        'invalid_argument',
        `warm-up '${sample.name}' of model '${spec.name}': input '${name}' has ${count} elements, at most ${ELEMENTS_MAX} are allowed`,
      );
    }
    if (data === 'file') {
      const rows = spec.maxBatchSize > 0 ? (shape[0] as number) : 1;
      return Tensor.raw(name, datatype, shape, repeated(bytes ?? new Uint8Array(), rows));
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
