// What a binding is looked for in: the columns of a project, and the tensors of a model with the sizes that it really
// answers. A model may leave the width of its outputs open; two rows of nothing but zeros tell it.

import { type BindableColumns, Tensor, type TensorSpec } from '@millrace/inference';
import type { Project } from '@millrace/project';
import type { OpenModel } from './open-model.js';

/** Two, so that a batch dimension is told from a size of one. */
const PROBE_ROWS = 2;

export function bindableColumns({ data, features }: Project): BindableColumns {
  const columns = data.columns
    .filter(({ name, outcome }) => !outcome && name !== data.label?.column)
    .map(({ name, type }) => ({ name, type }));
  const isFeature = (name: string) => features.some((feature) => feature.name === name);
  const roles = [data.recordId, data.entity, data.eventTime].filter((name) => name !== undefined && !isFeature(name));
  return {
    features: columns.filter(({ name }) => isFeature(name)),
    columns,
    notByOrder: new Set(roles as string[]),
  };
}

/** The outputs, with open sizes filled in where the model answers rows of zeros; as declared where it does not. */
export async function resolvedOutputs({ inputs, outputs, infer }: OpenModel): Promise<readonly TensorSpec[]> {
  const isOpen = ({ shape }: TensorSpec) => shape.length === 0 || shape.slice(1).some((size) => size < 0);
  if (!outputs.some(isOpen) || inputs.some(({ shape }) => shape.slice(1).some((size) => size < 0))) return outputs;
  const zeros = inputs.map(({ name, datatype, shape }) => {
    const dims = [PROBE_ROWS, ...shape.slice(1)];
    const count = dims.reduce((product, size) => product * size, 1);
    const zero = datatype === 'BYTES' ? '' : 0;
    return Tensor.of(name, datatype, dims, new Array<string | number>(count).fill(zero));
  });
  const answer = await infer(zeros).catch(() => []); // it says so again with the first real rows
  return outputs.map((output) => {
    const found = answer.find(({ name }) => name === output.name);
    return found === undefined || found.shape[0] !== PROBE_ROWS
      ? output
      : { ...output, shape: [-1, ...found.shape.slice(1)] };
  });
}
