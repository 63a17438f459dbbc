import { expect, it } from '@jest/globals';
import { aucDropDetector } from './auc-drop.js';

const quality = (auc: number, rows: number, positiveShare = 0.2) => ({
  rows,
  positiveShare,
  metrics: { auc },
  eventTimeFromMs: 0,
  eventTimeToMs: 0,
});

it('judges a drop by its significance, and a side of one class not at all', () => {
  const drop = (auc: number, rows: number, positiveShare?: number) =>
    aucDropDetector.measure(
      { subject: 'quality', evaluated: quality(0.66, 50_000), window: quality(auc, rows, positiveShare) },
      { aucDrop: 0.05 },
    )!;
  expect(drop(0.6, 5_000).statistic).toBeCloseTo(0.06, 12);
  expect(drop(0.6, 5_000).pValue).toBeLessThan(0.001);
  expect(drop(0.6, 300).pValue).toBeGreaterThan(0.01);
  expect(drop(0.7, 5_000).pValue).toBeGreaterThan(0.99);
  expect(drop(0.7, 50, 0).pValue).toBeNaN();
});
