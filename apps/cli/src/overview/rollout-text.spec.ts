import { describe, expect, it } from '@jest/globals';
import { keptText, progressText } from './rollout-text.js';

const NOW_MS = Date.UTC(2026, 10, 30, 14, 5);
const progress = {
  ...{ version: 2, step: 1, steps: 3, weight: 5, nextWeight: 20, waitsFor: 'the time of the step' },
  ...{ check: null, untilMs: null, preview: null },
  ...{ sinceMs: Date.UTC(2026, 10, 30, 14, 0), nextMs: Date.UTC(2026, 10, 30, 14, 10) },
};

describe('a rollout in steps in one line', () => {
  it('says the step, its share, since when, what comes next and when', () => {
    expect(progressText(progress, NOW_MS)).toBe(
      'version 2: step 1 of 3 (5 %) since 2026-11-30T14:00:00Z; next: 20 % at 2026-11-30T14:10:00Z at the earliest; ' +
        'waits for the time of the step',
    );
  });

  it('says of a check which one it is, until when it waits, and how the version can be asked', () => {
    const untilMs = Date.UTC(2026, 10, 30, 14, 30);
    const check = { ...progress, weight: 0, nextWeight: 100, check: 'before' as const, untilMs, preview: 'preview' };
    expect(progressText(check, NOW_MS)).toBe(
      'version 2: step 1 of 3 (check before the switch, 0 %) since 2026-11-30T14:00:00Z; next: 100 % at ' +
        '2026-11-30T14:10:00Z at the earliest; waits for the time of the step, until 2026-11-30T14:30:00Z; it answers ' +
        'requests to model version `preview`',
    );
  });

  it('says how long a rollback is instant, and that it takes a load afterwards', () => {
    const rollout = { phase: 'promoted' as const, version: 2, message: '' };
    const kept = { loadedVersions: [1, 2], previousVersion: 1, rollout };
    expect(keptText(kept)).toBeUndefined();
    expect(keptText({ ...kept, keepUntilMs: Date.UTC(2026, 11, 1, 14, 0) })).toBe(
      'versions without traffic stay loaded until 2026-12-01T14:00:00Z',
    );
    expect(keptText({ ...kept, loadedVersions: [2] })).toBe('version 1 is unloaded: a rollback loads it first');
    expect(keptText({ ...kept, loadedVersions: [2], previousVersion: 0 })).toBeUndefined();
  });

  it('a step that is overdue, as after a resume, named a time in the past at the earliest', () => {
    const text = progressText({ ...progress, waitsFor: 'the analysis to agree' }, Date.UTC(2026, 10, 30, 14, 10));
    expect(text).toContain('; next: 20 %, due since 2026-11-30T14:10:00Z; waits for the analysis to agree');
  });

  it('names no time where a person says when', () => {
    const text = progressText(
      { ...progress, nextMs: null, waitsFor: 'a person to resume it: paused by ada, lunch' },
      NOW_MS,
    );
    expect(text).toMatch(/; next: 20 %; waits for a person to resume it: paused by ada, lunch$/);
  });
});
