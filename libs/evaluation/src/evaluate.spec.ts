// Nothing assumes a binary task: a metric of another one is prepared, has its interval, is compared and passes gates.

import { expect, it } from '@jest/globals';
import { intervalOf } from './comparisons/bootstrap.js';
import { differenceOf } from './comparisons/paired.js';
import { evaluate } from './evaluate.js';
import type { Evaluation } from './evaluation.js';
import { bless } from './gates/bless.js';
import { exactly, type Metric } from './metric.js';
import { METRICS } from './registry.js';

const meanAbsoluteError: Metric = {
  name: 'mae',
  title: 'Mean absolute error',
  formula: 'mean |y - s|',
  tasks: ['regression'],
  direction: 'lower',
  decides: true,
  merged: {},
  prepare:
    ({ labels, scores }) =>
    (weights) => {
      let [sum, total] = [0, 0];
      for (let i = 0; i < labels.length; i++) {
        const weight = weights === null ? 1 : (weights[i] as number);
        sum += weight * Math.abs((labels[i] as number) - (scores[i] as number));
        total += weight;
      }
      return sum / total;
    },
};

const labels = [3, 8, -2, 40, 11, 5];
const first = [4, 8, -2, 38, 11, 5];
const second = [0, 0, 0, 0, 0, 0];
const evaluationOf = (scores: readonly number[]): Evaluation => ({
  ...evaluate('regression', { labels, scores }),
  metrics: { mae: exactly(meanAbsoluteError, { labels, scores }) },
});

it('a task has its own metrics only', () => {
  expect(evaluate('regression', { labels, scores: first })).toMatchObject({ rows: 6, metrics: {} });
  expect(Object.keys(evaluate('binary', { labels: [1, 0], scores: [0.9, 0.1] }).metrics)).toEqual(
    METRICS.filter(({ tasks }) => tasks.includes('binary')).map(({ name }) => name),
  );
});

it('a metric of another task decides between two models', () => {
  const against = (others: number[]) => differenceOf(meanAbsoluteError, { labels, first, second: others }, 0.9);
  expect(against(second).upper).toBeLessThan(0);
  const { lower, upper } = intervalOf(meanAbsoluteError, { labels, scores: first }, 0.9);
  expect(lower).toBeLessThanOrEqual(0.5);
  expect(upper).toBeGreaterThanOrEqual(0.5);
  const candidate = { evaluation: evaluationOf(first), deciding: meanAbsoluteError, thresholds: [], baselines: [] };
  const constant = [9, 9, 9, 9, 9, 9];
  const { blessed, reasons, verdict } = bless({
    ...candidate,
    trivial: { evaluation: evaluationOf(constant), difference: against(constant) },
    champion: {
      ...{ version: 2, standing: 'in service', evaluation: evaluationOf(second) },
      difference: against(second),
    },
    confidence: 0.9,
  });
  expect(blessed).toBe(true);
  expect(reasons).toEqual([
    expect.stringMatching(
      /^Mean absolute error is lower than the trivial baseline's: 0\.5000 against 9\.1667 on 6 rows, /,
    ),
    expect.stringMatching(
      /^Mean absolute error is lower than version 2's \(in service\): 0\.5000 against 11\.5000 on 6 rows, difference −11\.0000, 90 % of /,
    ),
  ]);
  expect(verdict).toMatch(
    /^blessed: mean absolute error 0\.5000 on 6 rows that it had not seen; the trivial baseline 9\.1667, version 2 \(in service\) 11\.5000, difference −11\.0000, 90 % of /,
  );
});
