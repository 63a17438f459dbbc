import { expect, it } from '@jest/globals';
import { seededRng } from '@millrace/domain';
import { metricNamed } from '../registry.js';
import { intervalOf } from './bootstrap.js';

const rng = seededRng(4);
const labels = Array.from({ length: 1_500 }, () => Number(rng.next() < 0.3));
const scores = labels.map((y) => 1 / (1 + Math.exp(-y - rng.normal())));
const auc = metricNamed('auc');

it("the bootstrap's interval of one metric is the metric's own, nearly, and the same at each asking", () => {
  const own = intervalOf(auc, { labels, scores }, 0.95);
  const { interval: _, ...without } = auc;
  const drawn = intervalOf(without, { labels, scores }, 0.95);
  expect((drawn.upper - drawn.lower) / (own.upper - own.lower)).toBeGreaterThan(0.8);
  expect((drawn.upper - drawn.lower) / (own.upper - own.lower)).toBeLessThan(1.2);
  expect(intervalOf(without, { labels, scores }, 0.95)).toEqual(drawn);
});

it('without rows there is no number', () => {
  const { interval: _, ...without } = auc;
  const none = intervalOf(without, { labels: [], scores: [] }, 0.9);
  expect(none).toEqual({ lower: Number.NaN, upper: Number.NaN });
});
