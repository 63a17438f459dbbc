import { expect, it } from '@jest/globals';
import golden from '../golden/golden.json' with { type: 'json' };
import { holm } from './correction.js';

it.each(golden.holm.map((c, i) => ({ ...c, i, tests: c.p.length })))(
  'case $i, $tests tests, equals statsmodels',
  (c) => {
    const corrected = holm(c.p);
    expect(corrected).toHaveLength(c.corrected.length);
    corrected.forEach((value, i) => {
      expect(Math.abs(value - (c.corrected[i] as number))).toBeLessThan(1e-12);
    });
  },
);

it('leaves out what has no p-value', () => {
  expect(holm([Number.NaN, 0.01, Number.NaN, 0.02])).toEqual([Number.NaN, 0.02, Number.NaN, 0.02]);
  expect(holm([])).toEqual([]);
});
