// Merging in any order and grouping gives the same statistics; empty, constant and foreign input have an answer.

import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  buildReferenceProfile,
  CategoricalWindow,
  type FeatureCells,
  featureCells,
  Moments,
  NumericWindow,
  openFeatureWindow,
} from './index.js';

const numeric = featureCells(
  buildReferenceProfile({
    features: [{ name: 'x', kind: 'numeric', values: Array.from({ length: 5000 }, (_, i) => (i * 37) % 997) }],
    scoreName: 'probability',
    scores: [0.5],
    positiveShare: 0.5,
  }).features[0]!,
);
const categorical = featureCells(
  buildReferenceProfile({
    features: [{ name: 'c', kind: 'categorical', values: ['a', 'b', 'b', 'c', null, 'c', 'c'] }],
    scoreName: 'probability',
    scores: [0.5],
    positiveShare: 0.5,
  }).features[0]!,
);

function filled(cells: FeatureCells, values: readonly (number | string | null)[]) {
  const window = openFeatureWindow(cells);
  for (const value of values) window.add(value);
  return window;
}

describe('windows merge commutatively', () => {
  it.each([
    [
      'numeric',
      numeric,
      fc.oneof(fc.double({ min: -10, max: 1100 }), fc.constant(null), fc.integer({ min: 0, max: 999 })),
    ],
    ['categorical', categorical, fc.constantFrom('a', 'b', 'c', 'new', null)],
  ] as const)('%s', (_, cells, value) => {
    fc.assert(
      fc.property(
        fc.array(fc.array(value as fc.Arbitrary<number | string | null>, { maxLength: 30 }), { maxLength: 5 }),
        (parts) => {
          const whole = filled(cells, parts.flat());
          const forward = openFeatureWindow(cells);
          const backward = openFeatureWindow(cells);
          for (const part of parts) forward.merge(filled(cells, part));
          for (const part of [...parts].reverse()) backward.merge(filled(cells, part));
          const counted = (window: ReturnType<typeof filled>) => ({
            ...window.state(),
            moments: undefined,
            rows: window.rows,
          });
          expect(counted(forward)).toEqual(counted(whole));
          expect(counted(backward)).toEqual(counted(whole));
          const restored = openFeatureWindow(cells);
          restored.restore(JSON.parse(JSON.stringify(whole.state())));
          expect(counted(restored)).toEqual(counted(whole));
        },
      ),
      { numRuns: 200 },
    );
  });

  it('moments to rounding', () => {
    const number = fc.double({ min: -1e6, max: 1e6, noNaN: true });
    fc.assert(
      fc.property(fc.array(number, { minLength: 1, maxLength: 50 }), fc.array(number, { maxLength: 50 }), (a, b) => {
        const of = (values: readonly number[]) => {
          const moments = new Moments();
          for (const x of values) moments.add(x);
          return moments;
        };
        const merged = of(a);
        merged.merge(of(b));
        const whole = of([...a, ...b]);
        expect(merged.count).toBe(whole.count);
        expect(merged.mean).toBeCloseTo(whole.mean, 5);
        expect(merged.std).toBeCloseTo(whole.std, 3);
        expect([merged.min, merged.max]).toEqual([whole.min, whole.max]);
      }),
    );
  });
});

describe('edges of input', () => {
  it('can be read cell by cell beside the reference', () => {
    const x = filled(numeric, [5, 5, -1, null]) as NumericWindow;
    expect(x.counts.length).toBe(x.reference.counts.length);
    expect([...x.counts].reduce((a, b) => a + b, 0)).toBe(3);
    expect([...x.ladderCounts].reduce((a, b) => a + b, 0)).toBe(3);
    expect(x.ladderCounts[0]).toBe(1);
    expect(x.ladderCounts[x.ladder.cellOf(5)]).toBe(2);
    expect([x.rows, x.missing, x.referenceRows]).toEqual([4, 1, 5_000]);
    const c = filled(categorical, ['c', 'zzz', null]) as CategoricalWindow;
    expect(c.reference.values).toEqual(['c', 'b', 'a']);
    expect([...c.counts]).toEqual([1, 0, 0, 1]);
    expect([...c.referenceCounts]).toEqual([3, 2, 1, 0]);
    expect([c.rows, c.missing, c.unseen, c.referenceRows]).toEqual([3, 1, 1, 6]);
  });

  it('an all-missing reference can be built, and a window counted against it', () => {
    const [none] = buildReferenceProfile({
      features: [{ name: 'none', kind: 'numeric', values: [null, Number.NaN, Number.POSITIVE_INFINITY] }],
      scoreName: 'probability',
      scores: [0.1, 0.2, 0.3],
      positiveShare: 0,
    }).features;
    const window = filled(featureCells(none!), [3, null]) as NumericWindow;
    expect([window.rows, window.missing, window.referenceRows, window.ladder.points.length]).toEqual([2, 1, 0, 0]);
    expect([...window.counts]).toEqual([1]);
  });

  it('counts missing and unseen apart from rows', () => {
    const window = filled(categorical, ['a', null, 'zzz']);
    expect([window.rows, window.missing, window.unseen]).toEqual([3, 1, 1]);
  });

  it('reference bins hold every row once, and quantiles ascend', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -50, max: 50 }), { minLength: 1, maxLength: 400 }), (values) => {
        const feature = buildReferenceProfile({
          features: [],
          scoreName: 'probability',
          scores: values,
          positiveShare: 0,
        }).score;
        expect(feature.counts.reduce((a, b) => a + b, 0)).toBe(values.length);
        for (let i = 1; i < feature.quantiles.length; i++) {
          expect(feature.quantiles[i]! >= feature.quantiles[i - 1]!).toBe(true);
        }
        const window = filled(featureCells(feature), values) as NumericWindow;
        expect([...window.counts]).toEqual(feature.counts);
      }),
    );
  });
});
