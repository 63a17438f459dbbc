// What a bound model's answer says in the words of the project's task: the one number of each row that the binding
// points at, checked by the task, so that a "probability" of 3.2 is an error that names the row and not a prediction.

import { PlatformError, rowNumber, type Task } from '@millrace/domain';
import type { Tensor } from '../tensor.js';
import { type Binding, type BoundOutput, rowWidth } from './binding.js';

/** The task's score of each row. Throws `corrupt` where the answer has not the bound shape, or a number is none. */
export function scoresOfAnswer(
  binding: Pick<Binding, 'outputs'>,
  task: Task,
  answer: readonly Tensor[],
  rows: number,
): Float64Array {
  const bound = binding.outputs.find(({ output }) => output === task.scoreName);
  if (bound === undefined) throw new PlatformError('corrupt', `binding: no output '${task.scoreName}'`);
  const tensor = answer.find(({ name }) => name === bound.tensor);
  if (tensor === undefined) throw new PlatformError('corrupt', `the model answers no tensor '${bound.tensor}'`);
  const width = rowWidth(bound.shape);
  if (tensor.count !== rows * width || tensor.datatype === 'BYTES') {
    throw new PlatformError(
      'corrupt',
      `tensor '${bound.tensor}' is ${tensor.datatype} [${tensor.shape.join(',')}] for ${rows} rows, ` +
        `bound as ${bound.datatype} [N${bound.shape.map((size) => `,${size}`).join('')}]`,
    );
  }
  const scores = new Float64Array(rows);
  for (let row = 0; row < rows; row++) {
    const score = withoutRounding(scoreOf(bound, tensor, row * width, width), task);
    const fault = task.outputsFault(task.outputsOf(score));
    if (fault !== undefined) {
      throw new PlatformError(
        'corrupt',
        `row ${rowNumber(row)}: ${fault} (element ${bound.index} of tensor '${bound.tensor}')`,
      );
    }
    scores[row] = score;
  }
  return scores;
}

/**
 * How far beyond the ends of its range a score may lie for having been rounded: a sum of a hundred float32 shares, as
 * averages of models compute it, may end a hundred half-steps of 6e-8 beyond 1; a mistake lies farther out.
 */
const ROUNDING_MAX = 1e-5;

function withoutRounding(score: number, { scoreRange }: Task): number {
  if (scoreRange === undefined) return score;
  const [least, most] = scoreRange;
  if (score > most && score <= most + ROUNDING_MAX) return most;
  return score < least && score >= least - ROUNDING_MAX ? least : score;
}

/** softmax: e^(x_i - m) / sum_j e^(x_j - m) with m = max_j x_j; logistic: 1 / (1 + e^-x). */
function scoreOf({ of, index }: BoundOutput, tensor: Tensor, start: number, width: number): number {
  const value = tensor.number(start + index);
  if (of === 'value') return value;
  if (width === 1) return 1 / (1 + Math.exp(-value));
  let largest = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < width; i++) largest = Math.max(largest, tensor.number(start + i));
  let sum = 0;
  for (let i = 0; i < width; i++) sum += Math.exp(tensor.number(start + i) - largest);
  return Math.exp(value - largest) / sum;
}
