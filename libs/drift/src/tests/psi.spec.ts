import { describe, expect, it } from '@jest/globals';
import { seededRng } from '@millrace/domain';
import fc from 'fast-check';
import golden from '../../golden/golden.json' with { type: 'json' };
import { categoricalSample, numericSample } from '../../test/counts.js';
import { windowOf } from '../../test/streams.js';
import { psi, psiDetector } from './psi.js';
import { scorePsiDetector } from './score-psi.js';

const options = { psi: 0.2 };

it.each(golden.chi_square.map((c, i) => ({ ...c, i })))('case $i equals numpy and scipy', (c) => {
  const { statistic, pValue } = psi(c);
  expect(Math.abs(statistic / c.psi - 1)).toBeLessThan(1e-10);
  expect(Math.abs(pValue / c.p - 1)).toBeLessThan(1e-8);
});

it('is large and finite for disjoint shares, 0 for equal ones, and NaN where a side is empty', () => {
  expect(psi({ reference: [100, 0], window: [0, 100] }).statistic).toBeCloseTo(2 * (1 - 0.0001) * Math.log(10_000), 6);
  expect(psi({ reference: [100, 300], window: [10, 30] })).toEqual({ statistic: 0, pValue: 1 });
  expect(psi({ reference: [0], window: [0] }).statistic).toBeNaN();
});

it('of a reference with itself is 0', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -50, max: 50 }), { minLength: 1, maxLength: 400 }), (values) => {
      expect(psiDetector.measure(numericSample(values, values), options)?.statistic).toBe(0);
    }),
  );
});

describe('the p-value under no change', () => {
  it('is uniform, for many rare categories too', () => {
    const rng = seededRng(4);
    // 200 categories with a long tail, 500 rows a window.
    const draw = () => `c${Math.floor(200 * rng.next() ** 3)}`;
    const reference = Array.from({ length: 5_000 }, draw);
    let below = 0;
    for (let i = 0; i < 400; i++) {
      const sample = categoricalSample(reference, Array.from({ length: 500 }, draw));
      const { pValue } = psiDetector.measure(sample, options)!;
      if (pValue < 0.05) below++;
    }
    // 5 % of 400 is 20, standard deviation 4.4.
    expect(below).toBeLessThan(35);
    expect(below).toBeGreaterThan(5);
  });

  it('holds in the tail of small bins, where a correction for many tests looks', () => {
    // 20 bins with ten rows expected each. The law of PSI itself is beyond 1 in 10,000 in 14 of 10,000 windows; this
    // one in about one.
    const rng = seededRng(9);
    const reference = Array.from({ length: 20 }, () => 1e9);
    const windows = 10_000;
    let beyond = 0;
    for (let i = 0; i < windows; i++) {
      const window = Array.from({ length: 20 }, () => 0);
      for (let row = 0; row < 200; row++) {
        const cell = rng.below(20);
        window[cell] = (window[cell] as number) + 1;
      }
      if (psi({ reference, window }).pValue < 1e-4) beyond += 1;
    }
    expect(beyond).toBeLessThanOrEqual(5);
  });
});

it('of scores rings by a threshold of its own', () => {
  const sample = windowOf('score', 2_000, 1, 0);
  if (sample.subject !== 'score') throw new Error('not scores');
  const { statistic } = scorePsiDetector.measure(sample, { scorePsi: 0.25 })!;
  expect(statistic).toBe(psiDetector.measure({ ...sample, subject: 'numeric' }, options)!.statistic);
  expect(scorePsiDetector.threshold).toBe('scorePsi');
});
