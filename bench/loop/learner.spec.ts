import { describe, expect, it } from '@jest/globals';
import { seededRng } from '@millrace/domain';
import { fit, probability } from './learner.js';

describe('the learner', () => {
  it('finds the weights that made the labels, from the rows that it is given only', () => {
    const rng = seededRng(3);
    const weights = Float64Array.of(-0.4, 1, -0.7);
    const count = 20_000;
    const x = new Float64Array(3 * count);
    const y = new Uint8Array(count);
    for (let row = 0; row < count; row++) {
      x.set([1, rng.normal(), rng.normal()], 3 * row);
      y[row] = rng.next() < probability(x, row, weights) ? 1 : 0;
      // The last rows are of another world.
      if (row >= count / 2) y[row] = 1;
    }
    const half = Array.from({ length: count / 2 }, (_, i) => i);
    const found = fit({ x, y, width: 3 }, half);
    found.forEach((weight, j) => {
      expect(Math.abs(weight - (weights[j] as number))).toBeLessThan(0.08);
    });
    const other = half.map((row) => row + count / 2);
    expect(probability(x, 0, fit({ x, y, width: 3 }, other))).toBeGreaterThan(0.95);
  });
});
