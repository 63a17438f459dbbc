import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import golden from '../../golden/golden.json' with { type: 'json' };
import { numericSample } from '../../test/counts.js';
import { ksDetector, ksPValue } from './ks.js';

const measured = (reference: readonly (number | null)[], window: readonly number[]) =>
  ksDetector.measure(numericSample(reference, window), { ksStatistic: 0.1 })!;

it.each(golden.ks.map((c, i) => ({ ...c, i })))('case $i equals scipy within the bound of the quantiles', (c) => {
  const bound = c.reference.length <= 1_000 ? 1e-12 : 0.0005;
  expect(Math.abs(measured(c.reference, c.window).statistic - c.statistic)).toBeLessThanOrEqual(bound);
});

it('has a p-value near that of scipy where it matters', () => {
  for (const c of golden.ks) {
    if (c.p_asymp < 1e-6 || c.p_asymp > 0.5) continue;
    const p = ksPValue(c.statistic, c.window.length, c.reference.length);
    expect(Math.abs(p / c.p_asymp - 1)).toBeLessThan(0.15);
  }
});

it('is NaN for an empty side, 0 for a constant, and 1 for another constant', () => {
  expect(measured([1, 2], []).statistic).toBeNaN();
  expect(measured([null, Number.NaN, Number.POSITIVE_INFINITY], [3]).statistic).toBeNaN();
  expect(measured([4, 4, 4], [4])).toEqual({ statistic: 0, pValue: 1 });
  const other = measured(
    [4, 4, 4],
    Array.from({ length: 50 }, () => 5),
  );
  expect(other.statistic).toBe(1);
  expect(other.pValue).toBeLessThan(0.05);
});

it('of a reference with itself is 0', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -50, max: 50 }), { minLength: 1, maxLength: 400 }), (values) => {
      expect(measured(values, values).statistic).toBeLessThan(1e-12);
    }),
  );
});
