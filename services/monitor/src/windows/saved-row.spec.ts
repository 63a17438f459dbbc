import { expect, it } from '@jest/globals';
import type { WindowMetrics } from '@millrace/contracts';
import { cohortOfVersion } from '@millrace/domain';
import { evaluateMerged, ScoreQuality } from '@millrace/evaluation';
import { revivedRow } from './saved-row.js';

const row: WindowMetrics = {
  project: 'p',
  windowStartMs: 10,
  windowEndMs: 20,
  predictions: 3,
  labels: 0,
  cohort: cohortOfVersion(1),
  tests: [
    { feature: 'x', detector: 'missing', statistic: 0, threshold: 0.1, pValue: Number.NaN, alarm: false, rows: 3 },
  ],
  // No labelled row: every figure is NaN.
  quality: evaluateMerged(new ScoreQuality(), { eventTimeFromMs: 10, eventTimeToMs: 20 }),
  software: { requestsPerSecond: 1, requests: 0, errorShare: Number.NaN, p50Ms: Number.NaN, p99Ms: Number.NaN },
  closedAtMs: 30,
  revision: 2,
  labelsDueMs: 40,
};

it('is after saving what it was before', () => {
  expect(revivedRow(JSON.parse(JSON.stringify(row)))).toEqual(row);
  const { quality: _, software: __, ...bare } = row;
  expect(revivedRow(JSON.parse(JSON.stringify(bare)))).toEqual({ ...bare, quality: undefined, software: undefined });
});
