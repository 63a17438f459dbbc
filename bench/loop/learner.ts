// A small learner that is really fitted: logistic regression with a ridge, by Newton's method.
//
//   minimise sum_i ln(1 + exp(-s_i x_i w)) + (RIDGE / 2) |w|^2,  s_i = 2 y_i - 1;  the intercept is not shrunk
//
// Deterministic. Cost O(STEPS_MAX rows width^2). Where all labels are alike, the number of steps bounds the intercept.

const RIDGE = 2;
/** Keeps the Hessian invertible where a column never varies. */
const JITTER = 1e-3;
const STEPS_MAX = 6;
const CLOSE = 0.01;

export interface Rows {
  /** Row by row, `width` values each; the first is 1. */
  readonly x: Float64Array;
  readonly y: Uint8Array;
  readonly width: number;
}

export function probability(x: Float64Array, row: number, weights: Float64Array): number {
  const width = weights.length;
  let sum = 0;
  for (let j = 0, at = row * width; j < width; j++, at++) sum += (x[at] as number) * (weights[j] as number);
  return 1 / (1 + Math.exp(-sum));
}

/** `rows`: which to learn from. */
export function fit({ x, y, width }: Rows, rows: readonly number[]): Float64Array {
  const weights = new Float64Array(width);
  const gradient = new Float64Array(width);
  const hessian = new Float64Array(width * width);
  for (let step = 0; step < STEPS_MAX; step++) {
    gradient.fill(0);
    hessian.fill(0);
    for (const row of rows) {
      const p = probability(x, row, weights);
      const error = (y[row] as number) - p;
      const curve = p * (1 - p);
      for (let j = 0, at = row * width; j < width; j++) {
        const xj = x[at + j] as number;
        gradient[j] = (gradient[j] as number) + error * xj;
        for (let k = 0; k <= j; k++)
          hessian[j * width + k] = (hessian[j * width + k] as number) + curve * xj * (x[at + k] as number);
      }
    }
    for (let j = 0; j < width; j++) {
      const shrink = j === 0 ? JITTER : RIDGE;
      gradient[j] = (gradient[j] as number) - shrink * (weights[j] as number);
      hessian[j * width + j] = (hessian[j * width + j] as number) + shrink;
    }
    const move = solve(hessian, gradient, width);
    let longest = 0;
    for (let j = 0; j < width; j++) {
      weights[j] = (weights[j] as number) + (move[j] as number);
      longest = Math.max(longest, Math.abs(move[j] as number));
    }
    if (longest < CLOSE) break;
  }
  return weights;
}

/** Of a symmetric positive definite matrix, given by its lower triangle, by Cholesky. */
function solve(matrix: Float64Array, right: Float64Array, size: number): Float64Array {
  const lower = matrix.slice();
  const at = (i: number, j: number) => lower[i * size + j] as number;
  for (let i = 0; i < size; i++)
    for (let j = 0; j <= i; j++) {
      let sum = at(i, j);
      for (let k = 0; k < j; k++) sum -= at(i, k) * at(j, k);
      lower[i * size + j] = i === j ? Math.sqrt(Math.max(sum, JITTER)) : sum / at(j, j);
    }
  const solution = right.slice();
  for (let i = 0; i < size; i++) {
    let sum = solution[i] as number;
    for (let k = 0; k < i; k++) sum -= at(i, k) * (solution[k] as number);
    solution[i] = sum / at(i, i);
  }
  for (let i = size - 1; i >= 0; i--) {
    let sum = solution[i] as number;
    for (let k = i + 1; k < size; k++) sum -= at(k, i) * (solution[k] as number);
    solution[i] = sum / at(i, i);
  }
  return solution;
}
