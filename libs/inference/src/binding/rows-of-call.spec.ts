import { describe, expect, it } from '@jest/globals';
import { taskOf } from '@millrace/domain';
import type { SignatureInput } from '@millrace/features';
import { type ElementValue, Tensor } from '../tensor.js';
import { RowsOfCall } from './rows-of-call.js';

/** The signature's order is not the tensors'. */
const INPUTS: SignatureInput[] = [
  { name: 'city', type: 'text' },
  { name: 'x_1', type: 'number' },
  { name: 'x_0', type: 'number' },
  { name: 'member', type: 'boolean' },
  { name: 'unbound', type: 'number' },
];
const binding = {
  inputs: [
    { tensor: 'x', datatype: 'FP32', shape: [2], columns: ['x_0', 'x_1'] },
    { tensor: 'city', datatype: 'BYTES', shape: [1], columns: ['city'] },
    { tensor: 'member', datatype: 'FP32', shape: [], columns: ['member'] },
  ],
  outputs: [{ output: 'score', tensor: 'sums', datatype: 'FP32', shape: [2], index: 1, of: 'value' }],
} as const;
const rows = new RowsOfCall({ binding, inputs: INPUTS, task: taskOf('score') });
const tensor = (name: string, datatype: string, shape: number[], values: ElementValue[]) =>
  Tensor.of(name, datatype, shape, values);
const REQUEST = [
  tensor('city', 'BYTES', [2, 1], ['Ulm', '']),
  tensor('x', 'FP32', [2, 2], [1, 2, Number.NaN, 4]),
  tensor('member', 'FP32', [2], [1, 0]),
];

describe('what a client sent to a server elsewhere', () => {
  it('is rows in the order of the signature; what is no value is missing', () => {
    expect(rows.count(REQUEST)).toBe(2);
    expect(rows.features(REQUEST, 2)).toEqual([
      ['Ulm', 2, 1, true, null],
      [null, 4, null, false, null],
    ]);
    expect(rows.features(REQUEST, 1)).toHaveLength(1);
  });

  it('counts a long text by its beginning', () => {
    const long = [tensor('city', 'BYTES', [1, 1], ['é'.repeat(5_000)]), REQUEST[1] as Tensor, REQUEST[2] as Tensor];
    const [row] = rows.features(long, 1);
    expect(String(row?.[0])).toHaveLength(256);
  });

  it.each<[string, Tensor[], string]>([
    ['a tensor that is not there', [REQUEST[0] as Tensor], "no input tensor 'x'"],
    [
      'another width',
      [REQUEST[0] as Tensor, tensor('x', 'FP32', [1, 3], [1, 2, 3]), REQUEST[2] as Tensor],
      "input tensor 'x' came as FP32 [1,3], bound as FP32 [N,2]",
    ],
    [
      'texts for numbers',
      [REQUEST[0] as Tensor, tensor('x', 'BYTES', [1, 2], ['1', '2']), REQUEST[2] as Tensor],
      "input tensor 'x' came as BYTES [1,2]",
    ],
    [
      'other rows in one tensor than in another',
      [REQUEST[0] as Tensor, tensor('x', 'FP32', [1, 2], [1, 2]), REQUEST[2] as Tensor],
      "input tensor 'x' has 1 rows, 'city' 2",
    ],
  ])('is refused with %s', (_what, inputs, words) => {
    expect(() => rows.count(inputs)).toThrow(words);
  });
});

describe('what the server answered', () => {
  it('is the bound number of each row', () => {
    expect(rows.outputs([tensor('sums', 'FP32', [2, 2], [9, 1, 9, 2])], 2)).toEqual([
      [{ name: 'score', value: 1 }],
      [{ name: 'score', value: 2 }],
    ]);
  });

  it('is refused where a row has no number', () => {
    expect(() => rows.outputs([tensor('sums', 'FP32', [1, 2], [9, Number.NaN])], 1)).toThrow('row 1');
    expect(() => rows.outputs([tensor('other', 'FP32', [1, 2], [9, 1])], 1)).toThrow("no tensor 'sums'");
  });
});
