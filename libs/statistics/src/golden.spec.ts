// Statistics against scipy (libs/statistics/golden/make.py made the numbers).

import { describe, expect, it } from '@jest/globals';
import golden from '../golden/golden.json' with { type: 'json' };
import {
  chiSquare,
  chiSquareTail,
  featureCells,
  kolmogorovTail,
  ksExact,
  ksPValue,
  Moments,
  NumericWindow,
  normalQuantile,
  numericReference,
  openFeatureWindow,
} from './index.js';

const close = (actual: number, expected: number, relative: number) =>
  expect(Math.abs(actual - expected)).toBeLessThanOrEqual(relative * Math.abs(expected) + 1e-14);
const ascending = (values: readonly number[]) => Float64Array.from(values).sort();

describe('tails', () => {
  it.each(golden.chi2_tail)('chi-square $x with $freedom degrees of freedom', ({ x, freedom, p }) => {
    if (p > 1e-290) close(chiSquareTail(x, freedom), p, 1e-9);
  });

  it.each(golden.kolmogorov_tail)('Kolmogorov at $x', ({ x, p }) => close(kolmogorovTail(x), p, 1e-10));

  it('answers at the ends and for what is no number', () => {
    expect(chiSquareTail(0, 3)).toBe(1);
    expect(chiSquareTail(Number.POSITIVE_INFINITY, 3)).toBe(0);
    expect(chiSquareTail(1, 0)).toBeNaN();
    expect(kolmogorovTail(0)).toBe(1);
    expect(kolmogorovTail(Number.NaN)).toBeNaN();
  });
});

describe('the standard normal quantile', () => {
  it.each(golden.normal_quantile)('at $p', ({ p, z }) => close(normalQuantile(p), z, 1e-13));

  it('answers at the ends and for what is no share', () => {
    expect([normalQuantile(0), normalQuantile(1)]).toEqual([Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY]);
    expect([normalQuantile(-0.1), normalQuantile(1.1), normalQuantile(Number.NaN)]).toEqual([NaN, NaN, NaN]);
  });
});

describe('Kolmogorov-Smirnov', () => {
  it.each(golden.ks.map((c, i) => ({ ...c, i })))('case $i equals scipy, exactly and by quantiles', (c) => {
    const exact = ksExact(ascending(c.reference), ascending(c.window));
    close(exact.statistic, c.statistic, 1e-12);
    const profile = numericReference('x', c.reference);
    const window = openFeatureWindow(featureCells(profile));
    for (const x of c.window) window.add(x);
    if (!(window instanceof NumericWindow)) throw new Error('not numeric');
    const bound = c.reference.length <= 1000 ? 1e-12 : 0.0005;
    expect(Math.abs(window.ks().statistic - c.statistic)).toBeLessThanOrEqual(bound);
  });

  it('has a p-value near the exact distribution of scipy where it matters', () => {
    for (const c of golden.ks) {
      if (c.p_asymp < 1e-6 || c.p_asymp > 0.5) continue;
      close(ksPValue(c.statistic, c.window.length, c.reference.length), c.p_asymp, 0.15);
    }
  });

  it('is NaN for an empty side', () => {
    expect(ksExact([], [1]).statistic).toBeNaN();
  });
});

describe('chi-square', () => {
  it.each(golden.chi_square.map((c, i) => ({ ...c, i })))('case $i equals scipy', (c) => {
    const result = chiSquare(c.reference, c.window, 0);
    close(result.statistic, c.statistic, 1e-10);
    expect(result.freedom).toBe(c.freedom);
    close(result.pValue, c.p, 1e-8);
    close(result.cramersV, c.cramers_v, 1e-10);
  });
});

describe('moments', () => {
  it.each(golden.moments)('equal numpy far from zero', ({ x, mean, std }) => {
    const moments = new Moments();
    for (const value of x) moments.add(value);
    close(moments.mean, mean, 1e-12);
    close(moments.std, std, 1e-6);
  });
});
