// A tfjs layers model (model.json with its weights) as an engine. Inputs are named as the model's input layers, outputs
// as its output layers; types are those of tfjs: float32, int32, bool and string.

import { PlatformError } from '@millrace/domain';
import { type Datatype, Tensor, type TensorSpec, type TypedValues } from '@millrace/inference';
import * as tf from '@tensorflow/tfjs-node-gpu';
import { failure } from './saved-model.tf.js';
import type { EngineCall, TensorEngine } from './tensor-engine.js';

const V2_DATATYPE: Readonly<Partial<Record<tf.DataType, Datatype>>> = {
  float32: 'FP32',
  int32: 'INT32',
  bool: 'BOOL',
  string: 'BYTES',
};

function specs(names: readonly string[], tensors: readonly tf.SymbolicTensor[]): TensorSpec[] {
  return tensors.map(({ shape, dtype }, i) => {
    const name = names[i] as string;
    const datatype = V2_DATATYPE[dtype];
    if (!datatype) throw new PlatformError('unimplemented', `'${name}' is of ${dtype}, which V2 has not`);
    return { name, datatype, shape: shape.map((size) => size ?? -1) };
  });
}

class LayersEngine implements TensorEngine {
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];

  constructor(private readonly model: tf.LayersModel) {
    // A sequential model keeps the names in the functional one that it builds of itself.
    if (model instanceof tf.Sequential) model.build();
    const named = (model as { model?: tf.LayersModel }).model ?? model;
    this.inputs = specs(named.inputNames, named.inputs);
    this.outputs = specs(named.outputNames, named.outputs);
  }

  async run(inputs: readonly Tensor[], { outputs }: EngineCall): Promise<readonly Tensor[]> {
    try {
      const answer = (): readonly Tensor[] => {
        const given = this.inputs.map((spec) => {
          const tensor = inputs.find(({ name }) => name === spec.name);
          if (!tensor) throw new PlatformError('invalid_argument', `input '${spec.name}' is missing`);
          return toTf(tensor);
        });
        // Not predict(): it cuts the batch into pieces of 32 rows.
        const results = [this.model.predictOnBatch(given)].flat();
        const wanted = (name: string) => outputs.length === 0 || outputs.includes(name);
        return this.outputs.flatMap(({ name }, i) => (wanted(name) ? [fromTf(name, results[i] as tf.Tensor)] : []));
      };
      // The answer is no tensor of tfjs: tidy lets go of all that were made for it.
      return tf.tidy(answer as never) as never;
    } catch (thrown) {
      throw failure(thrown);
    }
  }

  async close(): Promise<void> {
    this.model.dispose();
  }
}

function toTf(tensor: Tensor): tf.Tensor {
  const shape = [...tensor.shape];
  switch (tensor.datatype) {
    case 'FP32':
      return tf.tensor(tensor.typed() as Float32Array, shape, 'float32');
    case 'INT32':
      return tf.tensor(tensor.typed() as Int32Array, shape, 'int32');
    case 'BOOL':
      return tf.tensor(tensor.typed() as Uint8Array, shape, 'bool');
    case 'BYTES':
      return tf.tensor(tensor.texts() as string[], shape, 'string');
    default:
      throw new PlatformError(
        'invalid_argument',
        `input '${tensor.name}' is of ${tensor.datatype}, which tfjs has not`,
      );
  }
}

function fromTf(name: string, tensor: tf.Tensor): Tensor {
  const datatype = V2_DATATYPE[tensor.dtype];
  if (!datatype) throw new PlatformError('unimplemented', `output '${name}' is of ${tensor.dtype}, which V2 has not`);
  return Tensor.of(name, datatype, tensor.shape, tensor.dataSync() as unknown as TypedValues);
}

/** Throws corrupt where model.json is no layers model; whatever else is thrown is tfjs's own. */
export async function openLayersModel(path: string): Promise<TensorEngine> {
  return new LayersEngine(await tf.loadLayersModel(`file://${path}`));
}
