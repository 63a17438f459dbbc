// Initial weights: embeddings normal with deviation 0.05, kernels Glorot normal (deviation sqrt(2 / (in + out))), the
// wide part, linear part and biases zero, except that the output bias starts at the logit of the positive share, so
// that the first steps do not go into finding the base rate.

import type { Rng } from '@millrace/domain';
import { hiddenInputWidth, type Network, parameterOf } from './network.js';

/** Small against the numeric inputs (deviation 1), so that frequent values shape the embedding and not the draw. */
const EMBEDDING_DEVIATION = 0.05;

/** ln(p / (1 - p)), with p kept away from 0 and 1. */
export function logit(share: number): number {
  const p = Math.min(Math.max(share, 1e-4), 1 - 1e-4);
  return Math.log(p / (1 - p));
}

export function initialWeights(network: Network, positiveShare: number, rng: Rng): Float32Array {
  const weights = new Float32Array(network.size);
  for (const parameter of network.parameters) {
    let deviation = 0;
    if (parameter.name.startsWith('embedding_')) deviation = EMBEDDING_DEVIATION;
    else if (parameter.name.endsWith('/kernel') && hiddenInputWidth(network) > 0) {
      const [inputs = 1, outputs = 1] = parameter.shape;
      deviation = Math.sqrt(2 / (inputs + outputs));
    }
    if (deviation > 0) for (let i = 0; i < parameter.size; i++) weights[parameter.start + i] = deviation * rng.normal();
    else if (parameter.name === 'bias') weights[parameter.start] = logit(positiveShare);
  }
  return weights;
}

/**
 * The same start with the answers of a logistic regression of the same plan without crosses: its weights stand at their
 * places (crosses come last), and the hidden part adds nothing yet. Training goes on from there, so that what is linear
 * in the data need not be found again.
 */
export function startingAt(network: Network, initial: Float32Array, logistic: Network, of: Float32Array): Float32Array {
  const weights = initial.slice();
  for (const name of ['wide', 'linear', 'bias'])
    parameterOf(network, weights, name).set(parameterOf(logistic, of, name));
  parameterOf(network, weights, 'output/kernel').fill(0);
  return weights;
}
