import { describe, expect, it } from '@jest/globals';
import type { WindowMetrics } from '@millrace/contracts';
import type { Episode } from '../alarms/project-alarms.js';
import { FRESH_WINDOWS, type GoodFacts, type JudgedRow, versionGood } from './version-good.js';

type TestResult = WindowMetrics['tests'][number];

const NOW_MS = 1_000_000;
const WINDOW_MS = 10_000;
const LATENESS_MS = 1_000;

const test = (feature: string, detector: string, alarm = false): TestResult => ({
  ...{ feature, detector, alarm },
  ...{ statistic: alarm ? 0.2 : 0, threshold: 0.1, pValue: 0.5, rows: 500 },
});
const SOFTWARE = test('@software', 'error_share');
const INPUT = test('x', 'psi');
const QUALITY = test('@quality', 'auc_drop');

const row = (over: Partial<JudgedRow> = {}): JudgedRow => ({
  ...{ predictions: 500, labels: 0, tests: [SOFTWARE, INPUT], closedAtMs: NOW_MS - 1_000, revision: 0 },
  ...{ startMs: 900_000, endMs: 910_000, ...over },
});

const facts = (over: Partial<GoodFacts> = {}): GoodFacts => ({
  ...{ version: 2, nowMs: NOW_MS, windows: [row(), null, null], quality: undefined, episodes: [], required: [] },
  monitoring: { windowMs: WINDOW_MS, allowedLatenessMs: LATENESS_MS, minRows: 100, software: { errorShare: 0.1 } },
  recent: { requests: 0, failures: 0 },
  ...over,
});

const episode = (over: Partial<Episode>): Episode =>
  ({
    ...{ cohort: { version: 2, slice: 'all' }, subject: '@software', phase: 'drift', endedMs: null, windows: 2 },
    ...{ detector: 'error_share', value: 0.2, threshold: 0.1 },
    current: { detector: 'error_share', value: 0.2, threshold: 0.1, windowEndMs: 0 },
    ...over,
  }) as Episode;

const named = (detector: string) => ({ detector, current: { detector, value: 1, threshold: 0.1, windowEndMs: 0 } });
const codes = (given: GoodFacts) => versionGood(given).reasons.map(({ code }) => code);

describe('is version v good', () => {
  it('is good where what could have blamed it was judged and did not', () => {
    expect(versionGood(facts())).toEqual({
      verdict: 'good',
      reasons: [],
      grounds: ['software'],
      evidence: {
        ...{ rows: 500, labels: 0, coverage: null, windowStartMs: 900_000, windowEndMs: 910_000 },
        closedAtMs: NOW_MS - 1_000,
      },
      recent: { requests: 0, failures: 0, seconds: 60 },
    });
  });

  it.each<[string, Partial<GoodFacts>, string]>([
    ['no closed window at all', { windows: [] }, 'never_judged'],
    ['no rows of the version', { windows: [null, null, null] }, 'never_judged'],
    ['too few rows', { windows: [row({ predictions: 40, tests: [] }), null, null] }, 'too_few_rows'],
    ['only inputs judged', { windows: [row({ tests: [INPUT] })] }, 'nothing_blames'],
    ['only latencies judged', { windows: [row({ tests: [test('@software', 'p99_ms')] })] }, 'nothing_blames'],
    [
      'judged too long ago',
      { windows: [row({ closedAtMs: NOW_MS - FRESH_WINDOWS * WINDOW_MS - LATENESS_MS - 1 })] },
      'too_old',
    ],
    ['quality required and not judged', { required: ['quality'] }, 'not_judged'],
  ])('is unknown with %s, which is never good', (_name, over, code) => {
    const found = versionGood(facts(over));
    expect([found.verdict, found.reasons.map((reason) => reason.code)]).toEqual(['unknown', [code]]);
  });

  it('rests on quality where it was judged', () => {
    const quality = row({ labels: 400, tests: [QUALITY], revision: 1 });
    const found = versionGood(facts({ quality, windows: [row({ tests: [INPUT] })], required: ['quality'] }));
    expect([found.verdict, found.grounds]).toEqual(['good', ['quality']]);
  });

  it('is bad while a drift alarm lasts that blames the version, and says which', () => {
    const found = versionGood(facts({ episodes: [episode({})] }));
    expect(found.verdict).toBe('bad');
    expect(found.reasons).toEqual([
      { code: 'alarm', message: '@software of version 2 drifts: error_share 0.2 against 0.1, for 2 windows' },
    ]);
  });

  it('is bad where the alarm is named after another test than the one that blames', () => {
    const tests = [SOFTWARE, test('@quality', 'log_loss_rise', true), test('@quality', 'auc_drop', true)];
    const alarm = episode({ subject: '@quality', ...named('log_loss_rise') });
    expect(codes(facts({ episodes: [alarm], windows: [row({ tests })] }))).toEqual(['alarm']);
    expect(codes(facts({ episodes: [alarm] }))).toEqual([]);
  });

  it.each<[string, Partial<Episode>]>([
    ['inputs that drift', { subject: 'x', ...named('psi') }],
    ['a warning', { phase: 'warning' }],
    ['an alarm that is over', { endedMs: 1 }],
    ['another version’s', { cohort: { version: 1, slice: 'all' } }],
    ['all versions’', { cohort: { version: 'all', slice: 'all' } }],
  ])('is not blamed for %s', (_name, over) => {
    expect(versionGood(facts({ episodes: [episode(over)] })).verdict).toBe('good');
  });

  it.each([
    [100, 10, 'bad'],
    [100, 9, 'good'],
    [99, 99, 'good'],
  ])('of %i requests of the last minute %i failed: %s', (requests, failures, verdict) => {
    expect(versionGood(facts({ recent: { requests, failures } })).verdict).toBe(verdict);
  });

  it('is bad by its failures before any window of it closed', () => {
    expect(codes(facts({ windows: [], recent: { requests: 200, failures: 200 } }))).toEqual(['failing_now']);
  });
});
