import { expect, it } from '@jest/globals';
import golden from '../../golden/golden.json' with { type: 'json' };
import { windowOf } from '../../test/streams.js';
import { BY_EFFECT_AND_P } from '../detector.js';
import { pearson } from '../pearson.js';
import { chiSquare, chiSquareDetector } from './chi-square.js';

const relative = (actual: number, expected: number) => Math.abs(actual / expected - 1);
const total = (counts: readonly number[]) => counts.reduce((a, b) => a + b, 0);

it.each(golden.chi_square.map((c, i) => ({ ...c, i })))('case $i equals scipy', (c) => {
  const result = pearson(c);
  expect(relative(result.statistic, c.statistic)).toBeLessThan(1e-10);
  expect(result.freedom).toBe(c.freedom);
  expect(relative(result.pValue, c.p)).toBeLessThan(1e-8);
  const { statistic, pValue } = chiSquare(c);
  const bias = (c.freedom * (1 / total(c.reference) + 1 / total(c.window))) / 4;
  expect(statistic).toBeCloseTo(Math.sqrt(Math.max(0, c.v_of_shares ** 2 - bias)), 10);
  expect(pValue).toBe(result.pValue);
});

it('is NaN where a side is empty, and has nothing to say of a single cell', () => {
  expect(chiSquare({ reference: [], window: [] }).statistic).toBeNaN();
  expect(chiSquare({ reference: [5], window: [3] })).toEqual({ statistic: 0, pValue: 1 });
});

it('does not ring for a significant but small effect, nor for a large one without significance', () => {
  const rings = (reference: number[], window: number[]) => {
    const { statistic, pValue } = chiSquare({ reference, window });
    return { statistic, pValue, alarm: BY_EFFECT_AND_P.alarms(statistic, 0.1, pValue, 0.001) };
  };
  const many = rings([100_000, 100_000], [101_500, 98_500]);
  expect(many.pValue).toBeLessThan(0.001);
  expect(many.alarm).toBe(false);
  const few = rings([100_000, 100_000], [6, 1]);
  expect(few.statistic).toBeGreaterThan(0.1);
  expect(few.alarm).toBe(false);
});

it('pools categories too rare to count', () => {
  const sample = windowOf('categorical', 40, 1);
  if (sample.subject !== 'categorical') throw new Error('not categorical');
  // 40 rows over 30 categories: none has five expected, so that one cell is left.
  expect(chiSquareDetector.measure(sample, { cramersV: 0.1 })).toEqual({ statistic: 0, pValue: 1 });
});
