// Optimisers on one flat float32 buffer, updated in place. Their whole state is the step count and the slot buffers, so
// that a checkpoint resumes bit for bit.
//
// Adam (Kingma and Ba, 2015): m = b1 m + (1 - b1) g; v = b2 v + (1 - b2) g^2; w -= rate * (m / (1 - b1^t)) /
// (sqrt(v / (1 - b2^t)) + eps), with t from 1, b1 = 0.9, b2 = 0.999, eps = 1e-8. SGD: w -= rate * g.
// g = gradient / rows + 2 l2 w for penalised parameters; the penalty is added here, once, and not in each worker.

import type { Network } from './network.js';

export type OptimizerKind = 'adam' | 'sgd';

const BETA1 = 0.9;
const BETA2 = 0.999;
const EPSILON = 1e-8;

export interface OptimizerState {
  kind: OptimizerKind;
  /** Updates done. */
  step: number;
  /** Adam: first and second moments. SGD: none. */
  slots: Float32Array[];
}

export function newOptimizerState(kind: OptimizerKind, size: number): OptimizerState {
  return { kind, step: 0, slots: kind === 'adam' ? [new Float32Array(size), new Float32Array(size)] : [] };
}

/** Adds the l2 penalty's gradient to `gradient`, which is a sum over `rows` rows, and divides by rows. */
export function finishGradient(
  network: Network,
  weights: Float32Array,
  gradient: Float32Array,
  rows: number,
  l2: number,
): void {
  const share = 1 / rows;
  for (const parameter of network.parameters) {
    const end = parameter.start + parameter.size;
    const pull = parameter.penalised ? 2 * l2 : 0;
    for (let i = parameter.start; i < end; i++)
      gradient[i] = (gradient[i] as number) * share + pull * (weights[i] as number);
  }
}

export function applyGradient(
  state: OptimizerState,
  weights: Float32Array,
  gradient: Float32Array,
  rate: number,
): void {
  state.step++;
  if (state.kind === 'sgd') {
    for (let i = 0; i < weights.length; i++) weights[i] = (weights[i] as number) - rate * (gradient[i] as number);
    return;
  }
  const [m, v] = state.slots as [Float32Array, Float32Array];
  const first = rate / (1 - BETA1 ** state.step);
  const second = 1 / (1 - BETA2 ** state.step);
  for (let i = 0; i < weights.length; i++) {
    const g = gradient[i] as number;
    const mi = BETA1 * (m[i] as number) + (1 - BETA1) * g;
    const vi = BETA2 * (v[i] as number) + (1 - BETA2) * g * g;
    m[i] = mi;
    v[i] = vi;
    weights[i] = (weights[i] as number) - (first * mi) / (Math.sqrt(vi * second) + EPSILON);
  }
}

/** Falls linearly from `rate` at step 0 to `rate * finalShare` at the last step. */
export function learningRateAt(rate: number, finalShare: number, step: number, steps: number): number {
  const passed = steps <= 1 ? 0 : Math.min(step / (steps - 1), 1);
  return rate * (1 + (finalShare - 1) * passed);
}
