// Statistics against scipy (libs/statistics/golden/make.py made the numbers).

import { describe, expect, it } from '@jest/globals';
import golden from '../golden/golden.json' with { type: 'json' };
import { chiSquareTail, hypergeometricTail, kolmogorovTail, Moments, normalQuantile } from './index.js';

const close = (actual: number, expected: number, relative: number) =>
  expect(Math.abs(actual - expected)).toBeLessThanOrEqual(relative * Math.abs(expected) + 1e-14);

describe('tails', () => {
  it.each(golden.chi2_tail)('chi-square $x with $freedom degrees of freedom', ({ x, freedom, p }) => {
    if (p > 1e-290) close(chiSquareTail(x, freedom), p, 1e-9);
  });

  it.each(golden.kolmogorov_tail)('Kolmogorov at $x', ({ x, p }) => close(kolmogorovTail(x), p, 1e-10));

  it.each(golden.hypergeometric_tail)(
    'hypergeometric $k of $drawn, $marked of $total',
    ({ k, drawn, marked, total, p }) => close(hypergeometricTail(k, drawn, marked, total), p, 1e-7),
  );

  it('answers at the ends and for what is no number', () => {
    expect(chiSquareTail(0, 3)).toBe(1);
    expect(chiSquareTail(Number.POSITIVE_INFINITY, 3)).toBe(0);
    expect(chiSquareTail(1, 0)).toBeNaN();
    expect(kolmogorovTail(0)).toBe(1);
    expect(kolmogorovTail(Number.NaN)).toBeNaN();
    expect(hypergeometricTail(6, 5, 7, 20)).toBe(0);
    expect(hypergeometricTail(0, 0, 0, 0)).toBe(1);
    expect(hypergeometricTail(1, 5, 7, 3)).toBeNaN();
  });
});

describe('the standard normal quantile', () => {
  it.each(golden.normal_quantile)('at $p', ({ p, z }) => close(normalQuantile(p), z, 1e-13));

  it('answers at the ends and for what is no share', () => {
    expect([normalQuantile(0), normalQuantile(1)]).toEqual([Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY]);
    expect([normalQuantile(-0.1), normalQuantile(1.1), normalQuantile(Number.NaN)]).toEqual([NaN, NaN, NaN]);
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
