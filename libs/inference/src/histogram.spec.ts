import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { halfToNumber, numberToBfloat, numberToHalf } from './datatype.js';
import { LatencyHistogram } from './histogram.js';

describe('LatencyHistogram', () => {
  it('gives every quantile at most 3.2 % too high and never too low', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 10_000_000 }), { minLength: 1 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (values, q) => {
          const histogram = new LatencyHistogram();
          for (const value of values) histogram.record(value);
          const sorted = [...values].sort((a, b) => a - b);
          const exact = sorted[Math.max(1, Math.ceil(q * values.length)) - 1]!;
          expect(histogram.quantileUs(q)).toBeGreaterThanOrEqual(exact);
          expect(histogram.quantileUs(q)).toBeLessThanOrEqual(exact * (1 + 1 / 32) + 1);
        },
      ),
    );
  });

  it('is 0 when empty, counts NaN and negatives as 0, and merges', () => {
    const a = new LatencyHistogram();
    expect(a.summary().p99Ms).toBe(0);
    a.record(Number.NaN);
    a.record(-5);
    const b = new LatencyHistogram();
    b.record(5000);
    a.merge(b);
    expect(a.count).toBe(3);
    expect(a.quantileUs(1)).toBe(5000);
    expect(a.quantileUs(0.5)).toBe(0);
  });
});

describe('half precision', () => {
  it('keeps every FP16 value', () => {
    for (let bits = 0; bits < 65536; bits++) {
      const value = halfToNumber(bits);
      if (!Number.isNaN(value) && numberToHalf(value) !== bits)
        throw new Error(`bits ${bits} became ${numberToHalf(value)}`);
    }
    expect(numberToHalf(65504)).toBe(0x7bff);
    expect(numberToHalf(65520)).toBe(0x7c00);
    expect(numberToHalf(1 + 2 ** -11)).toBe(0x3c00);
    expect(numberToBfloat(1.00390625)).toBe(0x3f80);
  });
});
