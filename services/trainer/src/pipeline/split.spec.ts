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

  it('says what parts the rows and which there are: "of 3 rows 3 would train and 0 evaluate"', () => {
    const at = [1, 2, 3].map((day) => Date.UTC(2026, 0, day));
    const rule = { evaluateFromMs: Date.UTC(2027, 0, 1), evaluationShare: 0.2 };
    expect(() => splitIndex(at, rule)).toThrow(
      'of 3 rows 3 would train and 0 evaluate: rows from 2027-01-01T00:00:00Z on evaluate (--evaluate-from, or ' +
        'evaluation.from of the project file), and their event times are 2026-01-01T00:00:00Z to 2026-01-03T00:00:00Z: ' +
        'name a moment between them',
    );
    expect(() => splitIndex([at[0], at[0]] as number[], { ...rule, evaluateFromMs: 0 })).toThrow(
      'the newest share of 0.2 evaluates, rows of one moment stay together, and their event times are',
    );
  });
});
