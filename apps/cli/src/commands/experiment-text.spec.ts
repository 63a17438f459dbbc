import { describe, expect, it } from '@jest/globals';
import { describeExperiment, type ExperimentStatus, endedExperiment } from './experiment-text.js';

const figures = { answered: 800, failed: 8, p50Ms: 4.56, p95Ms: 20, p99Ms: 31.2 };
const EXPERIMENT: ExperimentStatus = {
  ...{ name: 'prices', control: 3, share: 20, startedBy: 'ada', waitsFor: '', routers: 2, lookedAtMs: 1 },
  ...{ startedAtMs: Date.UTC(2026, 10, 30, 14), endsAtMs: Date.UTC(2026, 11, 7, 14) },
  arms: [
    { version: 3, variant: 'control', weight: 60, isReady: true, ...figures, comparison: null },
    {
      ...{ version: 4, variant: 'v4', weight: 40, isReady: true, ...figures },
      comparison: {
        ...{ verdict: 'fail', reason: 'errors: version 4 80 of 400, version 3 8 of 800' },
        criteria: [
          {
            ...{ criterion: 'errors', verdict: 'fail', unit: 'share', evidence: 1.2, alpha: 0.002 },
            stable: { figure: 0.01, k: 8, n: 800 },
            candidate: { figure: 0.2, k: 80, n: 400 },
            ...{ difference: 0.19, interval: { lower: 0.1, upper: 0.25 }, effect: '2 points more failures' },
            ...{ answersUntilSeen: 0, designEffect: 1 },
          },
        ],
      },
    },
  ],
};

describe('an experiment in the terminal', () => {
  it('says until when it runs, each arm with its figures, and how it compares with the control', () => {
    const lines = describeExperiment(EXPERIMENT).split('\n');
    expect(lines[0]).toBe(
      'experiment prices of 20 % of the traffic: begun 2026-11-30T14:00:00Z by ada; it ends 2026-12-07T14:00:00Z',
    );
    expect(lines[2]).toMatch(/^control +3 +60 % +800 +8 +4\.56 +20\.0 +31\.2 +is the control$/);
    expect(lines[3]).toMatch(/^v4 +4 +40 % .* bad: errors: version 4 80 of 400, version 3 8 of 800$/);
    expect(lines).toContain('version 4 against version 3:');
    expect(lines.at(-1)).toBe('answers seen by 2 routers');
  });

  it('calls nobody else the control before anything is compared', () => {
    const arms = EXPERIMENT.arms.map((arm) => ({ ...arm, comparison: null }));
    const [, , control, other] = describeExperiment({ ...EXPERIMENT, arms }).split('\n');
    expect(control).toMatch(/is the control$/);
    expect(other).toMatch(/^v4 .*not compared yet$/);
  });

  it('tells who moves the traffic that this has ended the running experiment, and once', () => {
    const running = { name: 'prices', control: 3, share: 100, arms: [], startedBy: 'ada', salt: 1, fromRevision: 2 };
    const before = { experiment: { ...running, startedAtMs: 1, endsAtMs: 9 } };
    const end = { atMs: 5, reason: 'a rollout of version 5 began', by: 'cli', winner: 0 };
    const after = { experiment: { ...before.experiment, end } };
    expect(endedExperiment(before, after)).toBe('experiment prices has ended: a rollout of version 5 began');
    expect(endedExperiment(after, after)).toBeUndefined();
    expect(endedExperiment(before, before)).toBeUndefined();
    expect(endedExperiment({}, {})).toBeUndefined();
  });

  it('tells what it waits for, and whose share goes elsewhere', () => {
    const waitsFor = 'serving to load version 4: its share goes to version 3 until then';
    const arms = EXPERIMENT.arms.map((arm) => ({ ...arm, isReady: arm.version === 3, p50Ms: null }));
    const text = describeExperiment({ ...EXPERIMENT, waitsFor, arms });
    expect(text).toContain(`\nwaits for ${waitsFor}\n`);
    expect(text).toMatch(/^v4 .*not ready: its share goes to the control arm$/m);
  });

  it('of one that has ended, says when, why, by whom and who has won', () => {
    const end = { atMs: Date.UTC(2026, 11, 1), reason: 'seen enough', by: 'bob', winner: 4 };
    expect(describeExperiment({ ...EXPERIMENT, share: 100, end })).toContain(
      'experiment prices of all traffic: begun 2026-11-30T14:00:00Z by ada; ended 2026-12-01T00:00:00Z by bob: ' +
        'seen enough; version 4 has won\n',
    );
    const byTime = { ...end, reason: 'its time is over', by: '', winner: 0 };
    expect(describeExperiment({ ...EXPERIMENT, end: byTime })).toContain('Z: its time is over\n');
  });
});
