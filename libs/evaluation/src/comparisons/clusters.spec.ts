// The interval of a difference on rows of entities: against statsmodels and by leaving entities out
// (golden/make_clusters.py), and how often it covers the truth.

import { describe, expect, it } from '@jest/globals';
import { type Rng, seededRng } from '@millrace/domain';
import golden from '../../golden/clusters.json' with { type: 'json' };
import { METRICS, metricNamed } from '../registry.js';
import type { ScorePair } from '../scored-rows.js';
import { clustersOf, reachOf } from './clusters.js';
import { differenceOf, seen } from './paired.js';

const squash = (x: number) => 1 / (1 + Math.exp(-x));

describe.each(golden.cases.map((c) => [c.name, c] as const))('entities, %s', (_name, c) => {
  const clusters = clustersOf(c.entities);

  it('are counted, and as many of equal size', () => {
    expect(clusters).toMatchObject({ count: c.count, effective: expect.closeTo(c.effective, 9) });
  });

  it.each(Object.entries(c.errors))('the standard error of %s', (name, expected) => {
    const error = metricNamed(name).pairedError?.({ labels: c.y, first: c.first, second: c.second }, clusters);
    expect(Math.abs((error ?? Number.NaN) / expected - 1)).toBeLessThan(1e-9);
    const { lower, upper, entities } = differenceOf(
      metricNamed(name),
      { labels: c.y, first: c.first, second: c.second, entities: c.entities },
      0.8,
    );
    expect(entities).toBe(c.count);
    expect(upper - lower).toBeCloseTo(2 * reachOf(0.8, clusters) * expected, 9);
  });
});

interface Crowd {
  entities: number;
  rows: number;
  /** The r-th entity has r^-exponent of the rows of the first one. */
  exponent: number;
}

/** Of the first model what it knows of entities is right, of the second one wrong, to the same extent of each. */
function draw({ entities, rows, exponent }: Crowd, rng: Rng): ScorePair & { entities: number[] } {
  const of = Array.from({ length: entities }, () => ({ own: 0.8 * rng.normal(), wrong: 0.8 * rng.normal() }));
  const parts = of.map((_, i) => (i + 1) ** -exponent);
  const all = parts.reduce((sum, part) => sum + part, 0);
  const upTo = parts.map((_, i) => parts.slice(0, i + 1).reduce((sum, part) => sum + part, 0) / all);
  const labels: number[] = [];
  const first: number[] = [];
  const second: number[] = [];
  const whose: number[] = [];
  for (let i = 0; i < rows; i++) {
    const u = rng.next();
    const at = upTo.findIndex((to) => to > u);
    const { own, wrong } = of[at] as (typeof of)[number];
    const seenByBoth = rng.normal() - 0.4;
    whose.push(at);
    labels.push(Number(rng.next() < squash(seenByBoth + own)));
    first.push(squash(seenByBoth + own / 2));
    second.push(squash(seenByBoth + wrong / 2));
  }
  return { labels, first, second, entities: whose };
}

/** Few entities whose differences are skewed: less than is said, and far more than as if rows were independent. */
const CROWDS: readonly (readonly [string, Crowd, number])[] = [
  ['40 alike', { entities: 40, rows: 600, exponent: 0 }, 0.82],
  ['60 by Zipf', { entities: 60, rows: 600, exponent: 1 }, 0.78],
  ['12 alike', { entities: 12, rows: 400, exponent: 0 }, 0.77],
];

describe.each(CROWDS)('rows of entities: %s', (_name, crowd, atLeast) => {
  const times = 300;
  const pairs = Array.from({ length: times }, (_one, seed) => draw(crowd, seededRng(1_000 + seed)));

  it.each(['brier', 'log_loss', 'auc'])(
    'intervals of 90 %% cover the truth nearly so often by %s, not as if rows were independent',
    (name) => {
      const metric = metricNamed(name);
      const covered = (isTold: boolean) => {
        const found = pairs.map(({ entities, ...pair }) =>
          differenceOf(metric, isTold ? { ...pair, entities } : pair, 0.9),
        );
        const truth = found.reduce((sum, { difference }) => sum + difference / times, 0);
        return found.filter(({ lower, upper }) => lower <= truth && truth <= upper).length / times;
      };
      expect(covered(true)).toBeGreaterThan(atLeast);
      expect(covered(true)).toBeLessThan(0.97);
      expect(covered(false)).toBeLessThan(0.75);
    },
  );
});

describe('rows that are not of several entities', () => {
  const rng = seededRng(3);
  const { entities: _, ...pair } = draw({ entities: 500, rows: 500, exponent: 0 }, rng);

  it('that each have an own one have the interval of independent rows, nearly', () => {
    const own = pair.first as number[];
    for (const { name } of METRICS) {
      const [told, untold] = [own.map((_one, row) => row), undefined].map((entities) =>
        differenceOf(metricNamed(name), { ...pair, entities }, 0.9),
      );
      const width = (one: typeof told) => (one?.upper ?? Number.NaN) - (one?.lower ?? Number.NaN);
      expect(width(told) / width(untold)).toBeGreaterThan(0.99);
      expect(width(told) / width(untold)).toBeLessThan(1.02);
    }
  });

  it('that are all of one entity stand for themselves: it is about that one', () => {
    const one = differenceOf(metricNamed('brier'), { ...pair, entities: pair.first as number[] }, 0.9);
    const all = differenceOf(metricNamed('brier'), { ...pair, entities: new Float64Array(500) }, 0.9);
    expect(all).toEqual(differenceOf(metricNamed('brier'), pair, 0.9));
    expect(all).not.toHaveProperty('entities');
    expect(one.entities).toBeGreaterThan(400);
    expect(clustersOf(undefined)).toBeUndefined();
    expect(clustersOf([])).toBeUndefined();
  });

  it('a metric without a closed form draws whole entities', () => {
    const metric = metricNamed('brier');
    const { pairedError: __, ...withoutForm } = metric;
    const of = draw({ entities: 40, rows: 800, exponent: 0 }, seededRng(9));
    const [closed, drawn] = [differenceOf(metric, of, 0.9), differenceOf(withoutForm, of, 0.9)];
    const ratio = (drawn.upper - drawn.lower) / (closed.upper - closed.lower);
    expect(ratio).toBeGreaterThan(0.8);
    expect(ratio).toBeLessThan(1.2);
    const { entities: ___, ...untold } = of;
    const narrow = differenceOf(withoutForm, untold, 0.9);
    expect(narrow.upper - narrow.lower).toBeLessThan(0.8 * (drawn.upper - drawn.lower));
    expect(seen(metric, closed)).toBeDefined();
  });
});
