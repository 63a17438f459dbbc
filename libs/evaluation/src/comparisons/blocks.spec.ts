import { describe, expect, it } from '@jest/globals';
import { seededRng } from '@millrace/domain';
import { Moments } from '@millrace/statistics';
import { exactly } from '../metric.js';
import { METRICS, metricNamed } from '../registry.js';
import { blockDifferences, blockRowsFor } from './blocks.js';

const squash = (x: number) => 1 / (1 + Math.exp(-x));
/** Two models of which the first sees more; `swing` moves the labels of neighbours together, unseen by both. */
function rowsOf(count: number, seed: number, swing = 0) {
  const rng = seededRng(seed);
  const hidden = Array.from({ length: Math.ceil(count / 100) }, () => swing * rng.normal());
  const labels: number[] = [];
  const first: number[] = [];
  const second: number[] = [];
  for (let i = 0; i < count; i++) {
    const [seen, dim] = [rng.normal(), rng.normal()];
    labels.push(Number(rng.next() < squash(seen + dim + (hidden[Math.floor(i / 100)] as number))));
    first.push(squash(seen + dim));
    second.push(squash(seen));
  }
  return { labels, first, second };
}

describe('the difference of two models by blocks', () => {
  it.each(['log_loss', 'brier', 'accuracy'])('has the mean of all rows where the metric is a mean: %s', (name) => {
    const metric = metricNamed(name);
    const pair = rowsOf(2_500, 3);
    const { blocks, blockRows } = blockDifferences(metric, pair);
    expect([blockRows, blocks.count]).toEqual([50, 50]);
    const whole = exactly(metric, { labels: pair.labels, scores: pair.first });
    const other = exactly(metric, { labels: pair.labels, scores: pair.second });
    const better = metric.direction === 'higher' ? whole - other : other - whole;
    expect(blocks.mean).toBeCloseTo(better, 10);
    expect(blocks.mean).toBeGreaterThan(0);
  });

  it.each(METRICS.map((metric) => [metric.name, metric] as const))(
    'changes its sign with the order, and is 0 of one model with itself, by %s',
    (_, metric) => {
      const { labels, first, second } = rowsOf(3_000, 5);
      const there = blockDifferences(metric, { labels, first, second }).blocks;
      const back = blockDifferences(metric, { labels, first: second, second: first }).blocks;
      expect(back.mean).toBeCloseTo(-there.mean, 12);
      expect(blockDifferences(metric, { labels, first, second: first }).blocks).toMatchObject({ mean: 0, m2: 0 });
    },
  );

  it('leaves blocks out in which the metric is not defined, and rows that fill no block', () => {
    const labels = [...Array<number>(20).fill(1), ...Array.from({ length: 20 }, (_, i) => i % 2), 1, 0, 1];
    const first = labels.map((y) => 0.2 + 0.6 * y);
    const second = labels.map(() => 0.5);
    const { blocks } = blockDifferences(metricNamed('auc'), { labels, first, second });
    expect(blocks).toMatchObject({ count: 1, mean: 0.5 });
    expect(blockDifferences(metricNamed('auc'), { labels: [1], first: [0.4], second: [0.5] }).blocks.count).toBe(0);
  });

  it('is less sure where neighbours are alike than rows taken one by one would be', () => {
    // The weather of a hundred rows moves both models' losses, and what they differ by.
    const { labels, first, second } = rowsOf(10_000, 7, 3);
    const { blocks, blockRows } = blockDifferences(metricNamed('log_loss'), { labels, first, second });
    const singly = new Moments();
    const loss = (y: number, p: number) => -Math.log(y === 1 ? p : 1 - p);
    labels.forEach((y, i) => {
      singly.add(loss(y, second[i] as number) - loss(y, first[i] as number));
    });
    const byBlocks = Math.sqrt(blocks.m2 / blocks.count / blocks.count);
    const byRows = singly.std / Math.sqrt(singly.count);
    expect(blockRows).toBe(blockRowsFor(10_000));
    expect(byBlocks / byRows).toBeGreaterThan(1.2);
  });
});
