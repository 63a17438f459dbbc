import { describe, expect, it } from '@jest/globals';
import { PartlyReady } from './partly-ready.js';

/** Asked every second of [fromMs, fromMs + 10 s]. */
function asked(partly: PartlyReady, fromMs: number): boolean[] {
  return Array.from({ length: 11 }, (_, i) => partly.isReady('m', 1, [true, false], fromMs + i * 1_000));
}
const AFTER_TEN = [...Array(10).fill(false), true];

describe('a version that some servings have', () => {
  it('is ready after ten seconds, and an hour later after ten seconds again', () => {
    const partly = new PartlyReady();
    expect(asked(partly, 0)).toEqual(AFTER_TEN);
    expect(asked(partly, 3_600_000)).toEqual(AFTER_TEN);
  });

  it('does not count the time of a rollout that was given up', () => {
    const partly = new PartlyReady();
    expect(partly.isReady('m', 1, [true, false], 0)).toBe(false);
    expect(asked(partly, 3_600_000)).toEqual(AFTER_TEN);
  });

  it('is ready at once where all have it, and begins anew where none has', () => {
    const partly = new PartlyReady();
    expect(partly.isReady('m', 1, [true, true], 0)).toBe(true);
    expect(partly.isReady('m', 1, [false, true], 1_000)).toBe(false);
    expect(partly.isReady('m', 1, [false, false], 9_000)).toBe(false);
    expect(partly.isReady('m', 1, [false, true], 11_000)).toBe(false);
  });
});
