import { describe, expect, it } from '@jest/globals';
import { type Rng, seededRng } from '@millrace/domain';
import { StatedShiftTest } from './stated-shift.js';

const EDGES = [-1, -0.5, 0, 0.5, 1];
const SHIFT = 0.8;

function counts(values: readonly number[]): number[] {
  const bins = Array.from({ length: EDGES.length + 1 }, () => 0);
  for (const value of values) bins[EDGES.filter((edge) => value > edge).length]! += 1;
  return bins;
}

const normals = (rng: Rng, n: number, by: number) => Array.from({ length: n }, () => rng.normal() + by);

/** Answers of the second group until alpha is reached; undefined = never within 300 blocks. */
function until(seed: number, by: number, alpha: number): number | undefined {
  const rng = seededRng(seed);
  const test = new StatedShiftTest();
  const seen = normals(rng, 20, 0);
  for (let block = 1; block <= 300; block++) {
    const expected = { first: counts(seen), shifted: counts(seen.map((value) => value + SHIFT)) };
    const first = normals(rng, 8, 0);
    test.add(counts(first), counts(normals(rng, 2, by)), expected);
    seen.push(...first);
    if (test.logHigher >= Math.log(1 / alpha)) return 2 * block;
  }
  return undefined;
}

describe('evidence that values lie higher', () => {
  it('is believed in vain in no more than alpha of the streams, where they lie the same or lower', () => {
    const seeds = Array.from({ length: 400 }, (_, seed) => seed);
    for (const by of [0, -0.5]) {
      const wrong = seeds.filter((seed) => until(seed, by, 0.05) !== undefined).length;
      // Three deviations above the .05 that is promised.
      expect(wrong / seeds.length).toBeLessThan(0.05 + 3 * Math.sqrt((0.05 * 0.95) / seeds.length));
    }
  });

  it('sees the stated shift, within 60 of the second group in the mean at 1 of 1,000', () => {
    const taken = Array.from({ length: 100 }, (_, seed) => until(seed, SHIFT, 0.001) ?? 600);
    expect(taken.reduce((sum, one) => sum + one, 0) / taken.length).toBeLessThan(60);
  });

  it('a block without one of both groups says nothing', () => {
    const test = new StatedShiftTest();
    test.add([1, 0], [0, 0], { first: [1, 1], shifted: [0, 2] });
    expect(test.logHigher).toBe(Number.NEGATIVE_INFINITY);
  });
});
