import { describe, expect, it } from '@jest/globals';
import { recordSlices } from './record-slices.js';

const MIB = 1_048_576;
const sizes = (records: readonly unknown[]) => [...recordSlices(records)].map((one) => [one.at, one.records.length]);

describe('records in slices', () => {
  it('are cut by their number', () => {
    expect(sizes([])).toEqual([]);
    expect(sizes(Array.from({ length: 4_001 }, (_, i) => ({ i })))).toEqual([
      [0, 2_000],
      [2_000, 2_000],
      [4_000, 1],
    ]);
  });

  it('are cut by their bytes, as 2,000 rows of 10,000 bytes, in order and all of them', () => {
    const records = Array.from({ length: 2_000 }, (_, i) => ({ i, text: 'ü'.repeat(5_000) }));
    const slices = [...recordSlices(records)];
    expect(slices.length).toBeGreaterThan(4);
    for (const { records: part } of slices) expect(Buffer.byteLength(JSON.stringify(part))).toBeLessThan(5 * MIB);
    expect(slices.flatMap((one) => one.records)).toEqual(records);
    expect(slices.map(({ at }) => records[at])).toEqual(slices.map((one) => one.records[0]));
  });

  it('leave one that is too large alone, whole numbers of any size counted', () => {
    expect(sizes([{ id: 2n ** 63n }, 'x'.repeat(5 * MIB), {}])).toEqual([
      [0, 1],
      [1, 1],
      [2, 1],
    ]);
  });
});
