// Scores rows with a packaged tfjs layers model, as a browser would load it: the other side of the parity check.

import * as tf from '@tensorflow/tfjs-node-gpu';
import type { EncodedRows } from './batch.js';

/** Rows per predict; bounds the memory of intermediate tensors. */
const ROWS_AT_ONCE = 4_096;

export async function scoreLayersModel(modelJson: string, data: EncodedRows): Promise<Float32Array> {
  const model = await tf.loadLayersModel(`file://${modelJson}`);
  const rows = data.labels.length;
  const scores = new Float32Array(rows);
  for (let start = 0; start < rows; start += ROWS_AT_ONCE) {
    const end = Math.min(start + ROWS_AT_ONCE, rows);
    const read = tf.tidy(() => {
      const x = tf.tensor2d(data.values.slice(start * data.width, end * data.width), [end - start, data.width]);
      return (model.predict(x) as tf.Tensor).dataSync();
    });
    scores.set(read as Float32Array, start);
  }
  model.dispose();
  return scores;
}
