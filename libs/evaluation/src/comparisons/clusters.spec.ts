// The interval of a difference on rows of entities: against statsmodels and by leaving entities out
// (golden/make_clusters.py), and how often it covers the truth.

import { describe, expect, it } from '@jest/globals';
import { type Rng, seededRng } from '@millrace/domain';
import golden from '../../golden/clusters.json' with { type: 'json' };
import { pairedComparison } from '../gates/comparison.js';
import { METRICS, metricNamed } from '../registry.js';
import type { ScorePair } from '../scored-rows.js';
import { clustersOf, effectiveOf, reachOf } from './clusters.js';
import { differenceOf, seen } from './paired.js';

const squash = (x: number) => 1 / (1 + Math.exp(-x));

describe.each(golden.cases.map((c) => [c.name, c] as const))('entities, %s', (_name, c) => {
  const clusters = clustersOf(c.entities);

  it('are counted, and as many of equal size', () => {
    expect(clusters?.count).toBe(c.count);
    expect(effectiveOf(clusters?.sizes ?? [])).toBeCloseTo(c.effective, 9);
  });

  it.each(Object.entries(c.errors))('the standard error of %s', (name, expected) => {
    const found = metricNamed(name).pairedError?.({ labels: c.y, first: c.first, second: c.second }, clusters);
    expect(Math.abs((found?.error ?? Number.NaN) / expected - 1)).toBeLessThan(1e-9);
    const effective = name === 'auc' ? c.auc_effective : c.effective;
    expect(found?.effective).toBeCloseTo(effective, 9);
    const { lower, upper, entities } = differenceOf(
      metricNamed(name),
      { labels: c.y, first: c.first, second: c.second, entities: c.entities },
      0.8,
    );
    expect(entities).toBe(c.count);
    expect(upper - lower).toBeCloseTo(2 * reachOf(0.8, effective) * expected, 9);
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
    expect(all).toEqual({ ...differenceOf(metricNamed('brier'), pair, 0.9), entities: 1, aboutOne: 1 });
    expect(one).not.toHaveProperty('aboutOne');
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

describe('entities of which one has nearly everything', () => {
  const ROWS = 10_000;

  /** `positive`: whose the positives are; only those of entity 0 are seen better by the first model. */
  function rare(positive: readonly number[], negative: (row: number) => number) {
    const rng = seededRng(5);
    const labels = Array.from({ length: ROWS }, (_, row) => Number(row < positive.length));
    const entities = labels.map((_, row) => positive[row] ?? negative(row));
    const second = labels.map((label) => squash(rng.normal() + label));
    const first = second.map((score, row) => (labels[row] === 1 && entities[row] === 0 ? 0.5 + score / 2 : score));
    return { labels, first, second, entities };
  }
  const positives = (ofOne: number, others: number) => [
    ...Array<number>(ofOne).fill(0),
    ...Array.from({ length: others }, (_, i) => i + 1),
  ];
  const auc = metricNamed('auc');

  it('three quarters of the positives of one of many entities bless nothing by AUC', () => {
    const pair = rare(positives(15, 5), (row) => row % 2_000);
    const found = differenceOf(auc, pair, 0.95);
    expect(found.difference).toBeGreaterThan(0.1);
    expect(found).not.toHaveProperty('aboutOne');
    expect(seen(auc, found)).toBe('none');
    const { entities: _, ...untold } = pair;
    expect(seen(auc, differenceOf(auc, untold, 0.95))).toBe('better');
    // As many positives of as many entities, all seen better: that is one.
    const spread = rare(positives(0, 20), (row) => row % 2_000);
    const first = spread.second.map((score, row) => (spread.labels[row] === 1 ? 0.5 + score / 2 : score));
    expect(seen(auc, differenceOf(auc, { ...spread, first }, 0.95))).toBe('better');
  });

  it('an entity that has all positives: by AUC nothing can be said, and the verdict says why', () => {
    const found = differenceOf(
      auc,
      rare(positives(20, 0), (row) => row % 2_000),
      0.95,
    );
    expect(seen(auc, found)).toBeUndefined();
    const told = { whose: "version 1's", rows: ROWS, confidence: 0.95 };
    expect(pairedComparison(auc, found, told)).toEqual({
      met: false,
      sentence:
        "AUC cannot be compared with version 1's on 10000 rows of 2000 entities: they are too few, or one entity has all of a class, without which it is not defined.",
    });
    // Positives of one, negatives of another: neither has both.
    const apart = differenceOf(
      auc,
      rare(positives(20, 0), () => 1),
      0.95,
    );
    expect(seen(auc, apart)).toBeUndefined();
    // Without confidence the bare figures stand.
    const bare = differenceOf(
      auc,
      rare(positives(20, 0), (row) => row % 2_000),
      0,
    );
    expect([bare.lower, bare.upper]).toEqual([bare.difference, bare.difference]);
  });

  /** Rows of one station that the first model sees better, and stray ones of which each is its own. */
  function station(strays: number) {
    const rng = seededRng(6);
    const labels = Array.from({ length: ROWS + strays }, () => Number(rng.next() < 0.4));
    const seenBy = (skill: number) => labels.map((label) => squash(skill * (label - 0.4) + rng.normal()));
    return {
      ...{ labels, first: seenBy(2), second: seenBy(1) },
      entities: labels.map((_, row) => (row < ROWS ? 0 : row)),
    };
  }

  it.each(['brier', 'log_loss', 'auc'])('a stray row beside one station changes next to nothing, by %s', (name) => {
    const metric = metricNamed(name);
    const found = [0, 1, 10, 100, 1_000, 2_000, 3_000, 4_000, 6_000].map((strays) => {
      const { entities, ...pair } = station(strays);
      const [told, untold] = [entities, undefined].map((of) => differenceOf(metric, { ...pair, entities: of }, 0.95));
      const width = (one: typeof told) => (one?.upper ?? Number.NaN) - (one?.lower ?? Number.NaN);
      return { strays, ratio: width(told) / width(untold), isAboutOne: told?.aboutOne !== undefined };
    });
    // Nine tenths of the rows are of the station until here.
    expect(found.slice(0, 5).map(({ ratio }) => ratio)).toEqual(Array(5).fill(expect.closeTo(1, 9)));
    const [later, most] = [found[5]?.ratio ?? 0, found[6]?.ratio ?? 0];
    expect(later).toBeGreaterThan(1.1);
    expect(most).toBeGreaterThan(later);
    expect(most).toBeLessThan(3);
    expect(found.map(({ isAboutOne }) => isAboutOne)).toEqual(found.map(({ strays }) => strays < 4_285));
  });

  it('the verdict says that it is about one entity', () => {
    const metric = metricNamed('brier');
    const sentence = (strays: number) =>
      pairedComparison(metric, differenceOf(metric, station(strays), 0.95), {
        ...{ whose: "version 1's", rows: ROWS + strays, confidence: 0.95 },
      }).sentence;
    expect(sentence(0)).toMatch(
      /on 10000 rows of one entity, .* \(all rows are of one entity: the interval is about that one\)/,
    );
    expect(sentence(1)).toMatch(
      /of 2 entities, .* \(99.9 % of the rows are of one entity: the interval is about that one\)/,
    );
    expect(sentence(9_000)).not.toMatch(/about that one/);
  });

  it.each(['brier', 'auc'])('no few rows switch the interval, by %s', (name) => {
    const metric = metricNamed(name);
    let before: number | undefined;
    const all = station(4_600);
    for (let rows = ROWS + 1_000; rows <= ROWS + 4_600; rows += 60) {
      const cut = (values: readonly number[]) => values.slice(0, rows);
      const { lower, upper } = differenceOf(
        metric,
        { labels: cut(all.labels), first: cut(all.first), second: cut(all.second), entities: cut(all.entities) },
        0.95,
      );
      expect(Math.abs(Math.log((upper - lower) / (before ?? upper - lower)))).toBeLessThan(0.5);
      before = upper - lower;
    }
  });
});
