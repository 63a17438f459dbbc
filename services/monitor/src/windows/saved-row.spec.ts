import { expect, it } from '@jest/globals';
import type { WindowMetrics } from '@millrace/contracts';
import { evaluateMerged, ScoreQuality } from '@millrace/evaluation';
import { revivedRow } from './saved-row.js';

const row: WindowMetrics = {
  project: 'p',
  windowStartMs: 10,
  windowEndMs: 20,
  predictions: 3,
  labels: 0,
  modelVersion: 1,
  tests: [
    { feature: 'x', detector: 'missing', statistic: 0, threshold: 0.1, pValue: Number.NaN, alarm: false, rows: 3 },
  ],
  // No labelled row: every figure is NaN.
  quality: evaluateMerged(new ScoreQuality(), { eventTimeFromMs: 10, eventTimeToMs: 20 }),
  software: { requestsPerSecond: 1, errorShare: 0, p50Ms: Number.NaN, p99Ms: Number.NaN },
  closedAtMs: 30,
};

it('is after saving what it was before', () => {
  expect(revivedRow(JSON.parse(JSON.stringify(row)))).toEqual(row);
  const { quality: _, software: __, ...bare } = row;
  expect(revivedRow(JSON.parse(JSON.stringify(bare)))).toEqual({ ...bare, quality: undefined, software: undefined });
});

it('reads the rows of releases up to 0.1', () => {
  const quality = { rows: 9, auc: 0.7, aucErrorBound: 0.01, logLoss: null, accuracy: 0.8, positiveShare: 0.3 };
  const revived = revivedRow({ ...row, quality: { ...quality, meanProbability: 0.2 } as never });
  expect(revived.quality).toEqual({
    rows: 9,
    metrics: { auc: 0.7, log_loss: Number.NaN, accuracy: 0.8 },
    positiveShare: 0.3,
    meanScore: 0.2,
    eventTimeFromMs: 10,
    eventTimeToMs: 20,
  });
});
