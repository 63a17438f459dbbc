import { expect, it } from '@jest/globals';
import { evaluate, evaluateMerged, ScoreQuality } from '@millrace/evaluation';
import { logLossRiseDetector } from './log-loss-rise.js';

const quality = (logLoss: number) => ({
  rows: 1_000,
  positiveShare: 0.2,
  metrics: { log_loss: logLoss },
  eventTimeFromMs: 0,
  eventTimeToMs: 0,
});
const options = { logLossRise: 0.05 };
const rise = (evaluated: number, window: number) =>
  logLossRiseDetector.measure({ subject: 'quality', evaluated: quality(evaluated), window: quality(window) }, options)!
    .statistic;

it('is the difference of the two, negative where the window is better, NaN where one is not known', () => {
  expect(rise(0.4, 0.475)).toBeCloseTo(0.075, 12);
  expect(rise(0.4, 0.3)).toBeCloseTo(-0.1, 12);
  expect(rise(0.4, Number.NaN)).toBeNaN();
});

it('is 0 for the rows of the evaluation themselves, scores of 0 and 1 that are wrong among them', () => {
  const scores = [0, 1, 0, 1, 0.2, 0.9, 1e-12, 0.5];
  const labels = [1, 0, 0, 1, 0, 1, 1, 0];
  const counted = new ScoreQuality();
  scores.forEach((score, i) => {
    counted.add(score, labels[i] as number);
  });
  const sample = {
    subject: 'quality',
    evaluated: evaluate('binary', { scores, labels }),
    window: evaluateMerged(counted),
  } as const;
  expect(logLossRiseDetector.measure(sample, options)!.statistic).toBeCloseTo(0, 12);
});
