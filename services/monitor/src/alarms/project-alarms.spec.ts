import { describe, expect, it } from '@jest/globals';
import { cohortOfVersion } from '@millrace/domain';
import type { SubjectVerdict } from '../judgement/verdict.js';
import { ProjectAlarms } from './project-alarms.js';

const VERSION = cohortOfVersion(1);
const verdict = (alarming: boolean): SubjectVerdict => ({
  ...{ subject: '@quality', alarming, detector: 'auc_drop', value: alarming ? 0.2 : 0, threshold: 0.1 },
  ...{ pValue: Number.NaN, formula: '' },
});
const window = (index: number) => ({ startMs: index * 10, endMs: index * 10 + 10 });

describe('the drift event of an episode', () => {
  const drifted = () => {
    const alarms = new ProjectAlarms(1);
    for (let index = 0; index < 3; index++) alarms.feed(VERSION, verdict(true), window(index));
    alarms.told(VERSION, '@quality', { id: 'e', correlationId: 'c' });
    return alarms;
  };

  it('is over with the first calm window, once', () => {
    const alarms = drifted();
    expect(alarms.takeTold(VERSION, '@quality', 'calm')).toBeUndefined();
    alarms.feed(VERSION, verdict(false), window(3));
    expect(alarms.takeTold(VERSION, '@quality', 'calm')).toEqual({ told: { id: 'e', correlationId: 'c' }, windows: 3 });
    expect(alarms.takeTold(VERSION, '@quality', 'calm')).toBeUndefined();
  });

  it('is not over where late labels take back one window of several, though its version serves no more', () => {
    const alarms = drifted();
    alarms.retire(new Set(), 40);
    alarms.correct(VERSION, '@quality', window(1));
    expect(alarms.takeTold(VERSION, '@quality', 'corrected')).toBeUndefined();
    // It serves again, and drifts on: the same episode, which then ends.
    alarms.feed(VERSION, verdict(true), window(5));
    alarms.feed(VERSION, verdict(false), window(6));
    expect(alarms.takeTold(VERSION, '@quality', 'calm')).toMatchObject({ told: { id: 'e' }, windows: 4 });
  });

  // Symptom: the second rollout of a version that drifted in its first one was not stopped: no event came of it.
  it('is made again where the version serves again and drifts on: its end is that of the new event', () => {
    const alarms = drifted();
    alarms.retire(new Set(), 40);
    expect(alarms.toldOf(VERSION, '@quality')).toBeUndefined();
    expect(alarms.feed(VERSION, verdict(true), window(4))).toBe('resumed');
    expect(alarms.toldOf(VERSION, '@quality')).toEqual({ id: 'e', correlationId: 'c' });
    alarms.told(VERSION, '@quality', { id: 'e2', correlationId: 'c2' });
    expect(alarms.feed(VERSION, verdict(true), window(5))).toBe('none');
    alarms.feed(VERSION, verdict(false), window(6));
    expect(alarms.takeTold(VERSION, '@quality', 'calm')).toMatchObject({ told: { id: 'e2' }, windows: 5 });
    expect(alarms.takeTold(VERSION, '@quality', 'calm')).toBeUndefined();
  });

  it('is not made again by late labels of a window from before the version was gone, nor of a mere warning', () => {
    const alarms = drifted();
    alarms.retire(new Set(), 50);
    expect(alarms.feed(VERSION, verdict(true), window(3))).toBe('none');
    const warned = new ProjectAlarms(3);
    warned.feed(VERSION, verdict(true), window(0));
    warned.retire(new Set(), 20);
    expect(warned.feed(VERSION, verdict(true), window(2))).toBe('none');
    expect(warned.feed(VERSION, verdict(true), window(3))).toBe('drifted');
  });

  it('is over where late labels take back the one window that it rests on, also when its version serves no more', () => {
    const alarms = new ProjectAlarms(1);
    alarms.feed(VERSION, verdict(true), window(0));
    alarms.told(VERSION, '@quality', { id: 'e', correlationId: 'c' });
    alarms.retire(new Set(), 10);
    alarms.correct(VERSION, '@quality', window(0));
    expect(alarms.takeTold(VERSION, '@quality', 'corrected')).toMatchObject({ told: { id: 'e' }, windows: 1 });
    // A checkpoint keeps what is told and what is not.
    const again = new ProjectAlarms(1);
    again.restore(JSON.parse(JSON.stringify(drifted().state())));
    again.feed(VERSION, verdict(false), window(3));
    expect(again.takeTold(VERSION, '@quality', 'calm')).toMatchObject({ told: { id: 'e' } });
  });
});
