import { describe, expect, it } from '@jest/globals';
import { bless } from './blessing.js';

const of = (logLoss: number, auc = 0.7) => ({ rows: 100, auc, logLoss, accuracy: 0.8, positiveShare: 0.2 });
const baselines = [
  { name: 'majority', evaluation: of(0.5, 0.5) },
  { name: 'logistic', evaluation: of(0.48, 0.65) },
];
const thresholds = [{ metric: 'auc' as const, min: 0.62 }];

describe('bless', () => {
  it.each([
    ['a first version better than both baselines', of(0.47), null, true],
    ['no first version worse than a baseline', of(0.49), null, false],
    ['no version below a threshold', of(0.4, 0.6), null, false],
    ['a challenger with a lower log loss, whatever the baselines', of(0.55), of(0.56), true],
    ['no challenger that is only as good', of(0.47), of(0.47), false],
    ['nothing that is not a number', of(Number.NaN), null, false],
    ['no undefined AUC', of(0.4, Number.NaN), null, false],
  ])('blesses %s', (_name, evaluation, champion, blessed) => {
    const of_ = champion === null ? null : { version: 4, evaluation: champion };
    expect(bless({ evaluation, baselines, thresholds, champion: of_ }).blessed).toBe(blessed);
  });

  it('gives one sentence a gate', () => {
    expect(bless({ evaluation: of(0.49), baselines, thresholds, champion: null }).reasons).toEqual([
      'AUC 0.7000 is at least 0.62.',
      "Log loss is lower than the majority baseline's: 0.4900 against 0.5000 on 100 rows.",
      "Log loss is not lower than the logistic baseline's: 0.4900 against 0.4800 on 100 rows.",
    ]);
    expect(
      bless({ evaluation: of(0.49), baselines, thresholds, champion: { version: 4, evaluation: of(0.5) } }).reasons[1],
    ).toBe("Log loss is lower than version 4's: 0.4900 against 0.5000 on 100 rows.");
  });
});
