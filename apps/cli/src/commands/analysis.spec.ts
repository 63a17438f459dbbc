import { describe, expect, it } from '@jest/globals';
import { describeAnalysis, type RolloutAnalysis } from './analysis.js';

const ERRORS: RolloutAnalysis['criteria'][number] = {
  ...{ criterion: 'errors', verdict: 'not_yet', unit: 'share', evidence: 0.2, alpha: 0.002, designEffect: 1 },
  stable: { figure: 0.01, k: 8, n: 800 },
  candidate: { figure: 0.02, k: 4, n: 200 },
  ...{ difference: 0.01, interval: { lower: -0.004, upper: 0.05 }, effect: '2 points more failures' },
  answersUntilSeen: 1_450,
};

const ANALYSIS: RolloutAnalysis = {
  ...{ verdict: 'not_yet', reason: 'errors: version 2 4 of 200, version 1 8 of 800', isUnderWay: true },
  ...{ stable: 1, candidate: 2, sinceMs: 0, stepSinceMs: 0, lookedAtMs: 1, routers: 2, dryRun: false },
  answered: { stable: 800, candidate: 200, candidateAtStep: 200 },
  criteria: [
    ERRORS,
    {
      ...ERRORS,
      ...{ criterion: 'latency', verdict: 'fail', unit: 'ms', effect: 'p95 1.5 times as long', answersUntilSeen: 0 },
      stable: { figure: 46.4, k: 5, n: 800 },
      candidate: { figure: 246.1, k: 190, n: 200 },
    },
    {
      ...ERRORS,
      ...{ criterion: 'scores', verdict: 'no_data', unit: 'score', difference: null, interval: null },
      stable: { figure: null, k: 0, n: 0 },
      candidate: { figure: null, k: 0, n: 0 },
    },
  ],
};

describe('an analysis in the terminal', () => {
  it('says what is thought, and by criterion both figures, the interval and when the effect would be seen', () => {
    const lines = describeAnalysis(ANALYSIS).split('\n');
    expect(lines[0]).toBe('analysis: not decided yet, errors: version 2 4 of 200, version 1 8 of 800');
    expect(lines[1]).toBe('200 answers of version 2, 800 of version 1, seen by 2 routers');
    const [, errors, latency, scores] = lines.slice(2);
    expect(errors).toMatch(/^errors +not decided yet +4 of 200 +8 of 800 +\+1\.0 +-0\.4 to \+5\.0 /);
    expect(errors).toContain('2 points more failures: would be seen after about 1450 more answers');
    expect(latency).toMatch(/^latency +bad +246 ms +46\.4 ms /);
    expect(scores).toMatch(/^scores +no data +none +none +- +- /);
  });

  it('beside a criterion that has passed it said after how many answers it would be seen', () => {
    const text = describeAnalysis({ ...ANALYSIS, criteria: [{ ...ERRORS, verdict: 'pass' }] });
    expect(text).toContain('2 points more failures: ruled out');
    expect(text).not.toContain('would be seen');
  });

  it('where entities differ it says what their answers count', () => {
    const text = describeAnalysis({ ...ANALYSIS, criteria: [{ ...ERRORS, designEffect: 4.27 }] });
    expect(text).toContain('more answers; entities differ, 4.3 answers count as one');
  });

  it('of drift it says which alarms ring, as many more as the other version has, and no answers to wait for', () => {
    const drift: typeof ERRORS = {
      ...ERRORS,
      ...{ criterion: 'drift', verdict: 'not_yet', unit: 'drifts', difference: 1, interval: null, answersUntilSeen: 0 },
      stable: { figure: 0, k: 0, n: 0, says: 'no drift' },
      candidate: { figure: 1, k: 1, n: 1, says: 'amount drifts (psi 0.31)' },
      effect: 'an alarm of the monitor',
    };
    const row = describeAnalysis({ ...ANALYSIS, criteria: [drift] })
      .split('\n')
      .at(-1);
    expect(row).toMatch(
      /^drift +not decided yet +amount drifts \(psi 0\.31\) +no drift +\+1 +- +an alarm of the monitor$/,
    );
  });

  it('below the table it says what the scores are expected to be, or why nothing is known of that', () => {
    const note = 'nothing but the same scores is expected: version 2 was compared with no other when it was judged';
    const lines = describeAnalysis({ ...ANALYSIS, criteria: [ERRORS, { ...ERRORS, criterion: 'scores', note }] });
    expect(lines.split('\n').at(-1)).toBe(`scores: ${note}`);
    expect(describeAnalysis(ANALYSIS)).not.toContain('expected');
  });

  it('of a rollout that has ended, and of a dry run, it says so', () => {
    expect(describeAnalysis({ ...ANALYSIS, isUnderWay: false })).toMatch(/^analysis of the last rollout: /);
    expect(describeAnalysis({ ...ANALYSIS, verdict: 'fail', dryRun: true })).toMatch(/^analysis: bad \(dry run\), /);
  });
});
