import { expect, it } from '@jest/globals';
import golden from '../../golden/golden.json' with { type: 'json' };
import { numericSample } from '../../test/counts.js';
import { missingDetector } from './missing.js';

const gaps = (rows: number, missing: number) => Array.from({ length: rows }, (_, i) => (i < missing ? null : i % 7));

const measured = (reference: readonly (number | null)[], window: readonly (number | null)[]) =>
  missingDetector.measure(numericSample(reference, window), { missingShare: 0.02 })!;

it.each(golden.rise)('$a of $n after $b of $m equals the exact test of scipy', ({ m, b, n, a, p }) => {
  const { statistic, pValue } = measured(gaps(m, b), gaps(n, a));
  expect(statistic).toBeCloseTo(Math.max(0, a / n - b / m), 12);
  expect(Math.abs(pValue / p - 1)).toBeLessThan(1e-7);
});

it('is 0 where the share shrank, counts NaN as missing, and is NaN for an empty window', () => {
  expect(measured(gaps(100, 50), gaps(100, 10)).statistic).toBe(0);
  expect(measured(gaps(100, 0), [1, Number.NaN, null, Number.POSITIVE_INFINITY]).statistic).toBe(0.75);
  expect(measured(gaps(100, 0), []).statistic).toBeNaN();
  expect(measured([], gaps(10, 5)).statistic).toBe(0.5);
});
