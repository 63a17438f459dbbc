import { describe, expect, it } from '@jest/globals';
import { seededRng } from '@millrace/domain';
import { distanceBound, scoreDistance } from './score-distance.js';

describe('the distance of two versions by their scores', () => {
  it.each([
    ['the same scores', [0.1, 0.4, 0.9], [0.1, 0.4, 0.9], { below: 0, above: 0 }],
    ['all higher', [0.1, 0.2, 0.3], [0.7, 0.8, 0.9], { below: 0, above: 1 }],
    ['all lower', [0.7, 0.8], [0.1, 0.2], { below: 1, above: 0 }],
    ['spread to both sides', [0.5, 0.5, 0.5, 0.5], [0.1, 0.5, 0.5, 0.9], { below: 0.25, above: 0.25 }],
    ['one and the same number for a third', [0.1, 0.5, 0.9], [0.5, 0.5, 0.9], { below: 0, above: 1 / 3 }],
  ])('%s', (_what, first, second, expected) => {
    const distance = scoreDistance(first, second);
    expect(distance?.rows).toBe(first.length);
    expect(distance?.below).toBeCloseTo(expected.below, 12);
    expect(distance?.above).toBeCloseTo(expected.above, 12);
  });

  it('rows that one of both gives no finite score are left out, and of none nothing is said', () => {
    expect(scoreDistance([0.1, Number.NaN, 0.3], [0.1, 0.2, Number.POSITIVE_INFINITY])?.rows).toBe(1);
    expect(scoreDistance([Number.NaN], [0.2])).toBeUndefined();
    expect(scoreDistance([], [])).toBeUndefined();
    expect(() => scoreDistance([1], [])).toThrow('1 and of 0 rows');
  });

  it('of 500 samples of two versions of which one is higher by 25 points the bound falls short in no more than alpha', () => {
    const alpha = 0.1;
    const bound = distanceBound(400, alpha);
    let short = 0;
    for (let seed = 1; seed <= 500; seed++) {
      const rng = seededRng(seed);
      const first = Array.from({ length: 400 }, () => rng.next());
      const second = Array.from({ length: 400 }, () => rng.next() + 0.25);
      const { below, above } = scoreDistance(first, second) as { below: number; above: number };
      if (above + bound < 0.25 || below + bound < 0) short += 1;
      expect(above).toBeGreaterThan(0.25 - bound);
    }
    expect(short).toBeLessThanOrEqual(500 * alpha);
  });

  it('the bound goes with one over the root of the rows, and is 1 at the most', () => {
    expect(distanceBound(4_000, 0.001)).toBeCloseTo(distanceBound(1_000, 0.001) / 2, 12);
    expect(distanceBound(1, 0.001)).toBe(1);
    expect(() => distanceBound(0, 0.1)).toThrow('none');
  });
});
