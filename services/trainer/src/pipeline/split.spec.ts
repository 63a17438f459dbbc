import { describe, expect, it } from '@jest/globals';
import { splitIndex } from './split.js';

describe('splitIndex', () => {
  const times = [1, 2, 2, 3, 5, 5, 5, 8];
  it.each([
    ['by time', { evaluateFromMs: 5, evaluationShare: 0.2 }, 4],
    ['between two times', { evaluateFromMs: 4, evaluationShare: 0.2 }, 4],
    ['the newest quarter, with all rows of its first moment', { evaluateFromMs: 0, evaluationShare: 0.25 }, 4],
    ['the newest eighth', { evaluateFromMs: 0, evaluationShare: 0.125 }, 7],
  ])('%s', (_name, rule, at) => {
    expect(splitIndex(times, rule)).toBe(at);
  });

  it.each([
    [[], 0],
    [[1, 2], 1],
    [[1, 2], 9],
    [[4, 4, 4], 0],
  ])('refuses to leave one side empty: %j from %i', (of, evaluateFromMs) => {
    expect(() => splitIndex(of, { evaluateFromMs, evaluationShare: 0.5 })).toThrow(/would train/);
  });
});
