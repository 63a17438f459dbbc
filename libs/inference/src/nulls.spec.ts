import { describe, expect, it } from '@jest/globals';
import { decodeInferRequest, encodeInferRequest } from './infer-request.js';
import { firstNullRow, hasNulls } from './nulls.js';
import { decodeRestRequest } from './rest-request.js';
import type { Tensor } from './tensor.js';

const tensorOf = (datatype: string, shape: number[], data: unknown): Tensor => {
  const body = JSON.stringify({ inputs: [{ name: 'x', datatype, shape, data }] });
  return decodeRestRequest(new TextEncoder().encode(body), undefined, 'm', '').inputs[0] as Tensor;
};

describe('null in a JSON tensor', () => {
  it.each([
    ['FP64', [1.5, null], 'FP64', [1.5, Number.NaN]],
    ['FP32', [null, 2], 'FP32', [Number.NaN, 2]],
    ['INT64', [7, null], 'FP64', [7, Number.NaN]],
    ['BOOL', [true, null, false], 'FP64', [1, Number.NaN, 0]],
    ['BYTES', ['a', null], 'BYTES', ['a', '']],
  ])('of %s %j becomes a missing value of %s', (datatype, data, becomes, values) => {
    const tensor = tensorOf(datatype, [data.length], data);
    expect([tensor.datatype, tensor.toValues()]).toEqual([becomes, values]);
    expect(hasNulls(tensor)).toBe(true);
  });

  it('is told with its row, also behind the router', () => {
    const tensor = tensorOf(
      'FP32',
      [3, 2],
      [
        [1, 2],
        [3, null],
        [null, 6],
      ],
    );
    expect(firstNullRow(tensor)).toBe(1);
    const request = { modelName: 'm', modelVersion: '', id: '', parameters: {}, inputs: [tensor], outputs: [] };
    const [arrived] = decodeInferRequest(encodeInferRequest(request, Buffer.alloc)).inputs;
    expect([hasNulls(arrived as Tensor), firstNullRow(arrived as Tensor)]).toEqual([true, 1]);
  });

  it('makes no other value fit that does not', () => {
    expect(hasNulls(tensorOf('FP32', [2], [1, 2]))).toBe(false);
    expect(() => tensorOf('FP32', [2], [true, null])).toThrow('not of FP32');
    expect(() => tensorOf('INT64', [2], ['a', null])).toThrow(/'x' element 0/);
    expect(() => tensorOf('BYTES', [2], [{}, null])).toThrow('no number, text, boolean or null');
  });
});
