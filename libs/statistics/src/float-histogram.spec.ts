import { describe, expect, it } from '@jest/globals';
import { seededRng } from '@millrace/domain';
import { FloatHistogram } from './float-histogram.js';

function of(values: readonly number[]): FloatHistogram {
  const histogram = new FloatHistogram();
  for (const value of values) histogram.add(value);
  return histogram;
}

describe('a histogram of numbers of any size', () => {
  it('a number is in the middle of its bucket, 1.6 % at most from it, on both sides of 0', () => {
    const rng = seededRng(5);
    for (let i = 0; i < 2_000; i++) {
      const size = 2 ** (rng.next() * 63 - 31.5);
      for (const value of [size, -size]) {
        const middle = of([value]).quantile(0.5);
        expect(Math.abs(middle - value) / size).toBeLessThanOrEqual(1 / 64 + 1e-12);
      }
    }
    expect(of([0, -0, 1e-11, -1e-300]).state()).toEqual([2_048, 4]);
    expect(of([Number.MAX_VALUE, 2 ** 33]).state()).toEqual([4_096, 2]);
    expect(of([-Number.MAX_VALUE]).state()).toEqual([0, 1]);
  });

  it('larger numbers are in no lower bucket, so that a quantile and what lies beyond it are those of the numbers', () => {
    const rng = seededRng(6);
    const values = Array.from({ length: 4_001 }, () => rng.normal() * 10 ** (rng.next() * 6 - 3)).sort((a, b) => a - b);
    const buckets = values.map((value) => of([value]).quantileBucket(1));
    expect(buckets).toEqual([...buckets].sort((a, b) => a - b));
    const all = of(values);
    expect(all.quantileBucket(0.5)).toBe(buckets[2_000]);
    const median = buckets[2_000] as number;
    expect(all.below(median)).toBe(buckets.filter((bucket) => bucket < median).length);
    expect(all.above(median)).toBe(buckets.filter((bucket) => bucket > median).length);
  });

  it('made apart and merged, or said and read, it is the same; a bucket that there is not is left out', () => {
    const [a, b] = [of([1, 2, -3]), of([2, 0.5])];
    a.merge(b);
    expect(a.state()).toEqual(of([0.5, 2, -3, 1, 2]).state());
    expect(FloatHistogram.fromState(a.state())).toEqual(a);
    expect(FloatHistogram.fromState([-1, 4, 4_097, 2, 2_048, 3]).state()).toEqual([2_048, 3]);
    expect(new FloatHistogram().quantile(0.5)).toBeNaN();
  });
});
