import { describe, expect, it } from '@jest/globals';
import { PlatformError, taskOf } from '@millrace/domain';
import type { SignatureInput } from '@millrace/features';
import type { TensorSpec } from '../metadata.js';
import { Tensor } from '../tensor.js';
import { type Binding, boundColumns, parseBinding } from './binding.js';
import { type BindingWishes, bindingFor } from './binding-for.js';
import { scoresOfAnswer } from './bound-answers.js';
import { tensorsOfRows } from './bound-rows.js';

const TASK = taskOf('binary');
const FEATURES: SignatureInput[] = [
  { name: 'age', type: 'integer' },
  { name: 'Income (EUR)', type: 'number' },
  { name: 'city', type: 'text' },
];
const PROJECT = { features: FEATURES, columns: [...FEATURES, { name: 'member', type: 'boolean' as const }] };
const tensor = (name: string, datatype: string, ...shape: number[]) => ({ name, datatype, shape }) as TensorSpec;
const PROBABILITIES = [tensor('label', 'INT64', -1), tensor('probabilities', 'FP32', -1, 2)];

function found(inputs: TensorSpec[], outputs: TensorSpec[] = PROBABILITIES, wishes?: BindingWishes) {
  return bindingFor({ inputs, outputs }, PROJECT, TASK, wishes);
}

const bound = (inputs: TensorSpec[], wishes?: BindingWishes) =>
  found(inputs, PROBABILITIES, wishes).binding.inputs.map(({ tensor, shape, columns }) => [tensor, shape, columns]);

describe('the tensors of a model are found among the columns of a project', () => {
  it('by name, whatever an exporter made of the name', () => {
    const inputs = [
      tensor('city', 'BYTES', -1, 1),
      tensor('income_eur:0', 'FP32', -1, 1),
      tensor('age', 'INT64', -1),
      tensor('member', 'BOOL', -1, 1),
    ];
    expect(bound(inputs)).toEqual([
      ['city', [1], ['city']],
      ['income_eur:0', [1], ['Income (EUR)']],
      ['age', [], ['age']],
      ['member', [1], ['member']],
    ]);
    expect(found(inputs).sentences[0]).toBe("tensor 'city' BYTES [N,1] takes city (by its name)");
  });

  it('by order: one matrix of numbers, with texts beside it, of the features or of all columns, sized or not', () => {
    const numbers = ['age', 'Income (EUR)'];
    expect(bound([tensor('float_input', 'FP32', -1, 2)])).toEqual([['float_input', [2], numbers]]);
    expect(bound([tensor('X', 'FP64', -1, -1)])).toEqual([['X', [2], numbers]]);
    expect(bound([tensor('X', 'FP32', -1, 3)])).toEqual([['X', [3], [...numbers, 'member']]]);
    expect(bound([tensor('X', 'FP32', -1, 2), tensor('words', 'BYTES', -1, 1)])).toEqual([
      ['X', [2], numbers],
      ['words', [1], ['city']],
    ]);
  });

  it('as it is said, in the order that is said', () => {
    const inputs = [{ tensor: 'X', columns: ['Income (EUR)', 'age'] }];
    expect(bound([tensor('X', 'FP32', -1, 2)], { inputs })).toEqual([['X', [2], ['Income (EUR)', 'age']]]);
  });

  it.each<[string, TensorSpec[], BindingWishes | undefined, RegExp]>([
    ['too many sizes', [tensor('X', 'FP32', -1, 7)], undefined, /--input X=column,column,… in the order/],
    ['two ways', [tensor('A', 'FP32', -1, 1), tensor('B', 'FP32', -1, 1)], undefined, /cannot tell.*'A'.*'B'.*age/],
    ['type', [tensor('city', 'FP32', -1, 1)], undefined, /called like column 'city', which is of type text/],
    ['no batch', [tensor('X', 'FP32', 1, 2)], undefined, /first size is not open.*dynamic_axes/],
    ['no inputs', [], undefined, /no input tensor/],
    [
      'tensor',
      [tensor('X', 'FP32', -1, 2)],
      { inputs: [{ tensor: 'Y', columns: ['age'] }] },
      /no input tensor 'Y'.*'X'/,
    ],
    ['column', [tensor('X', 'FP32', -1, 1)], { inputs: [{ tensor: 'X', columns: ['aeg'] }] }, /no column 'aeg'.*age/],
    ['width', [tensor('X', 'FP32', -1, 2)], { inputs: [{ tensor: 'X', columns: ['age'] }] }, /not take 1 columns/],
    [
      'text',
      [tensor('X', 'FP32', -1, 1)],
      { inputs: [{ tensor: 'X', columns: ['city'] }] },
      /'city', which is of type text/,
    ],
  ])('and refused in words where there is no one way: %s', (_, inputs, wishes, words) => {
    expect(() => found(inputs, PROBABILITIES, wishes)).toThrow(words);
  });
});

describe("the task's number is found among the outputs of a model", () => {
  const X = [tensor('X', 'FP32', -1, 2)];
  const output = (outputs: TensorSpec[], wishes?: BindingWishes) => found(X, outputs, wishes).binding.outputs[0];

  it('as the last of one or two floating-point numbers of a row', () => {
    expect(output(PROBABILITIES)).toMatchObject({
      output: 'probability',
      tensor: 'probabilities',
      index: 1,
      of: 'value',
    });
    expect(output([tensor('dense_2', 'FP32', -1, 1)])).toMatchObject({ tensor: 'dense_2', index: 0, shape: [1] });
    expect(output([tensor('logits', 'FP32', -1, 2)])).toMatchObject({ index: 1, of: 'logit' });
    expect(output([tensor('embedding', 'FP32', -1, 64), ...PROBABILITIES])).toMatchObject({ tensor: 'probabilities' });
  });

  it('or as it is said', () => {
    const wish = { output: 'probability', tensor: 'out', index: 2, of: 'logit' as const };
    expect(output([tensor('out', 'FP32', -1, 3)], { outputs: [wish] })).toMatchObject({ ...wish, shape: [3] });
    expect(() => output([tensor('out', 'FP32', -1, 2)], { outputs: [wish] })).toThrow(
      /2 elements a row, there is no \[2\]/,
    );
    expect(() => output([tensor('out', 'FP32', -1, 2)], { outputs: [{ ...wish, output: 'p' }] })).toThrow(
      /'probability'/,
    );
  });

  it('and refused where none or several may be it', () => {
    expect(() => output([tensor('label', 'INT64', -1)])).toThrow(
      /none holds one or two.*--output 'probability=TENSOR\[index\]'/,
    );
    expect(() => output([tensor('a', 'FP32', -1), tensor('b', 'FP32', -1)])).toThrow(
      /2 of them can be it\. Write --output 'probability=a\[0\]' or --output 'probability=b\[0\]'$/,
    );
  });
});

describe('rows through a binding', () => {
  const { binding } = found([
    tensor('numbers', 'FP32', -1, 2),
    tensor('city', 'BYTES', -1, 1),
    tensor('member', 'INT64', -1),
  ]);

  it('stand row by row in the tensors, with what stands for a missing value', () => {
    expect(boundColumns(binding)).toEqual(['age', 'Income (EUR)', 'city', 'member']);
    const columns = { age: [31, 32], 'Income (EUR)': [1.5, null], city: ['Łódź', null], member: [true, false] };
    const [numbers, city, member] = tensorsOfRows(binding, columns, 2) as [Tensor, Tensor, Tensor];
    expect([numbers.shape, numbers.toValues()]).toEqual([
      [2, 2],
      [31, 1.5, 32, Number.NaN],
    ]);
    expect([city.shape, city.toValues()]).toEqual([
      [2, 1],
      ['Łódź', ''],
    ]);
    expect([member.shape, member.toValues()]).toEqual([[2], [1n, 0n]]);
  });

  it.each([
    [{ member: [null] }, /row 1: column 'member' is missing, and tensor 'member' of INT64 has no missing value/],
    [{ member: [1.5] }, /row 1: column 'member' is 1.5, tensor 'member' is of INT64/],
    [{ city: [7] }, /row 1: column 'city' is 7, no text/],
    [{ age: ['old'] }, /row 1: column 'age' is 'old', tensor 'numbers' is of FP32/],
    [{ city: undefined }, /column 'city' is not there/],
  ])('are refused by row, column and value: %j', (change, words) => {
    const columns = { age: [31], 'Income (EUR)': [1], city: ['x'], member: [true], ...change } as never;
    expect(() => tensorsOfRows(binding, columns, 1)).toThrow(words);
  });

  const answers = (datatype: string, shape: number[], values: number[]) => [Tensor.of('p', datatype, shape, values)];
  const reads = (of: 'value' | 'logit', index: number, ...shape: number[]): Pick<Binding, 'outputs'> => ({
    outputs: [{ output: 'probability', tensor: 'p', datatype: 'FP64', shape, index, of }],
  });

  it('may end a rounding beyond the range of the task, and no more', () => {
    const rounded = answers('FP32', [4], [1.0000006, -3e-8, 1, 0]);
    expect([...scoresOfAnswer(reads('value', 0), TASK, rounded, 4)]).toEqual([1, 0, 1, 0]);
    const wrong = answers('FP64', [2], [0.5, 1.0001]);
    expect(() => scoresOfAnswer(reads('value', 0), TASK, wrong, 2)).toThrow(/row 2: output 'probability' is 1\.0001/);
  });

  it('come back as the scores of the task', () => {
    const two = answers('FP64', [2, 2], [0.9, 0.1, 0.25, 0.75]);
    expect([...scoresOfAnswer(reads('value', 1, 2), TASK, two, 2)]).toEqual([0.1, 0.75]);
    const [half, most] = scoresOfAnswer(reads('logit', 0), TASK, answers('FP64', [2], [0, Math.log(3)]), 2);
    expect([half, most?.toFixed(9)]).toEqual([0.5, '0.750000000']);
    const logits = answers('FP64', [1, 2], [1000, 1000 + Math.log(3)]);
    expect(scoresOfAnswer(reads('logit', 1, 2), TASK, logits, 1)[0]).toBeCloseTo(0.75, 9);
  });

  it.each<[string, Tensor[], RegExp]>([
    [
      'out of range',
      answers('FP64', [2], [0.5, 3.2]),
      /row 2: output 'probability' is 3.2, not a number in \[0, 1\] .*'p'/,
    ],
    ['not a number', answers('FP64', [2], [Number.NaN, 0.5]), /row 1: output 'probability' is NaN/],
    [
      'another shape',
      answers('FP64', [2, 2], [0, 1, 0, 1]),
      /tensor 'p' is FP64 \[2,2\] for 2 rows, bound as FP64 \[N\]/,
    ],
    ['not there', [], /the model answers no tensor 'p'/],
  ])('or are refused: %s', (_, answer, words) => {
    expect(() => scoresOfAnswer(reads('value', 0), TASK, answer, 2)).toThrow(words);
  });
});

describe('binding.json', () => {
  it('comes back as it was written, and nothing else is taken for one', () => {
    const { binding } = found([tensor('X', 'FP32', -1, 2)]);
    const upstream = { address: 'triton:8001', model: 'churn', version: '' };
    expect(parseBinding(JSON.stringify({ ...binding, upstream }))).toEqual({ ...binding, upstream });
    const [input] = binding.inputs;
    const bad: unknown[] = [
      null,
      {},
      { ...binding, inputs: [{ ...input, columns: ['age'] }] },
      { ...binding, inputs: [{ ...input, datatype: 'FLOAT' }] },
      { ...binding, inputs: [{ ...input, shape: [-1] }] },
      { ...binding, outputs: [{ ...binding.outputs[0], index: 2 }] },
      { ...binding, outputs: [{ ...binding.outputs[0], of: 'chance' }] },
      { ...binding, upstream: { address: 'x' } },
    ];
    for (const document of bad) expect(() => parseBinding(JSON.stringify(document))).toThrow(PlatformError);
    expect(() => parseBinding('{')).toThrow(/not JSON/);
  });
});
