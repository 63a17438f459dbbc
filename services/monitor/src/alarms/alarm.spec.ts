import { describe, expect, it } from '@jest/globals';
import { ALL, type Cohort, cohortOfVersion } from '@millrace/domain';
import { type AlarmChange, CALM, stepAlarm } from './alarm.js';
import { ProjectAlarms } from './project-alarms.js';

function run(pattern: string, needed: number): string {
  const letters: Record<AlarmChange, string> = { none: '.', warned: 'w', drifted: 'D', calmed: 'c' };
  let state = CALM;
  return [...pattern]
    .map((letter, i) => {
      const step = stepAlarm(state, letter === 'x', i, needed);
      state = step.state;
      return letters[step.change];
    })
    .join('');
}

describe('stepAlarm', () => {
  it.each([
    // windows, needed, changes
    ['--xxx--x-', 1, '..D..c.Dc'],
    ['--xxx--x-', 2, '..wD.c.wc'],
    ['x-x-x-', 2, 'wcwcwc'],
    ['xxxxx', 3, 'w.D..'],
  ])('%s with %i in a row gives %s', (pattern, needed, changes) => {
    expect(run(pattern, needed)).toBe(changes);
  });
});

describe('ProjectAlarms', () => {
  const V1 = cohortOfVersion(1);
  const V2 = cohortOfVersion(2);
  const SLICE: Cohort = { version: 1, slice: { column: 'carrier', value: 'A/A' } };
  const verdict = (subject: string, alarming: boolean, value = 0.4) => ({
    subject,
    alarming,
    detector: 'psi',
    value,
    threshold: 0.2,
    pValue: Number.NaN,
    formula: '',
  });
  const window = (i: number) => ({ startMs: i * 10, endMs: i * 10 + 10 });

  it('makes one episode of a drift, with its windows counted and its end', () => {
    const alarms = new ProjectAlarms(1);
    const changes = [false, true, true, false].map((alarming, i) =>
      alarms.feed(V1, verdict('hour', alarming), window(i)),
    );
    expect(changes).toEqual(['none', 'drifted', 'none', 'calmed']);
    expect(alarms.list()).toMatchObject([
      { subject: 'hour', phase: 'drift', windows: 2, windowStartMs: 10, endedMs: 40 },
    ]);
  });

  it('keeps the newest value beside the first, and since when it rings', () => {
    const alarms = new ProjectAlarms(2);
    [0.3, 0.4, 0.7].forEach((value, i) => {
      alarms.feed(V1, verdict('hour', true, value), window(i));
    });
    const expected = {
      value: 0.4,
      windowStartMs: 10,
      sinceMs: 0,
      current: { detector: 'psi', value: 0.7, threshold: 0.2, windowEndMs: 30 },
    };
    expect(alarms.list()).toMatchObject([expected]);
    // What an earlier release saved knows its first window only.
    const [{ sinceMs: _, current: __, ...old }] = alarms.state().episodes as [ReturnType<typeof alarms.list>[number]];
    const restored = new ProjectAlarms(2);
    restored.restore({ ...alarms.state(), episodes: [old] });
    expect(restored.list()).toMatchObject([{ sinceMs: 10, current: { value: 0.4, windowEndMs: 20 } }]);
  });

  it('keeps versions and subjects apart, and retires versions that serve no more', () => {
    const alarms = new ProjectAlarms(1);
    alarms.feed(V1, verdict('hour', true), window(0));
    alarms.feed(V1, verdict('distance', true), window(0));
    expect(alarms.feed(V2, verdict('hour', true), window(0))).toBe('drifted');
    alarms.retire(new Set([2]), 10);
    expect(alarms.active).toBe(1);
    expect(alarms.list().filter((episode) => episode.endReason === 'retired')).toHaveLength(2);
  });

  it('keeps a slice apart from its version, retires it with the version, and never retires ALL', () => {
    const alarms = new ProjectAlarms(1);
    for (const cohort of [ALL, V1, SLICE])
      expect(alarms.feed(cohort, verdict('hour', true), window(0))).toBe('drifted');
    expect(alarms.list().map(({ id }) => id)).toEqual(['1;carrier=A%2FA/hour/0', '1/hour/0', 'all/hour/0']);
    alarms.retire(new Set([2]), 10);
    expect(alarms.list().filter(({ endedMs }) => endedMs === null)).toMatchObject([{ cohort: ALL }]);
    const restored = new ProjectAlarms(1);
    restored.restore(JSON.parse(JSON.stringify(alarms.state())));
    expect(restored.feed(SLICE, verdict('hour', true), window(1))).toBe('resumed');
    expect(restored.list()).toMatchObject([{ cohort: SLICE, windows: 2 }, { cohort: V1, windows: 1 }, { cohort: ALL }]);
  });

  it('goes on with the episode of a version that a rollback brings back, and says so once', () => {
    const alarms = new ProjectAlarms(1);
    expect(alarms.feed(V1, verdict('hour', true), window(0))).toBe('drifted');
    alarms.retire(new Set([2]), 20);
    expect(alarms.active).toBe(0);
    expect(alarms.feed(V1, verdict('hour', true), window(2))).toBe('resumed');
    expect(alarms.list()).toMatchObject([{ subject: 'hour', windows: 2, endedMs: null, windowStartMs: 0 }]);
    expect(alarms.feed(V1, verdict('hour', true), window(3))).toBe('none');
  });

  it('survives saving in the middle of an episode', () => {
    const alarms = new ProjectAlarms(2);
    alarms.feed(V1, verdict('hour', true), window(0));
    const restored = new ProjectAlarms(2);
    restored.restore(JSON.parse(JSON.stringify(alarms.state())));
    expect(restored.feed(V1, verdict('hour', true), window(1))).toBe('drifted');
    expect(restored.list()).toMatchObject([{ phase: 'drift', windows: 2 }]);
  });
});
