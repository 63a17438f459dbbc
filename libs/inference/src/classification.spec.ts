import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { classify } from './classification.js';
import { Tensor } from './tensor.js';

describe('classify', () => {
  it('writes scores as Triton does: integers as they are, floats with six decimals, labels where there are any', () => {
    const floats = Tensor.of('y', 'FP32', [1, 3], [0.1, 0.7, 0.2]);
    expect(classify(floats, 2, true, ['cat', 'dog', '']).texts()).toEqual(['0.700000:1:dog', '0.200000:2']);
    expect(classify(Tensor.of('y', 'INT64', [3], [5n, -1n, 9007199254740993n]), 3, false).texts()).toEqual([
      '9007199254740993:2',
      '5:0',
      '-1:1',
    ]);
    const odd = Tensor.of('y', 'FP64', [5], [Number.NaN, Number.NEGATIVE_INFINITY, 1e22, Number.POSITIVE_INFINITY, 0]);
    expect(classify(odd, 9, false).texts()).toEqual([
      'inf:3',
      '10000000000000000000000.000000:2',
      '0.000000:4',
      'nan:0',
      '-inf:1',
    ]);
  });

  it('gives each row its own classes, at most as many as there are', () => {
    const tensor = Tensor.of('y', 'UINT8', [2, 2], [1, 2, 4, 3]);
    const classes = classify(tensor, 5, true);
    expect([classes.datatype, classes.shape, classes.texts()]).toEqual(['BYTES', [2, 2], ['2:1', '1:0', '4:0', '3:1']]);
    expect(classify(Tensor.of('y', 'FP32', [0, 3], []), 2, true).shape).toEqual([0, 0]);
  });

  it('refuses BYTES', () => {
    expect(() => classify(Tensor.of('y', 'BYTES', [1], ['a']), 1, false)).toThrow(
      /\[invalid_argument\] class result not available/,
    );
  });

  it('gives what sorting gives, equal scores by index', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: -5, max: 5 }), { maxLength: 40 }),
        fc.integer({ min: 1, max: 50 }),
        (values, classes) => {
          const sorted = values
            .map((value, index) => ({ value, index }))
            .sort((a, b) => b.value - a.value || a.index - b.index);
          expect(classify(Tensor.of('y', 'INT32', [values.length], values), classes, false).texts()).toEqual(
            sorted.slice(0, classes).map(({ value, index }) => `${value}:${index}`),
          );
        },
      ),
    );
  });
});
