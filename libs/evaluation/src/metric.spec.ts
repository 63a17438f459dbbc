// Every metric in the registry keeps the contract. A new metric is tested here by being registered.

import { describe, expect, it } from '@jest/globals';
import { seededRng } from '@millrace/domain';
import fc from 'fast-check';
import { intervalOf } from './comparisons/bootstrap.js';
import { exactly, isBetter, type Metric } from './metric.js';
import { METRICS, metricNamed, metricsOf } from './registry.js';
import { ScoreQuality } from './score-quality.js';

const row = fc.record({
  score: fc.double({ min: 0, max: 1, noNaN: true }),
  label: fc.integer({ min: 0, max: 1 }),
  weight: fc.integer({ min: 0, max: 3 }),
});
const manyRows = fc.array(row, { maxLength: 60 });
type Row = { score: number; label: number; weight: number };

const scoredOf = (rows: readonly Row[]) => ({ labels: rows.map((r) => r.label), scores: rows.map((r) => r.score) });
const alike = (a: number, b: number) =>
  expect(Number.isNaN(a) ? Number.isNaN(b) : Math.abs(a - b) <= 1e-9 * (1 + Math.abs(a))).toBe(true);

describe.each(METRICS.map((metric) => [metric.name, metric] as const))('%s', (name, metric) => {
  it('is named once, explains itself and is for a task', () => {
    expect(name).toMatch(/^[a-z][a-z_0-9]*$/);
    expect(METRICS.filter((other) => other.name === name)).toHaveLength(1);
    expect(metric.title).not.toBe('');
    expect(metric.formula).not.toBe('');
    expect(metric.tasks.length).toBeGreaterThan(0);
    for (const task of metric.tasks) expect(metricsOf(task)).toContain(metric);
  });

  it('counts a row of weight n as n rows', () => {
    fc.assert(
      fc.property(manyRows, (rows) => {
        const weighted = metric.prepare(scoredOf(rows))(rows.map((r) => r.weight));
        alike(exactly(metric, scoredOf(rows.flatMap((r) => Array<Row>(r.weight).fill(r)))), weighted);
      }),
    );
  });

  it('does not depend on the order of rows', () => {
    fc.assert(
      fc.property(manyRows, (rows) =>
        alike(exactly(metric, scoredOf(rows)), exactly(metric, scoredOf([...rows].reverse()))),
      ),
    );
  });

  it('from counts lies within its bound, for any way to cut the stream', () => {
    fc.assert(
      fc.property(manyRows, fc.nat(60), (rows, cut) => {
        const parts = [new ScoreQuality(), new ScoreQuality()] as const;
        rows.forEach((r, i) => {
          parts[i < cut ? 0 : 1].add(r.score, r.label);
        });
        parts[1].merge(parts[0]);
        const merged = metric.merged.binary?.(ScoreQuality.fromState(JSON.parse(JSON.stringify(parts[1].state()))));
        const exact = exactly(metric, scoredOf(rows));
        if (merged === undefined) return;
        if (Number.isNaN(exact)) expect(merged.value).toBeNaN();
        else expect(Math.abs(merged.value - exact)).toBeLessThanOrEqual(merged.errorBound + 1e-9);
      }),
    );
  });

  it('of no rows is no number, and two sides that do not fit are refused', () => {
    expect(exactly(metric, { labels: [], scores: [] })).toBeNaN();
    expect(metric.merged.binary?.(new ScoreQuality()).value ?? Number.NaN).toBeNaN();
    expect(() => exactly(metric, { labels: [1], scores: [] })).toThrow(/1 labels but 0 scores/);
    expect(intervalOf(metric, { labels: [], scores: [] }, 0.95).lower).toBeNaN();
  });

  it('is better for a model that knows than for one that guesses, and its interval covers what is true', () => {
    const rng = seededRng(8);
    const draw = (rows: number) => {
      const truth = Array.from({ length: rows }, () => 0.05 + 0.9 * rng.next());
      return { labels: truth.map((p) => Number(rng.next() < p)), scores: truth };
    };
    const known = draw(4_000);
    const guessed = { labels: known.labels, scores: [...known.scores].reverse() };
    if (metric.decides) expect(isBetter(metric, exactly(metric, known), exactly(metric, guessed))).toBe(true);
    const truth = exactly(metric, draw(200_000));
    let covered = 0;
    for (let i = 0; i < 100; i++) {
      const { lower, upper } = intervalOf(metric, draw(400), 0.95);
      if (lower <= truth + 1e-3 && truth <= upper) covered++;
    }
    // 95 expected, standard deviation 2.2.
    expect(covered).toBeGreaterThanOrEqual(87);
  });
});

it('a metric is found by its name, and a wrong name says which there are', () => {
  expect(metricNamed('log_loss').direction).toBe('lower');
  expect(() => metricNamed('gini')).toThrow(/no metric "gini"; there are auc, log_loss/);
});

it('what is no number is never better', () => {
  const metric = metricNamed('auc') as Metric;
  expect(isBetter(metric, Number.NaN, 0.5)).toBe(false);
  expect(isBetter(metric, 0.5, Number.NaN)).toBe(false);
});

describe('auc', () => {
  const auc = metricNamed('auc');

  it('is the share of pairs in the right order', () => {
    const ranked = fc.tuple(fc.boolean(), fc.integer({ min: 0, max: 6 }));
    fc.assert(
      fc.property(fc.array(ranked, { maxLength: 40 }), (rows) => {
        let won = 0;
        let pairs = 0;
        rows.forEach(([positive, score]) => {
          if (!positive) return;
          for (const [other, otherScore] of rows) {
            if (other) continue;
            pairs++;
            won += score > otherScore ? 1 : score === otherScore ? 0.5 : 0;
          }
        });
        const value = exactly(auc, {
          labels: rows.map(([positive]) => Number(positive)),
          scores: rows.map(([, score]) => score),
        });
        if (pairs === 0) expect(value).toBeNaN();
        else expect(value).toBeCloseTo(won / pairs, 10);
      }),
    );
  });

  it('is none for one class only', () => {
    expect(exactly(auc, { scores: [0.1, 0.2], labels: [1, 1] })).toBeNaN();
  });

  it('from counts has a small bound for scores without ties', () => {
    const rng = seededRng(3);
    const quality = new ScoreQuality();
    for (let i = 0; i < 3_000; i++) {
      const score = 1 / (1 + Math.exp(1.2 - 0.7 * rng.normal()));
      quality.add(score, Number(rng.next() < score));
    }
    expect(auc.merged.binary?.(quality).errorBound).toBeLessThan(5e-4);
  });
});

it('log loss survives certainty, and is one number for rows and for counts', () => {
  const logLoss = metricNamed('log_loss');
  const quality = new ScoreQuality();
  quality.add(0, 1);
  const exact = exactly(logLoss, { labels: [1], scores: [0] });
  expect(exact).toBeCloseTo(16.118, 3);
  expect(logLoss.merged.binary?.(quality).value).toBe(exact);
  expect(exactly(logLoss, { labels: [1, 0], scores: [1, 0] })).toBeCloseTo(1e-7, 12);
});
