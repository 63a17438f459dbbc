// Metrics, intervals and comparisons against scikit-learn, scipy and DeLong's definition (golden/make.py made the
// numbers).

import { describe, expect, it } from '@jest/globals';
import { normalQuantile } from '@millrace/statistics';
import golden from '../golden/golden.json' with { type: 'json' };
import { differenceOf } from './comparisons/paired.js';
import { evaluate, evaluateMerged, intervalsOf } from './evaluate.js';
import { metricNamed } from './registry.js';
import { ScoreQuality } from './score-quality.js';

const close = (actual: number | undefined, expected: number, relative: number) =>
  expect(Math.abs((actual ?? Number.NaN) - expected)).toBeLessThanOrEqual(relative * Math.abs(expected) + 1e-12);

describe.each(golden.cases.map((c) => [c.name, c] as const))('%s scores', (_name, c) => {
  const rows = { labels: c.y, scores: c.p };

  it.each(Object.entries(c.exact))('%s', (name, expected) => {
    close(evaluate('binary', rows).metrics[name], expected, 1e-9);
  });

  it.each(Object.entries(c.weighted))('%s with weights', (name, expected) => {
    close(metricNamed(name).prepare(rows)(c.weights), expected, 1e-9);
  });

  it.each(Object.entries(c.intervals))('the interval of %s', (name, [lower, upper]) => {
    const interval = intervalsOf('binary', rows)[name];
    close(interval?.lower, lower as number, 1e-7);
    close(interval?.upper, upper as number, 1e-7);
  });

  it.each(Object.entries(c.exact))('%s from mergeable counts', (name, expected) => {
    const quality = new ScoreQuality();
    for (const [i, p] of c.p.entries()) quality.add(p, c.y[i] as number);
    const merged = metricNamed(name).merged.binary?.(quality);
    expect(Math.abs((merged?.value ?? Number.NaN) - expected)).toBeLessThanOrEqual((merged?.errorBound ?? 0) + 1e-9);
    // The bounds are safe, the truth is much nearer.
    expect(Math.abs((evaluateMerged(quality).metrics[name] ?? Number.NaN) - expected)).toBeLessThan(5e-4);
  });

  it("the difference of two AUCs with DeLong's deviation of it, and nearly that by the bootstrap", () => {
    const pair = { labels: c.y, first: c.p, second: c.other };
    const { pairedError: _, ...withoutForm } = metricNamed('auc');
    for (const [metric, tolerance] of [
      [metricNamed('auc'), 1e-9],
      [withoutForm, 0.15],
    ] as const) {
      const { difference, lower, upper } = differenceOf(metric, pair, 0.95);
      close(difference, c.auc_difference, 1e-10);
      const deviation = (upper - lower) / (2 * normalQuantile(0.975));
      expect(Math.abs(deviation / Math.sqrt(c.auc_difference_variance) - 1)).toBeLessThan(tolerance);
    }
  });
});
