// A network as a tfjs layers model (model.json and weights.bin) of standard layers only, so that tf.loadLayersModel
// reads it in Node and in a browser. Columns are picked from x by frozen Dense layers whose kernel holds ones and
// zeros; a table's offsets are their bias. The bias carries a quarter more, because Embedding truncates: a product that
// comes out as
// 6.9999995 still means row 7.

import { isDeep, type Network, parameterOf, type Table } from '@millrace/models';

export interface LayersModel {
  modelJson: string;
  weights: Uint8Array;
}

interface Layer {
  class_name: string;
  name: string;
  config: Record<string, unknown>;
  inbound_nodes: unknown[];
}

const ROUNDING = 0.25;

class Builder {
  readonly layers: Layer[] = [];
  private readonly specs: { name: string; shape: readonly number[]; dtype: 'float32' }[] = [];
  private readonly values: Float32Array[] = [];

  add(className: string, name: string, config: Record<string, unknown>, inputs: readonly string[]): string {
    const inbound = inputs.length === 0 ? [] : [inputs.map((input) => [input, 0, 0, {}])];
    const trainable = config.trainable ?? true;
    this.layers.push({ class_name: className, name, config: { name, ...config, trainable }, inbound_nodes: inbound });
    return name;
  }

  weight(name: string, shape: readonly number[], values: Float32Array): void {
    this.specs.push({ name, shape, dtype: 'float32' });
    this.values.push(values);
  }

  dense(
    name: string,
    units: number,
    input: string,
    kernel: Float32Array,
    bias: Float32Array | null,
    extra: Record<string, unknown> = {},
  ): string {
    this.add('Dense', name, { units, activation: 'linear', use_bias: bias !== null, ...extra }, [input]);
    this.weight(`${name}/kernel`, [kernel.length / units, units], kernel);
    if (bias !== null) this.weight(`${name}/bias`, [units], bias);
    return name;
  }

  finish(output: string): LayersModel {
    const bytes = this.values.reduce((sum, values) => sum + values.byteLength, 0);
    const weights = new Uint8Array(bytes);
    let at = 0;
    for (const values of this.values) {
      weights.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), at);
      at += values.byteLength;
    }
    const config = {
      name: 'millrace',
      layers: this.layers,
      input_layers: [['x', 0, 0]],
      output_layers: [[output, 0, 0]],
    };
    const modelJson = JSON.stringify({
      format: 'layers-model',
      generatedBy: 'millrace',
      convertedBy: null,
      modelTopology: { class_name: 'Model', config, keras_version: 'tfjs-layers 4.22.0', backend: 'tensor_flow.js' },
      weightsManifest: [{ paths: ['weights.bin'], weights: this.specs }],
    });
    return { modelJson, weights };
  }
}

/** Kernel [width, at.length] with a one where column at[k] of x becomes output k. */
function selection(width: number, at: readonly number[]): Float32Array {
  const kernel = new Float32Array(width * at.length);
  at.forEach((column, k) => {
    kernel[column * at.length + k] = 1;
  });
  return kernel;
}

export function layersModel(network: Network, weights: Float32Array): LayersModel {
  const builder = new Builder();
  const width = network.inputWidth;
  const part = (name: string) => parameterOf(network, weights, name);
  builder.add('InputLayer', 'x', { batch_input_shape: [null, width], dtype: 'float32', sparse: false }, []);

  const lookUp = (name: string, table: Table): string => {
    const at = table.columns.map((column) => column.at);
    const offsets = Float32Array.from(table.columns, (column) => column.offset + ROUNDING);
    const rows = builder.dense(`${name}_rows`, at.length, 'x', selection(width, at), offsets, { trainable: false });
    builder.add('Embedding', name, { input_dim: table.rows, output_dim: table.width }, [rows]);
    builder.weight(`${name}/embeddings`, [table.rows, table.width], part(name));
    return builder.add('Flatten', `${name}_flat`, {}, [name]);
  };
  const joined = (name: string, parts: readonly string[]): string =>
    parts.length === 1 ? (parts[0] as string) : builder.add('Concatenate', name, { axis: -1 }, parts);

  const numeric =
    network.numeric.length === 0
      ? []
      : [
          builder.dense('numeric', network.numeric.length, 'x', selection(width, network.numeric), null, {
            trainable: false,
          }),
        ];
  const wide = network.wide.columns.length === 0 ? [] : [lookUp('wide', network.wide)];
  const ones = new Float32Array(network.wide.columns.length).fill(1);
  const linearKernel = Float32Array.from([...ones, ...part('linear')]);
  let logit = builder.dense('linear', 1, joined('linear_input', [...wide, ...numeric]), linearKernel, part('bias'));
  if (isDeep(network)) {
    let hidden = joined('hidden_input', [
      ...network.embeddings.map((table) => lookUp(`embedding_${table.width}`, table)),
      ...numeric,
    ]);
    network.hidden.forEach((units, i) => {
      const name = `hidden_${i}`;
      hidden = builder.dense(name, units, hidden, part(`${name}/kernel`), part(`${name}/bias`), {
        activation: network.activation,
      });
    });
    const output = builder.dense('output', 1, hidden, part('output/kernel'), null);
    logit = builder.add('Add', 'logit', {}, [logit, output]);
  }
  return builder.finish(builder.add('Activation', 'probability', { activation: 'sigmoid' }, [logit]));
}
