// Contract of every scaling, by discovery, and the numbers of each against a reference.

import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { SCALINGS, scalingOf } from './scalings.js';

const finite = fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e12, max: 1e12 });

describe.each(SCALINGS.map((scaling) => [scaling.name, scaling] as const))('scaling %s', (name, scaling) => {
  const apply = (x: number, { offset, scale, numbers = [] }: ReturnType<typeof scaling.fit>) =>
    ((scaling.map?.(x, numbers) ?? x) - offset) * scale;

  it('is found by its name and says what it does', () => {
    expect(scalingOf(name)).toBe(scaling);
    expect(scaling.description).not.toBe('');
  });

  it('gives a number for every finite value, whatever it was fitted on', () => {
    fc.assert(
      fc.property(fc.array(finite, { maxLength: 30 }), finite, (values, x) => {
        const fitted = scaling.fit(Float64Array.from(values));
        expect(fitted.scale).toBeGreaterThan(0);
        expect(Number.isFinite(fitted.scale)).toBe(true);
        // Encoding clips to what float32 holds.
        expect(Number.isNaN(apply(x, fitted))).toBe(false);
      }),
    );
  });

  it('fits no values and one value to harmless numbers', () => {
    expect(scaling.fit(new Float64Array(0))).toMatchObject({ offset: 0, scale: 1 });
    expect(scaling.fit(Float64Array.of(7, 7, 7)).scale).toBe(1);
  });

  it('has numbers that survive JSON', () => {
    const fitted = scaling.fit(Float64Array.of(-5, 0, 1, 20, 300));
    expect(JSON.parse(JSON.stringify(fitted))).toEqual(fitted);
  });
});

it.each([
  ['standard', [1, 2, 3], { offset: 2, scale: Math.sqrt(3 / 2) }],
  ['min_max', [-1, 4, 9], { offset: -1, scale: 0.1 }],
  ['log_standard', [0, Math.E - 1, 1 - Math.E], { offset: 0, scale: Math.sqrt(3 / 2) }],
  ['none', [5, 6], { offset: 0, scale: 1 }],
])('%s of %j', (name, values, { offset, scale }) => {
  const fitted = scalingOf(name)?.fit(Float64Array.from(values));
  expect(fitted?.offset).toBeCloseTo(offset, 12);
  expect(fitted?.scale).toBeCloseTo(scale, 12);
});
