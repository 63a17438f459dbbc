import { expect, it } from '@jest/globals';
import { taskOf } from '@millrace/domain';
import { bindingFor, Tensor, type TensorSpec } from '@millrace/inference';
import { boundScores } from './bound-scores.js';

const INPUTS: TensorSpec[] = [{ name: 'x', datatype: 'FP32', shape: [-1, 2] }];
const OUTPUTS: TensorSpec[] = [{ name: 'probability', datatype: 'FP32', shape: [-1, 1] }];
const COLUMNS = ['age', 'debt'].map((name) => ({ name, type: 'number' as const }));
const task = taskOf('binary');
const { binding } = bindingFor(
  { inputs: INPUTS, outputs: OUTPUTS },
  { features: COLUMNS, columns: COLUMNS, notByOrder: new Set() },
  task,
  {},
);

/** Missing values go through it, as through most models. */
const model = {
  inputs: INPUTS,
  outputs: OUTPUTS,
  infer: async ([x]: readonly Tensor[]) => {
    const rows = (x as Tensor).shape[0] as number;
    const sums = Array.from({ length: rows }, (_, row) => (x?.number(2 * row) ?? 0) + (x?.number(2 * row + 1) ?? 0));
    return [Tensor.of('probability', 'FP32', [rows, 1], sums)];
  },
  close: async () => undefined,
};

it('says what a row lacks that the model has no answer for', async () => {
  const rows = { rows: 3, columns: { age: [0.1, 0.2, 0.3], debt: [0.1, null, 0.3] } };
  await expect(boundScores(model, binding, task, rows)).rejects.toThrow(
    /row 2: .*NaN.*; the row has no value for 'debt': put what fills missing values \(an imputer\) into the model/,
  );
});

it('says nothing of missing values where a row has them all', async () => {
  const rows = { rows: 2, columns: { age: [0.1, 2], debt: [0.1, 3] } };
  await expect(boundScores(model, binding, task, rows)).rejects.toThrow(
    /^\[invalid_argument\] row 2: (?!.*no value for)/,
  );
});
