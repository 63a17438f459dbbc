// What the numbers of a package's engine mean, by the package's task: the tensors that clients get and the outputs that
// the prediction log gets. One head serves all batches of a version.

import { binaryLabel, type Output, PlatformError, type Task, taskOf } from '@millrace/domain';
import { Tensor } from '@millrace/inference';

/** One batch as the engine answered it. */
export interface EngineAnswer {
  /** `width` numbers a row, row by row. */
  readonly numbers: Float32Array;
  /** The same memory. */
  readonly bytes: Uint8Array;
  readonly view: DataView;
}

export interface TaskHead {
  readonly task: Task;
  /** Numbers that the engine gives for a row. */
  readonly width: number;
  /** The task's output `index` for `rows` rows from row `start` on. */
  tensor(index: number, answer: EngineAnswer, start: number, rows: number): Tensor;
  /**
   * All outputs of one row. The same array and the same entries every time, with new values: for who encodes them at
   * once.
   */
  outputs(numbers: ArrayLike<number>, row: number): readonly Output[];
}

const ONE_ROW: readonly number[] = Object.freeze([1]);
const LABELS = [Tensor.of('label', 'BYTES', [1], ['0']), Tensor.of('label', 'BYTES', [1], ['1'])] as const;

/** One number a row, the probability of a 1. */
class BinaryHead implements TaskHead {
  readonly task = taskOf('binary');
  readonly width = 1;
  private readonly probability: { name: string; value: number } = { name: 'probability', value: 0 };
  private readonly label: { name: string; value: string } = { name: 'label', value: '' };
  private readonly row: readonly Output[] = [this.probability, this.label];

  tensor(index: number, { numbers, bytes, view }: EngineAnswer, start: number, rows: number): Tensor {
    const shape = rows === 1 ? ONE_ROW : [rows];
    if (index === 0) return Tensor.raw('probability', 'FP32', shape, bytes, start * 4, (start + rows) * 4, view);
    if (rows === 1) return LABELS[binaryLabel(numbers[start] as number) === '1' ? 1 : 0];
    const texts: string[] = [];
    for (let row = start; row < start + rows; row++) texts.push(binaryLabel(numbers[row] as number));
    return Tensor.of('label', 'BYTES', shape, texts);
  }

  outputs(numbers: ArrayLike<number>, row: number): readonly Output[] {
    const probability = numbers[row] as number;
    this.probability.value = probability;
    this.label.value = binaryLabel(probability);
    return this.row;
  }
}

/** Throws `unimplemented` or `invalid_argument` where packages of this task cannot be served. */
export function headOf(kind: string): TaskHead {
  const task = taskOf(kind);
  if (task.kind === 'binary') return new BinaryHead();
  throw new PlatformError('unimplemented', `packages of task '${task.kind}' cannot be served`);
}
