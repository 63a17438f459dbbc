// Bounds of the mean of few normal values: held by seeded streams that are looked at after every value, against the
// bounds for many values, and at the edges of input.

import { describe, expect, it } from '@jest/globals';
import { type Rng, seededRng } from '@millrace/domain';
import { Moments, meanBounds, studentBounds } from '../index.js';

const STREAMS = 1_000;
const ALPHA = 0.05;
const WRONG_MAX = STREAMS * ALPHA + 3.1 * Math.sqrt(STREAMS * ALPHA * (1 - ALPHA));

/** Streams whose true mean was outside at any of so many looks. */
function wrongOf(looks: number, tunedFor: number, draw: (rng: Rng) => number): number {
  let wrong = 0;
  for (let seed = 1; seed <= STREAMS; seed++) {
    const rng = seededRng(seed);
    const moments = new Moments();
    for (let i = 0; i < looks; i++) {
      moments.add(draw(rng));
      const { lower, upper } = studentBounds(moments.state(), { alpha: ALPHA, tunedFor });
      if (lower <= 0 && upper >= 0) continue;
      wrong += 1;
      break;
    }
  }
  return wrong;
}

describe('the mean of few normal values', () => {
  it.each([10, 100, 300])(
    'is outside at any of 300 looks in no more streams than alpha says, tuned for %i',
    (tuned) => {
      expect(wrongOf(300, tuned, (rng) => 3 * rng.normal())).toBeLessThanOrEqual(WRONG_MAX);
    },
  );

  it('holds for means of twenty skewed values as well', () => {
    const draw = (rng: Rng) => {
      let sum = 0;
      for (let i = 0; i < 20; i++) sum += -Math.log(1 - rng.next()) - 1;
      return sum / 20;
    };
    expect(wrongOf(100, 100, draw)).toBeLessThanOrEqual(WRONG_MAX);
  });

  it('sees a difference of one and a half deviations within twenty values, where the bounds for many say nothing', () => {
    let seen = 0;
    for (let seed = 1; seed <= 200; seed++) {
      const rng = seededRng(seed);
      const moments = new Moments();
      for (let i = 0; i < 20; i++) moments.add(1.5 + rng.normal());
      if (studentBounds(moments.state(), { alpha: 0.01, tunedFor: 100 }).lower > 0) seen += 1;
      expect(meanBounds(moments.state(), { alpha: 0.01, tunedFor: 100 }).lower).toBe(Number.NEGATIVE_INFINITY);
    }
    expect(seen).toBeGreaterThan(170);
  });

  it('comes to the bounds for many values, and follows shift and scale', () => {
    const moments = { count: 20_000, mean: 0.3, m2: 20_000 * 4 };
    const options = { alpha: 0.01, tunedFor: 300 };
    const { lower, upper } = studentBounds(moments, options);
    const many = meanBounds(moments, options);
    expect((upper - lower) / (many.upper - many.lower)).toBeCloseTo(1, 2);
    const scaled = studentBounds({ count: 20_000, mean: 2 * 0.3 + 1, m2: 4 * moments.m2 }, options);
    expect(scaled.lower).toBeCloseTo(2 * lower + 1, 9);
    expect(scaled.upper).toBeCloseTo(2 * upper + 1, 9);
  });

  it('is infinite where there is nothing to say, and refuses what are no moments', () => {
    const unknown = { lower: Number.NEGATIVE_INFINITY, upper: Number.POSITIVE_INFINITY };
    const options = { alpha: 0.01, tunedFor: 100 };
    for (const moments of [
      { count: 0, mean: 0, m2: 0 },
      { count: 1, mean: 3, m2: 0 },
      { count: 2, mean: 3, m2: 0.1 },
      { count: 50, mean: 3, m2: 0 },
    ])
      expect(studentBounds(moments, options)).toEqual(unknown);
    expect(() => studentBounds({ count: -1, mean: 0, m2: 0 }, options)).toThrow('no moments');
    expect(() => studentBounds({ count: 5, mean: 0, m2: 1 }, { alpha: 0.01, tunedFor: 0 })).toThrow('tuned for');
  });
});
