// Forward and backward pass of a small network for one batch, in TypeScript: what TensorFlowNetwork computes, without
// its calls. Each of the sixty operations of a step is a call into TensorFlow, about 15 ms of processor time together
// whether the batch has 64 rows or 256; here a step of few rows costs its multiplications. In double precision, row by
// row, so that the sums do not depend on how rows are grouped. It knows no dropout.
//
// With z = logit(x) (libs/models/src/network.ts) and y the label: loss = softplus(z) - y z, dloss/dz = sigmoid(z) - y;
// the rest is the chain rule backwards through output, hidden layers and tables. Cost: 3 multiplications per weight
// that a row touches. Memory: one gradient and the activations of one row.

import { isDeep, type Network, sigmoid } from '@millrace/models';
import type { Batch } from './batch.js';

/**
 * Rows of a step times weights that a row touches: below, this is quicker than TensorFlow's calls. Measured with two
 * hidden layers (64, 32), in processor time: 64 rows 3 ms here and 15 ms there, 512 rows 16 and 30, 1,024 rows the
 * same.
 */
const WORK_MAX = 1_500_000;

export function isPlainWork(network: Network, batchRows: number, dropout: number): boolean {
  const perRow = network.parameters
    .filter(({ name }) => name !== 'wide' && !name.startsWith('embedding_'))
    .reduce((sum, { size }) => sum + size, network.wide.columns.length);
  return dropout === 0 && batchRows * perRow <= WORK_MAX;
}

interface Layer {
  kernel: Float64Array;
  bias: Float64Array;
  kernelGradient: Float64Array;
  biasGradient: Float64Array;
  inputs: number;
  units: number;
  /** Of the row at hand: what went in, what came out, and the loss's slope by what came out. */
  from: Float64Array;
  to: Float64Array;
  slope: Float64Array;
}

export class PlainNetwork {
  private readonly parts = new Map<string, Float64Array>();
  private readonly gradients = new Map<string, Float64Array>();
  /** In double precision: turning each into one at every use would take as long as the multiplication. */
  private readonly weights: Float64Array;
  private readonly summed: Float64Array;
  private readonly layers: Layer[];
  private readonly output: Float64Array;
  private readonly entry: Float64Array;
  private readonly entrySlope: Float64Array;

  constructor(
    readonly network: Network,
    weights: Float32Array,
  ) {
    this.weights = Float64Array.from(weights);
    this.summed = new Float64Array(network.size);
    this.output = this.part('output/kernel');
    const first = network.hidden.length === 0 ? this.output.length : (this.shapeOf('hidden_0/kernel')[0] ?? 0);
    this.entry = new Float64Array(first);
    this.entrySlope = new Float64Array(first);
    let from = this.entry;
    this.layers = (isDeep(network) ? network.hidden : []).map((units, i) => {
      const layer = {
        kernel: this.part(`hidden_${i}/kernel`),
        bias: this.part(`hidden_${i}/bias`),
        kernelGradient: this.gradientOf(`hidden_${i}/kernel`),
        biasGradient: this.gradientOf(`hidden_${i}/bias`),
        inputs: from.length,
        units,
        from,
        to: new Float64Array(units),
        slope: new Float64Array(units),
      };
      from = layer.to;
      return layer;
    });
  }

  assign(weights: Float32Array): void {
    this.weights.set(weights);
  }

  /** Writes the gradient of the batch's summed loss to `gradient` (network.size values); returns the summed loss. */
  gradient(batch: Batch, gradient: Float32Array): number {
    this.summed.fill(0);
    let loss = 0;
    for (let row = 0; row < batch.labels.length; row++) {
      const z = this.logit(batch, row);
      const y = batch.labels[row] as number;
      loss += lossOf(z, y);
      this.back(batch, row, sigmoid(z) - y);
    }
    gradient.set(this.summed);
    return loss;
  }

  /** The loss of each row. */
  losses(batch: Batch): Float32Array {
    return batch.labels.map((y, row) => lossOf(this.logit(batch, row), y));
  }

  dispose(): void {}

  private logit(batch: Batch, row: number): number {
    const { network } = this;
    const [wide, linear] = [this.part('wide'), this.part('linear')];
    let z = this.part('bias')[0] as number;
    const wideAt = row * network.wide.columns.length;
    for (let c = 0; c < network.wide.columns.length; c++) z += wide[batch.wide[wideAt + c] as number] as number;
    const numericAt = row * network.numeric.length;
    for (let k = 0; k < network.numeric.length; k++)
      z += (linear[k] as number) * (batch.numeric[numericAt + k] as number);
    if (this.output.length === 0) return z;
    this.enter(batch, row);
    for (const layer of this.layers) forwards(layer, network.activation);
    const last = this.layers.at(-1)?.to ?? this.entry;
    for (let k = 0; k < this.output.length; k++) z += (this.output[k] as number) * (last[k] as number);
    return z;
  }

  /** What the first hidden layer sees: embeddings, then numbers. */
  private enter(batch: Batch, row: number): void {
    const { network, entry } = this;
    let filled = 0;
    network.embeddings.forEach(({ width, columns }, t) => {
      const values = this.part(`embedding_${width}`);
      for (let c = 0; c < columns.length; c++) {
        const start = (batch.embeddings[t]?.[row * columns.length + c] as number) * width;
        for (let d = 0; d < width; d++) entry[filled++] = values[start + d] as number;
      }
    });
    const at = row * network.numeric.length;
    for (let k = 0; k < network.numeric.length; k++) entry[filled++] = batch.numeric[at + k] as number;
  }

  private back(batch: Batch, row: number, slope: number): void {
    const { network } = this;
    const [wide, linear, bias] = [this.gradientOf('wide'), this.gradientOf('linear'), this.gradientOf('bias')];
    bias[0] = (bias[0] as number) + slope;
    const wideAt = row * network.wide.columns.length;
    for (let c = 0; c < network.wide.columns.length; c++) add(wide, batch.wide[wideAt + c] as number, slope);
    const numericAt = row * network.numeric.length;
    for (let k = 0; k < network.numeric.length; k++) add(linear, k, slope * (batch.numeric[numericAt + k] as number));
    if (this.output.length === 0) return;
    const outputGradient = this.gradientOf('output/kernel');
    const last = this.layers.at(-1)?.to ?? this.entry;
    const lastSlope = this.layers.at(-1)?.slope ?? this.entrySlope;
    for (let k = 0; k < this.output.length; k++) {
      add(outputGradient, k, slope * (last[k] as number));
      lastSlope[k] = slope * (this.output[k] as number);
    }
    for (let l = this.layers.length - 1; l >= 0; l--)
      backwards(this.layers[l] as Layer, this.enteringOf(l), network.activation);
    this.backToTables(batch, row);
  }

  /** Where the slope by what went into a layer goes; nowhere where that is nothing but numbers. */
  private enteringOf(layer: number): Float64Array | null {
    if (layer > 0) return (this.layers[layer - 1] as Layer).slope;
    return this.network.embeddings.length === 0 ? null : this.entrySlope;
  }

  private backToTables(batch: Batch, row: number): void {
    let taken = 0;
    this.network.embeddings.forEach(({ width, columns }, t) => {
      const gradient = this.gradientOf(`embedding_${width}`);
      for (let c = 0; c < columns.length; c++) {
        const start = (batch.embeddings[t]?.[row * columns.length + c] as number) * width;
        for (let d = 0; d < width; d++) add(gradient, start + d, this.entrySlope[taken++] as number);
      }
    });
  }

  private part(name: string): Float64Array {
    const known = this.parts.get(name);
    if (known !== undefined) return known;
    const found = this.placeOf(this.weights, name);
    this.parts.set(name, found);
    return found;
  }

  private gradientOf(name: string): Float64Array {
    const known = this.gradients.get(name);
    if (known !== undefined) return known;
    const found = this.placeOf(this.summed, name);
    this.gradients.set(name, found);
    return found;
  }

  /** Empty where the network has none of that name. */
  private placeOf(values: Float64Array, name: string): Float64Array {
    const place = this.network.parameters.find((parameter) => parameter.name === name);
    return place === undefined ? new Float64Array(0) : values.subarray(place.start, place.start + place.size);
  }

  private shapeOf(name: string): readonly number[] {
    return this.network.parameters.find((parameter) => parameter.name === name)?.shape ?? [];
  }
}

/** softplus(z) - y z, without the cancellation of log(sigmoid). */
function lossOf(z: number, y: number): number {
  return Math.max(z, 0) + Math.log1p(Math.exp(-Math.abs(z))) - y * z;
}

function add(values: Float64Array, at: number, value: number): void {
  values[at] = (values[at] as number) + value;
}

function forwards({ kernel, bias, inputs, units, from, to }: Layer, activation: Network['activation']): void {
  for (let u = 0; u < units; u++) to[u] = bias[u] as number;
  for (let i = 0; i < inputs; i++) {
    const x = from[i] as number;
    // Half of what a relu gives is 0.
    if (x === 0) continue;
    const at = i * units;
    for (let u = 0; u < units; u++) to[u] = (to[u] as number) + x * (kernel[at + u] as number);
  }
  for (let u = 0; u < units; u++) {
    const sum = to[u] as number;
    to[u] = activation === 'relu' ? Math.max(sum, 0) : Math.tanh(sum);
  }
}

/** From the slope by what came out of a layer to that by its weights and by what went in. */
function backwards(layer: Layer, entering: Float64Array | null, activation: Network['activation']): void {
  const { kernel, kernelGradient, biasGradient, inputs, units, from, to, slope } = layer;
  for (let u = 0; u < units; u++) {
    const out = to[u] as number;
    if (activation === 'relu') slope[u] = out > 0 ? (slope[u] as number) : 0;
    else slope[u] = (slope[u] as number) * (1 - out * out);
    add(biasGradient, u, slope[u] as number);
  }
  for (let i = 0; i < inputs; i++) {
    const x = from[i] as number;
    const at = i * units;
    if (x !== 0)
      for (let u = 0; u < units; u++)
        kernelGradient[at + u] = (kernelGradient[at + u] as number) + x * (slope[u] as number);
    if (entering === null) continue;
    let back = 0;
    for (let u = 0; u < units; u++) back += (slope[u] as number) * (kernel[at + u] as number);
    entering[i] = back;
  }
}
