import { expect, it } from '@jest/globals';
import { seededRng } from '@millrace/domain';
import { exactly } from '../metric.js';
import { metricNamed } from '../registry.js';
import { aucDrop, aucVarianceOf } from './hanley-mcneil.js';

const sample = (auc: number, rows: number, positiveShare: number) => ({ rows, positiveShare, metrics: { auc } });

it('knows the spread of AUCs of simulated normal scores', () => {
  const draw = seededRng(12);
  const labels = Array.from({ length: 400 }, (_, i) => (i % 4 === 0 ? 1 : 0));
  const areas = Array.from({ length: 300 }, () =>
    exactly(metricNamed('auc'), { labels, scores: labels.map((label) => draw.normal() + 0.6 * label) }),
  );
  const mean = areas.reduce((a, b) => a + b, 0) / areas.length;
  const spread = Math.sqrt(areas.reduce((a, b) => a + (b - mean) ** 2, 0) / areas.length);
  const known = Math.sqrt(aucVarianceOf(sample(mean, 400, 0.25)));
  expect(Math.abs(known / spread - 1)).toBeLessThan(0.15);
});

it('judges a drop by its significance', () => {
  const before = sample(0.66, 50_000, 0.2);
  const pOf = (auc: number, rows: number, positiveShare = 0.2) =>
    aucDrop({ before, now: sample(auc, rows, positiveShare) }).pValue;
  expect(pOf(0.6, 5_000)).toBeLessThan(0.001);
  expect(pOf(0.6, 300)).toBeGreaterThan(0.01);
  expect(pOf(0.7, 5_000)).toBeGreaterThan(0.99);
  expect(pOf(0.7, 50, 0)).toBeNaN();
});
