// The forward pass in plain TypeScript, double precision: the reference that tf and ONNX Runtime are tested against,
// and the scorer of small models (baselines). Cost per row: the multiplications of the network; no allocation per row.

import { isDeep, type Network, parameterOf, type Table } from './network.js';

export function sigmoid(z: number): number {
  return z >= 0 ? 1 / (1 + Math.exp(-z)) : Math.exp(z) / (1 + Math.exp(z));
}

interface Layer {
  kernel: Float32Array;
  bias: Float32Array;
  inputs: number;
  units: number;
}

/** Probabilities of `encoded` rows (row-major, network.inputWidth values each). */
export function forward(network: Network, weights: Float32Array, encoded: Float32Array): Float64Array {
  if (weights.length !== network.size)
    throw new Error(`weights hold ${weights.length} values, the network ${network.size}`);
  const width = network.inputWidth;
  const rows = width === 0 ? 0 : encoded.length / width;
  const part = (name: string) => parameterOf(network, weights, name);
  const wide = part('wide');
  const linear = part('linear');
  const bias = part('bias')[0] ?? 0;
  const tables = network.embeddings.map((table) => ({ table, values: part(`embedding_${table.width}`) }));
  const deep = isDeep(network);
  const layers: Layer[] = network.hidden.map((units, i) => {
    const kernel = part(`hidden_${i}/kernel`);
    return { kernel, bias: part(`hidden_${i}/bias`), inputs: kernel.length / units, units };
  });
  const output = part('output/kernel');
  const widest = Math.max(output.length, ...layers.map((layer) => Math.max(layer.inputs, layer.units)), 1);
  let from = new Float64Array(widest);
  let to = new Float64Array(widest);
  const probabilities = new Float64Array(rows);
  for (let row = 0; row < rows; row++) {
    const at = row * width;
    let z = bias + lookUp(network.wide, wide, encoded, at);
    for (let k = 0; k < network.numeric.length; k++)
      z += (linear[k] as number) * (encoded[at + (network.numeric[k] as number)] as number);
    if (deep) {
      let filled = 0;
      for (const { table, values } of tables) {
        for (const column of table.columns) {
          const start = (column.offset + (encoded[at + column.at] as number)) * table.width;
          for (let d = 0; d < table.width; d++) from[filled++] = values[start + d] as number;
        }
      }
      for (const column of network.numeric) from[filled++] = encoded[at + column] as number;
      for (const layer of layers) {
        activate(network, layer, from, to);
        [from, to] = [to, from];
      }
      for (let k = 0; k < output.length; k++) z += (output[k] as number) * (from[k] as number);
    }
    probabilities[row] = sigmoid(z);
  }
  return probabilities;
}

function lookUp(table: Table, values: Float32Array, encoded: Float32Array, at: number): number {
  let sum = 0;
  for (const column of table.columns) sum += values[column.offset + (encoded[at + column.at] as number)] as number;
  return sum;
}

function activate(network: Network, layer: Layer, from: Float64Array, to: Float64Array): void {
  for (let u = 0; u < layer.units; u++) {
    let sum = layer.bias[u] as number;
    for (let k = 0; k < layer.inputs; k++) sum += (from[k] as number) * (layer.kernel[k * layer.units + u] as number);
    to[u] = network.activation === 'relu' ? Math.max(sum, 0) : Math.tanh(sum);
  }
}
