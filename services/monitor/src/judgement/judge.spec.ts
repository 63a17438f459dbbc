// What the project file says reaches the tests: thresholds, overrides of a feature, alpha, and the least number of
// rows.

import { describe, expect, it } from '@jest/globals';
import { seededRng } from '@millrace/domain';
import { ALPHA, optionsOf, SUBJECT_GROUPS } from '@millrace/drift';
import type { MonitoringSpec } from '@millrace/project';
import {
  buildReferenceProfile,
  type CategoricalWindow,
  featureCells,
  type NumericWindow,
  openFeatureWindow,
} from '@millrace/statistics';
import { judgeQuality, judgeRows, type QualitySample, type RowsSample } from './judge.js';

const rng = seededRng(5);
const profile = buildReferenceProfile({
  features: [
    { name: 'amount', kind: 'numeric', values: Array.from({ length: 20_000 }, () => rng.normal()) },
    { name: 'kind', kind: 'categorical', values: Array.from({ length: 20_000 }, () => `c${rng.below(30)}`) },
  ],
  scoreName: 'probability',
  scores: Array.from({ length: 20_000 }, () => rng.next()),
  positiveShare: 0.5,
});

const quality = (rows: number, auc: number, logLoss: number) => ({
  rows,
  positiveShare: 0.5,
  metrics: { auc, log_loss: logLoss },
  eventTimeFromMs: 0,
  eventTimeToMs: 0,
});

/** A window in which everything is off. */
function input(change: Partial<MonitoringSpec> = {}, rows = 2_000): RowsSample & QualitySample {
  const [amount, kind] = profile.features.map((feature) => openFeatureWindow(featureCells(feature)));
  const score = openFeatureWindow(featureCells(profile.score)) as NumericWindow;
  const draw = seededRng(7);
  for (let i = 0; i < rows; i++) {
    amount!.add(i % 10 === 0 ? null : draw.normal() + 1);
    kind!.add(i % 10 === 0 ? null : i % 10 === 1 ? 'new' : `c${draw.below(10)}`);
    score.add(draw.next() ** 2);
  }
  const values = (group: (typeof SUBJECT_GROUPS)[number]) =>
    Object.fromEntries(Object.entries(optionsOf(group)).map(([key, option]) => [key, option.default]));
  return {
    monitoring: {
      windowMs: 1_000,
      allowedLatenessMs: 0,
      minRows: 500,
      archive: { keepMs: 0, bytesMax: 0 },
      referenceRows: 1_000,
      input: { options: values('input'), alpha: ALPHA.default, features: {} },
      output: values('output'),
      software: values('software'),
      consecutiveWindows: 1,
      ...change,
    },
    rows,
    features: [amount as NumericWindow, kind as CategoricalWindow],
    score,
    quality: quality(rows, 0.6, 0.6),
    evaluation: quality(20_000, 0.8, 0.4),
    software: { errorShare: 0.2, p99Ms: 400 },
  };
}
/** Both judgements of a window. */
function judgeWindow(sample: RowsSample & QualitySample) {
  const [rows, labels] = [judgeRows(sample), judgeQuality(sample)];
  return { ...rows, tests: [...rows.tests, ...labels.tests] };
}
const listed = (judged: ReturnType<typeof judgeWindow>) =>
  judged.tests.map(({ feature, detector, alarm }) => `${feature}/${detector}${alarm ? '!' : ''}`);

describe('the judgements of a window', () => {
  it('runs what applies to each subject, subject by subject', () => {
    const tests = listed(judgeWindow(input()));
    // Which tests there are is libs/drift's business.
    expect(tests).toEqual(
      expect.arrayContaining([
        'amount/ks!',
        'kind/chi2!',
        'kind/unseen!',
        '@score/psi!',
        '@software/error_share!',
        '@quality/auc_drop!',
        '@quality/log_loss_rise!',
      ]),
    );
    expect(tests.filter((test) => /^(amount.(chi2|unseen)|kind.ks)/.test(test))).toEqual([]);
    const subjects = tests.map((test) => test.split('/')[0]);
    expect(subjects.filter((subject, i) => subject !== subjects[i - 1])).toEqual([
      'amount',
      'kind',
      '@score',
      '@software',
      '@quality',
    ]);
  });

  it.each(
    SUBJECT_GROUPS.flatMap((group) =>
      Object.entries(optionsOf(group)).map(([key, { maximum }]) => [group, key, maximum] as const),
    ),
  )('%s.%s at its largest value silences its test, and no other', (group, key, maximum) => {
    const before = input();
    const changed = {
      ...(group === 'input' ? before.monitoring.input.options : before.monitoring[group]),
      [key]: maximum,
    };
    const after = input(
      group === 'input' ? { input: { ...before.monitoring.input, options: changed } } : { [group]: changed },
    );
    const [all, left] = [judgeWindow(before).tests, judgeWindow(after).tests];
    const silenced = all.filter((test, i) => test.alarm && !left[i]!.alarm);
    expect(silenced.length).toBeGreaterThan(0);
    expect(new Set(silenced.map((test) => test.detector)).size).toBe(1);
  });

  it('lets a feature have bounds of its own, or none', () => {
    const { input: own } = input().monitoring;
    const features = {
      amount: { ignore: false, options: { psi: 50, missingShare: 1 } },
      kind: { ignore: true, options: {} },
    };
    const tests = listed(judgeWindow(input({ input: { ...own, features } })));
    expect(tests).toEqual(expect.arrayContaining(['amount/psi', 'amount/ks!', 'amount/missing']));
    expect(tests.filter((test) => test.startsWith('kind'))).toEqual([]);
  });

  it('keeps to alpha: with 0 only bounds without a p-value ring', () => {
    const { input: own } = input().monitoring;
    const tests = listed(judgeWindow(input({ input: { ...own, alpha: 0 } })));
    expect(tests.filter((test) => test.endsWith('!'))).toEqual([
      '@software/error_share!',
      '@software/p99_ms!',
      '@quality/log_loss_rise!',
    ]);
  });

  it('tests nothing of fewer rows than the project asks for', () => {
    expect(judgeWindow(input({}, 499)).tests).toEqual([]);
    const { tests } = judgeWindow({ ...input(), rows: 499 });
    expect(new Set(tests.map((test) => test.feature))).toEqual(new Set(['@quality']));
  });

  it('describes a subject by the alarming test farthest above its threshold', () => {
    const judged = judgeWindow(input());
    const amount = judged.verdicts.find((verdict) => verdict.subject === 'amount')!;
    const own = judged.tests.filter((test) => test.feature === 'amount');
    const ratio = (test: { statistic: number; threshold: number }) => test.statistic / test.threshold;
    expect(amount.value / amount.threshold).toBe(Math.max(...own.map(ratio)));
    expect(amount.formula).not.toBe('');
    expect(judged.histogram('amount').reduce((sum, cell) => sum + cell.window, 0)).toBe(1_800);
    expect(judged.histogram('@score').length).toBe(20);
  });
});
