// Forward and backward pass of a network in TensorFlow.js, for one batch: the flat gradient of the summed log loss and
// the loss itself. Weights live in tf variables, one per parameter, and are written from the flat buffer after each
// update. The gradient is read once per step (one concat on the TensorFlow side), because each read is a blocking copy.

import type { Network } from '@millrace/models';
import * as tf from '@tensorflow/tfjs-node-gpu';
import type { Batch } from './batch.js';

export interface DropoutDraw {
  rate: number;
  /** A different seed for each layer; never 0, which tfjs takes for "unseeded". */
  seedOf(layer: number): number;
}

type Inputs = { wide: tf.Tensor2D; embeddings: tf.Tensor2D[]; numeric: tf.Tensor2D };

export class TensorFlowNetwork {
  private readonly variables = new Map<string, tf.Variable>();
  private readonly trained: tf.Variable[];

  constructor(
    readonly network: Network,
    weights: Float32Array,
  ) {
    for (const parameter of network.parameters) {
      const tensor = tf.tensor(weights.slice(parameter.start, parameter.start + parameter.size), [...parameter.shape]);
      this.variables.set(parameter.name, tf.variable(tensor, true));
      tensor.dispose();
    }
    this.trained = network.parameters.map((parameter) => this.variable(parameter.name));
  }

  /** Copies the flat buffer into the variables. */
  assign(weights: Float32Array): void {
    for (const parameter of this.network.parameters) {
      const tensor = tf.tensor(weights.slice(parameter.start, parameter.start + parameter.size), [...parameter.shape]);
      this.variable(parameter.name).assign(tensor);
      tensor.dispose();
    }
  }

  /** Writes the gradient of the batch's summed loss to `gradient` (network.size values); returns the summed loss. */
  gradient(batch: Batch, gradient: Float32Array, dropout?: DropoutDraw): number {
    const flat = tf.tidy(() => {
      const inputs = this.inputs(batch);
      const labels = tf.tensor1d(batch.labels);
      const { value, grads } = tf.variableGrads(() => {
        const logits = this.logits(inputs, dropout);
        // softplus(z) - y z, summed: the log loss without the cancellation of log(sigmoid).
        return tf.sum(tf.sub(tf.softplus(logits), tf.mul(labels, logits))) as tf.Scalar;
      }, this.trained);
      const parts = this.trained.map((variable) => {
        const grad = grads[variable.name];
        return grad === undefined ? tf.zeros([variable.size]) : tf.reshape(grad, [-1]);
      });
      return tf.concat([...parts, tf.reshape(value, [1])] as tf.Tensor1D[]);
    });
    const read = flat.dataSync() as Float32Array;
    flat.dispose();
    gradient.set(read.subarray(0, this.network.size));
    return read[this.network.size] as number;
  }

  /** The loss of each row, without dropout. */
  losses(batch: Batch): Float32Array {
    return tf.tidy(() => {
      const logits = this.logits(this.inputs(batch), undefined);
      return tf.sub(tf.softplus(logits), tf.mul(tf.tensor1d(batch.labels), logits)).dataSync() as Float32Array;
    });
  }

  dispose(): void {
    for (const variable of this.variables.values()) variable.dispose();
    this.variables.clear();
  }

  private variable(name: string): tf.Variable {
    const variable = this.variables.get(name);
    if (variable === undefined) throw new Error(`the network has no parameter "${name}"`);
    return variable;
  }

  private inputs(batch: Batch): Inputs {
    const rows = batch.labels.length;
    return {
      wide: tf.tensor2d(batch.wide, [rows, this.network.wide.columns.length], 'int32'),
      embeddings: batch.embeddings.map((indices, i) =>
        tf.tensor2d(indices, [rows, this.network.embeddings[i]?.columns.length ?? 0], 'int32'),
      ),
      numeric: tf.tensor2d(batch.numeric, [rows, this.network.numeric.length]),
    };
  }

  private logits(inputs: Inputs, dropout: DropoutDraw | undefined): tf.Tensor1D {
    const { network } = this;
    const rows = inputs.numeric.shape[0];
    // The bias goes in by broadcasting: the gradient of tf.tile is a JavaScript loop over rows.
    let logits = tf.zeros([rows]) as tf.Tensor1D;
    logits = tf.add(logits, this.variable('bias'));
    if (network.wide.columns.length > 0) {
      const picked = tf.gather(tf.reshape(this.variable('wide'), [-1]), inputs.wide);
      logits = tf.add(logits, tf.sum(picked, 1));
    }
    if (network.numeric.length > 0) {
      logits = tf.add(logits, tf.reshape(tf.matMul(inputs.numeric, this.variable('linear') as tf.Tensor2D), [rows]));
    }
    if (!this.variables.has('output/kernel')) return logits;
    const parts: tf.Tensor2D[] = network.embeddings.map((table, i) => {
      const picked = tf.gather(this.variable(`embedding_${table.width}`), inputs.embeddings[i] as tf.Tensor2D);
      return tf.reshape(picked, [rows, table.width * table.columns.length]);
    });
    if (network.numeric.length > 0) parts.push(inputs.numeric);
    let hidden = tf.concat(parts, 1);
    network.hidden.forEach((_, i) => {
      const sum = tf.add(
        tf.matMul(hidden, this.variable(`hidden_${i}/kernel`) as tf.Tensor2D),
        this.variable(`hidden_${i}/bias`),
      );
      hidden = (network.activation === 'relu' ? tf.relu(sum) : tf.tanh(sum)) as tf.Tensor2D;
      if (dropout !== undefined && dropout.rate > 0)
        hidden = tf.dropout(hidden, dropout.rate, undefined, dropout.seedOf(i)) as tf.Tensor2D;
    });
    return tf.add(logits, tf.reshape(tf.matMul(hidden, this.variable('output/kernel') as tf.Tensor2D), [rows]));
  }
}

/** Tensors alive in this process; constant over steps, or something leaks. */
export function liveTensors(): number {
  return tf.memory().numTensors;
}
