import { describe, expect, it } from '@jest/globals';
import { seededRng } from '@millrace/domain';
import { exactly } from '../metric.js';
import { METRICS, metricNamed } from '../registry.js';
import { bootstrapDifference, intervalOf } from './bootstrap.js';

const rng = seededRng(4);
const labels = Array.from({ length: 1_500 }, () => Number(rng.next() < 0.3));
const squash = (x: number) => 1 / (1 + Math.exp(-x));
const good = labels.map((y) => squash(y + rng.normal()));
const same = labels.map((y) => squash(y + rng.normal()));
const poor = labels.map((y) => squash(0.5 * y + rng.normal()));
const auc = metricNamed('auc');

describe('the paired bootstrap', () => {
  const options = { replicates: 300, confidence: 0.95 };

  it('covers 0 for two scores of one quality, and not for a better one', () => {
    const equal = bootstrapDifference(auc, { labels, first: good, second: same }, { ...options, rng: seededRng(1) });
    expect(equal.lower).toBeLessThan(0);
    expect(equal.upper).toBeGreaterThan(0);
    const pair = { labels, first: good, second: poor };
    const better = bootstrapDifference(auc, pair, { ...options, rng: seededRng(1) });
    expect(better.lower).toBeGreaterThan(0);
    const areas = [good, poor].map((scores) => exactly(auc, { labels, scores })) as [number, number];
    expect(better.difference).toBeCloseTo(areas[0] - areas[1], 12);
    expect(better.lower).toBeLessThan(better.difference);
    expect(better.upper).toBeGreaterThan(better.difference);
    expect(bootstrapDifference(auc, pair, { ...options, rng: seededRng(1) })).toEqual(better);
  });

  it.each(METRICS.map((metric) => [metric.name, metric] as const))(
    'of one model with itself is 0 by %s',
    (_, metric) => {
      const pair = { labels, first: good, second: good };
      const none = { difference: 0, lower: 0, upper: 0 };
      expect(bootstrapDifference(metric, pair, { replicates: 20, confidence: 0.9, rng: seededRng(1) })).toEqual(none);
    },
  );
});

it("the bootstrap's interval of one metric is the metric's own, nearly", () => {
  const rows = { labels, scores: good };
  const own = intervalOf(auc, rows, 0.95);
  const { interval: _, ...without } = auc;
  const drawn = intervalOf(without, rows, 0.95);
  expect((drawn.upper - drawn.lower) / (own.upper - own.lower)).toBeGreaterThan(0.8);
  expect((drawn.upper - drawn.lower) / (own.upper - own.lower)).toBeLessThan(1.2);
});

it('without rows there is no number', () => {
  const { interval: _, ...without } = auc;
  const none = intervalOf(without, { labels: [], scores: [] }, 0.9);
  expect(none).toEqual({ lower: Number.NaN, upper: Number.NaN });
});
