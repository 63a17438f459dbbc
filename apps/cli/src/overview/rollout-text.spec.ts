import { describe, expect, it } from '@jest/globals';
import { progressText } from './rollout-text.js';

const progress = {
  ...{ version: 2, step: 1, steps: 3, weight: 5, nextWeight: 20, waitsFor: 'the time of the step' },
  ...{ sinceMs: Date.UTC(2026, 10, 30, 14, 0), nextMs: Date.UTC(2026, 10, 30, 14, 10) },
};

describe('a rollout in steps in one line', () => {
  it('says the step, its share, since when, what comes next and when', () => {
    expect(progressText(progress)).toBe(
      'version 2: step 1 of 3 (5 %) since 2026-11-30T14:00:00Z; next: 20 % at 2026-11-30T14:10:00Z at the earliest; ' +
        'waits for the time of the step',
    );
  });

  it('names no time where a person says when', () => {
    const text = progressText({ ...progress, nextMs: null, waitsFor: 'a person to resume it: paused by ada, lunch' });
    expect(text).toMatch(/; next: 20 %; waits for a person to resume it: paused by ada, lunch$/);
  });
});
