// A model's ModelSpec from what its configuration says and what the engine declares of itself: names, datatypes and
// sizes that were left out are filled, what contradicts is refused with both sides named. Dims of a ModelSpec are
// without the batch dimension, those of an engine with it.

import { PlatformError } from '@millrace/domain';
import type { TensorSpec } from '@millrace/inference';
import type { Adaptation, ModelSpec } from '../declaration/model-spec.js';
import { PLAIN_BATCHING } from '../models/model-defaults.js';
import type { TensorEngine, TensorRuntime } from '../runtime/tensor-engine.js';
import type { DraftTensor, SpecDraft } from './spec-draft.js';

/** Rows of a batch of a model that says nothing about batches and can take any number of rows. */
export const MAX_BATCH_SIZE_DEFAULT = 64;

/** Class labels by output, one for each class; read from the label files that the draft names. */
export type Labels = Readonly<Record<string, readonly string[]>>;

type Declared = Pick<TensorEngine, 'inputs' | 'outputs'>;

/**
 * What ModelSource.batched must say before the engine is loaded. Without max_batch_size: a configuration that lists
 * tensors means 0, as Triton reads it; one that lists none leaves it to the engine's declaration, where there is a file
 * to read.
 */
export function batchedBefore(draft: SpecDraft, runtime: Pick<TensorRuntime, 'declaresBatch'>): boolean {
  if (draft.maxBatchSize !== undefined) return draft.maxBatchSize > 0;
  return draft.inputs.length === 0 && draft.outputs.length === 0 && runtime.declaresBatch;
}

/** Throws invalid_argument naming every tensor that does not fit. */
export function completeSpec(
  draft: SpecDraft,
  engine: Declared,
  runtime: Pick<TensorRuntime, 'platform' | 'backends' | 'declaresBatch'>,
  labels: Labels = {},
): ModelSpec {
  const faults: string[] = [];
  const every = [...engine.inputs, ...engine.outputs];
  const filled = draft.maxBatchSize === undefined && batchedBefore(draft, runtime);
  const open = every.every(({ shape }) => shape[0] === -1);
  const maxBatchSize = draft.maxBatchSize ?? (filled && open ? MAX_BATCH_SIZE_DEFAULT : 0);
  const batched = maxBatchSize > 0;
  const hidden = new Set([...draft.controls, ...draft.states].map(({ input }) => input));
  const hiddenOutputs = new Set(draft.states.map(({ output }) => output));
  const shown = engine.inputs.filter(({ name }) => !hidden.has(name));
  for (const name of hidden) {
    if (!engine.inputs.some((input) => input.name === name)) faults.push(`the model has no input '${name}'`);
  }
  const inputs = draft.inputs.map((input) => ({
    ...fitted(input, engine.inputs, batched, 'input', faults),
    optional: input.optional,
  }));
  const missing = shown.filter(({ name }) => inputs.length > 0 && !inputs.some((input) => input.name === name));
  for (const { name } of missing) faults.push(`the model's input '${name}' is not in the configuration`);
  const outputs = draft.outputs.map((output) => fitted(output, engine.outputs, batched, 'output', faults));
  const declared = (specs: readonly TensorSpec[]) => specs.map((spec) => ({ ...spec, shape: without(spec, batched) }));
  const all = outputs.length > 0 ? outputs : declared(engine.outputs.filter(({ name }) => !hiddenOutputs.has(name)));
  if (faults.length > 0) {
    throw new PlatformError(
      'invalid_argument',
      `model '${draft.name}' and its configuration differ:\n${faults.join('\n')}`,
    );
  }
  const spec = {
    ...plain(draft),
    platform: runtime.platform,
    backend: draft.backend || (runtime.backends[0] as string),
    maxBatchSize,
    inputs: inputs.length > 0 ? inputs : declared(shown).map((input) => ({ ...input, optional: false })),
    outputs: all.map((output) => ({ ...output, labels: labels[output.name] ?? [] })),
    batching: filled && batched && !draft.sequences ? { ...PLAIN_BATCHING, ...draft.batching } : draft.batching,
    // Open: engines/placement.ts decides by measurement.
    instanceGroups: draft.instanceGroups ?? [],
    adaptation: adaptationOf(draft),
  };
  return spec;
}

/** An ensemble has no engine: all is in its configuration. */
export function ensembleSpec(draft: SpecDraft, labels: Labels = {}): ModelSpec {
  const tensor = ({ name, datatype, dims }: DraftTensor): TensorSpec => ({
    name,
    datatype: datatype ?? 'FP32',
    shape: dims ?? [],
  });
  return {
    ...plain(draft),
    platform: 'ensemble',
    backend: '',
    maxBatchSize: draft.maxBatchSize ?? 0,
    inputs: draft.inputs.map((input) => ({ ...tensor(input), optional: input.optional })),
    outputs: draft.outputs.map((output) => ({ ...tensor(output), labels: labels[output.name] ?? [] })),
    batching: undefined,
    instanceGroups: [],
  };
}

function plain(draft: SpecDraft) {
  const { name, sequences, versionPolicy, versionLabels, ensemble, responseCache, decoupled, warmUp, parameters } =
    draft;
  return { name, sequences, versionPolicy, versionLabels, ensemble, responseCache, decoupled, warmUp, parameters };
}

function adaptationOf(draft: SpecDraft): Adaptation | undefined {
  const reshapes: Record<string, readonly number[]> = {};
  for (const { name, reshape } of [...draft.inputs, ...draft.outputs]) if (reshape) reshapes[name] = reshape;
  const { controls, states } = draft;
  if (Object.keys(reshapes).length === 0 && controls.length === 0 && states.length === 0) return undefined;
  return { reshapes, controls, states };
}

function without({ shape }: TensorSpec, batched: boolean): readonly number[] {
  return batched ? shape.slice(1) : shape;
}

/** The configured tensor against the engine's own; sizes that one of them leaves open are the other's. */
function fitted(
  given: DraftTensor,
  declared: readonly TensorSpec[],
  batched: boolean,
  kind: 'input' | 'output',
  faults: string[],
): TensorSpec {
  const { name } = given;
  const own = declared.find((spec) => spec.name === name);
  if (!own) {
    const known = declared.map((spec) => `'${spec.name}'`).join(', ');
    faults.push(`the model has no ${kind} '${name}', it has ${known}`);
    return { name, datatype: given.datatype ?? 'FP32', shape: given.dims ?? [] };
  }
  if (given.datatype && given.datatype !== own.datatype) {
    faults.push(`${kind} '${name}' is configured as ${given.datatype}, the model has ${own.datatype}`);
  }
  // A rank of 0 with dims configured: the engine does not know the shape, or the configuration reshapes.
  if (own.shape.length === 0 && given.dims) return { name, datatype: own.datatype, shape: given.dims };
  const [first] = own.shape;
  if (batched && first !== -1) {
    faults.push(
      `${kind} '${name}' of the model has ${first === undefined ? 'no' : `a fixed`} first dimension${first === undefined ? '' : ` ${first}`}, so max_batch_size must be 0`,
    );
  }
  const shape = without(own, batched);
  const meant = given.reshape ?? given.dims ?? shape;
  const fits =
    meant.length === shape.length && meant.every((size, i) => size === -1 || shape[i] === -1 || size === shape[i]);
  if (!fits) {
    const prefix = batched ? ' without the batch dimension' : '';
    faults.push(`${kind} '${name}' is configured as [${meant.join(',')}], the model has [${shape.join(',')}]${prefix}`);
    return { name, datatype: own.datatype, shape };
  }
  if (given.reshape) return { name, datatype: own.datatype, shape: given.dims ?? shape };
  return { name, datatype: own.datatype, shape: shape.map((size, i) => (size === -1 ? (meant[i] as number) : size)) };
}
