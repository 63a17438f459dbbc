// Two runtimes must answer alike: the largest difference of their probabilities decides whether a model may be
// packaged.

import { PlatformError } from '@millrace/domain';

/** float32 sums in another order differ by some 1e-7; 1e-5 leaves room and still catches any wrong column or layer. */
const PARITY_MAX = 1e-5;

/** Rows compared; all where the training has fewer. */
export const PARITY_ROWS = 2_000;

/** Largest difference; throws above the bound, and where a value is not a number. */
export function checkParity(onnx: ArrayLike<number>, tfjs: ArrayLike<number>): number {
  if (onnx.length !== tfjs.length)
    throw new PlatformError('internal', `parity: ${onnx.length} against ${tfjs.length} scores`);
  let largest = 0;
  for (let i = 0; i < onnx.length; i++) {
    const difference = Math.abs((onnx[i] as number) - (tfjs[i] as number));
    if (!(difference <= PARITY_MAX)) {
      throw new PlatformError(
        'internal',
        `parity: row ${i} is ${onnx[i]} in ONNX Runtime and ${tfjs[i]} in TensorFlow.js`,
      );
    }
    largest = Math.max(largest, difference);
  }
  return largest;
}
