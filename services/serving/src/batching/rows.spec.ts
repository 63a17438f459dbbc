import { describe, expect, it } from '@jest/globals';
import { type Datatype, Tensor } from '@millrace/inference';
import fc from 'fast-check';
import { cropRows, joinRows, reshapeRows, splitRows } from './rows.js';

const element = (datatype: Datatype, i: number) => (datatype === 'BYTES' ? 'x'.repeat(i % 5) + i : i % 100);

describe('joining and splitting rows', () => {
  it('gives back what went in, for every datatype and any shapes', () => {
    const datatypes = fc.constantFrom<Datatype>('FP32', 'INT64', 'UINT8', 'BOOL', 'FP16', 'BYTES', 'FP64');
    fc.assert(
      fc.property(
        datatypes,
        fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 8 }),
        fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 3 }),
        (datatype, counts, rowShape) => {
          const width = rowShape.reduce((product, size) => product * size, 1);
          let next = 0;
          const tensors = counts.map((rows) => {
            const value = () => (datatype === 'BOOL' ? next++ % 2 : element(datatype, next++));
            return Tensor.of('t', datatype, [rows, ...rowShape], Array.from({ length: rows * width }, value));
          });
          const joined = joinRows(tensors, rowShape);
          expect(joined.shape).toEqual([counts.reduce((sum, rows) => sum + rows, 0), ...rowShape]);
          const parts = splitRows(joined, counts);
          expect(parts.map(({ shape }) => shape)).toEqual(tensors.map(({ shape }) => shape));
          expect(parts.map((part) => part.toValues())).toEqual(tensors.map((tensor) => tensor.toValues()));
        },
      ),
      { numRuns: 200 },
    );
  });

  it('pads to the shape of the bucket and crops the padding out again', () => {
    fc.assert(
      fc.property(
        fc.constantFrom<Datatype>('INT32', 'BYTES', 'FP32'),
        fc.integer({ min: 1, max: 4 }),
        fc.tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 4 })),
        fc.tuple(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 3 })),
        (datatype, rows, [a, b], [moreA, moreB]) => {
          const values = Array.from({ length: rows * a * b }, (_, i) => element(datatype, i + 1));
          const own = Tensor.of('t', datatype, [rows, a, b], values);
          const padded = joinRows([own], [a + moreA, b + moreB]);
          expect(padded.shape).toEqual([rows, a + moreA, b + moreB]);
          const zero = datatype === 'BYTES' ? '' : 0;
          expect(padded.toValues().filter((value) => value !== zero)).toEqual(values.filter((value) => value !== 0));
          const paddings = [
            { axis: 1, own: a, padded: a + moreA },
            { axis: 2, own: b, padded: b + moreB },
          ];
          const cropped = cropRows(padded, [-1, -1, -1], paddings);
          expect(cropped.shape).toEqual([rows, a, b]);
          expect(cropped.toValues()).toEqual(values);
        },
      ),
    );
  });

  it('does not copy a tensor that is alone and fits', () => {
    const tensor = Tensor.of('t', 'FP32', [2, 1], [1, 2]);
    expect(joinRows([tensor], [1])).toBe(tensor);
    expect(splitRows(tensor, [2])).toEqual([tensor]);
  });

  it('leaves declared dimensions and sizes of no padding alone', () => {
    const tensor = Tensor.of('t', 'FP32', [1, 4, 3], new Array(12).fill(1));
    const paddings = [{ axis: 1, own: 2, padded: 4 }];
    expect(cropRows(tensor, [-1, 4, -1], paddings)).toBe(tensor);
    expect(cropRows(tensor, [-1, -1, -1], paddings).shape).toEqual([1, 2, 3]);
    expect(reshapeRows(tensor, [1, 1, 0]).count).toBe(0);
  });

  it('crops only the axis that was padded: an equal size elsewhere may be the model’s own', () => {
    const tensor = Tensor.of('t', 'FP32', [1, 4, 4], new Array(16).fill(1));
    expect(cropRows(tensor, [-1, -1, -1], [{ axis: 1, own: 2, padded: 4 }]).shape).toEqual([1, 2, 4]);
    expect(cropRows(tensor, [-1, 4, -1], [{ axis: 1, own: 2, padded: 4 }])).toBe(tensor);
  });

  it('says when a model gave other rows than it was asked for', () => {
    const tensor = Tensor.of('y', 'FP32', [3], [1, 2, 3]);
    expect(() => splitRows(tensor, [1, 1])).toThrow("[internal] output 'y' of the model has shape [3] for 2 rows");
    expect(() => splitRows(Tensor.of('y', 'FP32', [], [1]), [1])).toThrow(/has shape \[\] for 1 rows/);
  });
});
