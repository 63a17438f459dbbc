import { describe, expect, it } from '@jest/globals';
import { riseOverRun } from './rise-over-run.js';

describe('the rise of a series over its run', () => {
  it.each([
    ['nothing', [], 0],
    ['one value', [7], 0],
    ['a constant', [5, 5, 5, 5], 0],
    ['a line', [100, 101, 102, 103, 104], 4 / 102],
    ['a falling line', [104, 103, 102, 101, 100], -4 / 102],
    ['a lone peak in the middle', [10, 10, 40, 10, 10], 0],
  ])('of %s', (_name, values, expected) => {
    expect(riseOverRun(values)).toBeCloseTo(expected, 12);
  });
});
