import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { LatencyHistogram } from './latency-histogram.js';

describe('LatencyHistogram', () => {
  it('gives every quantile at most 1.6 % too high and never too low', () => {
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
          expect(histogram.quantileUs(q)).toBeLessThanOrEqual(exact * (1 + 1 / 64) + 1);
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

  it('is the same merged in any order, and after saving', () => {
    const us = fc.integer({ min: 0, max: 2 ** 31 });
    fc.assert(
      fc.property(fc.array(us, { maxLength: 60 }), fc.nat(60), (values, cut) => {
        const [whole, early, late] = [new LatencyHistogram(), new LatencyHistogram(), new LatencyHistogram()];
        values.forEach((value, i) => {
          whole.record(value);
          (i < cut ? early : late).record(value);
        });
        late.merge(early);
        expect(late.state()).toEqual(whole.state());
        const restored = LatencyHistogram.fromState(JSON.parse(JSON.stringify(whole.state())));
        expect(restored.state()).toEqual(whole.state());
        expect(restored.summary()).toEqual(whole.summary());
      }),
    );
  });

  it('counts what is slower than a time, but for those within its bucket', () => {
    const histogram = new LatencyHistogram();
    for (let us = 1; us <= 10_000; us++) histogram.record(us);
    for (const us of [1, 63, 500, 9_999])
      expect(Math.abs(histogram.countAbove(us) - (10_000 - us))).toBeLessThanOrEqual(us / 64);
    expect(histogram.countAbove(20_000)).toBe(0);
    expect(new LatencyHistogram().countAbove(0)).toBe(0);
  });
});
