import { describe, expect, it } from '@jest/globals';
import { seededRng } from '@millrace/domain';
import { exactly, type Metric } from '../metric.js';
import { METRICS, metricNamed } from '../registry.js';
import { differenceOf, seen } from './paired.js';

const squash = (x: number) => 1 / (1 + Math.exp(-x));

function draw(rows: number, seed: number) {
  const rng = seededRng(seed);
  const labels = Array.from({ length: rows }, () => Number(rng.next() < 0.3));
  const scored = (skill: number) => labels.map((y) => squash(skill * (y - 0.5) - 0.8 + 0.7 * rng.normal()));
  return { labels, good: scored(1), same: scored(1), poor: scored(0.4) };
}

const closed = METRICS.filter(({ pairedError }) => pairedError !== undefined);

it('has a closed form for what flights and loans are decided by', () => {
  expect(closed.map(({ name }) => name)).toEqual(expect.arrayContaining(['auc', 'log_loss', 'accuracy', 'brier']));
});

describe.each(closed.map((metric) => [metric.name, metric] as const))('two models compared by %s', (_, metric) => {
  const { labels, good, same, poor } = draw(3_000, 4);
  const of = (first: number[], second: number[]) => differenceOf(metric, { labels, first, second }, 0.95);

  it('has an interval that is nearly that of a bootstrap', () => {
    const { pairedError: __, ...drawn } = metric;
    const [one, other] = [of(good, same), differenceOf(drawn as Metric, { labels, first: good, second: same }, 0.95)];
    expect((one.upper - one.lower) / (other.upper - other.lower)).toBeGreaterThan(0.8);
    expect((one.upper - one.lower) / (other.upper - other.lower)).toBeLessThan(1.25);
  });

  it('is the difference of the two figures, turned round by changing places, and 0 of one model with itself', () => {
    const { value, other, difference, lower, upper } = of(good, poor);
    expect([value, other]).toEqual([good, poor].map((scores) => exactly(metric, { labels, scores })));
    expect(difference).toBe(value - other);
    const turned = of(poor, good);
    expect([turned.lower, turned.upper].map((one) => 0 - one)).toEqual([
      expect.closeTo(upper, 12),
      expect.closeTo(lower, 12),
    ]);
    expect(of(good, good)).toMatchObject({ difference: 0, lower: 0, upper: 0 });
  });

  it('covers the truth about as often as it says', () => {
    const [rows, times] = [300, 200];
    const differences = Array.from({ length: times }, (_one, seed) => {
      const { labels: y, good: first, poor: second } = draw(rows, 100 + seed);
      return differenceOf(metric, { labels: y, first, second }, 0.9);
    });
    const truth = differences.reduce((sum, { difference }) => sum + difference / times, 0);
    const covered = differences.filter(({ lower, upper }) => lower <= truth && truth <= upper).length / times;
    expect(covered).toBeGreaterThan(0.84);
    expect(covered).toBeLessThan(0.96);
  });

  it('says which is better by the interval, in its own direction', () => {
    expect([of(good, poor), of(poor, good), of(good, good)].map((one) => seen(metric, one))).toEqual([
      'better',
      'worse',
      'none',
    ]);
  });

  it('takes seconds for a million rows', () => {
    const rng = seededRng(1);
    const many = Array.from({ length: 3 }, () => Float32Array.from({ length: 1_000_000 }, () => rng.next()));
    const y = Float32Array.from(many[2] as Float32Array, (one) => Number(one < 0.2));
    const pair = { labels: y, first: many[0] as Float32Array, second: many[1] as Float32Array };
    expect(seen(metric, differenceOf(metric, pair, 0.999_9))).toBe('none');
  }, 30_000);
});

it('is no number where the metric is not defined, or the rows are too few for an interval', () => {
  const scores = [0.2, 0.4];
  const auc = differenceOf(metricNamed('auc'), { labels: [1, 1], first: scores, second: [0.1, 0.3] }, 0.9);
  expect([auc.difference, seen(metricNamed('auc'), auc)]).toEqual([Number.NaN, undefined]);
  const one = differenceOf(metricNamed('log_loss'), { labels: [1], first: [0.9], second: [0.1] }, 0.9);
  expect([one.difference < 0, seen(metricNamed('log_loss'), one)]).toEqual([true, undefined]);
});
