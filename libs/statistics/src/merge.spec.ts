// Merging in any order and grouping gives the same statistics; empty, constant and foreign input have an answer.

import { describe, expect, it } from '@jest/globals';
import { seededRng } from '@millrace/domain';
import fc from 'fast-check';
import {
  buildReferenceProfile,
  CategoricalWindow,
  type FeatureCells,
  featureCells,
  Moments,
  NumericWindow,
  openFeatureWindow,
  psi,
} from './index.js';

const numeric = featureCells(
  buildReferenceProfile({
    features: [{ name: 'x', kind: 'numeric', values: Array.from({ length: 5000 }, (_, i) => (i * 37) % 997) }],
    scores: [0.5],
    positiveShare: 0.5,
  }).features[0]!,
);
const categorical = featureCells(
  buildReferenceProfile({
    features: [{ name: 'c', kind: 'categorical', values: ['a', 'b', 'b', 'c', null, 'c', 'c'] }],
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
          expect(forward.psi()).toEqual(whole.psi());
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
  it('an empty window has NaN statistics and no cells filled', () => {
    const window = openFeatureWindow(numeric) as NumericWindow;
    expect(window.psi().statistic).toBeNaN();
    expect(window.ks().statistic).toBeNaN();
    expect((openFeatureWindow(categorical) as CategoricalWindow).chiSquare().pValue).toBeNaN();
  });

  it('an all-missing and a constant reference can be built and compared', () => {
    const profile = buildReferenceProfile({
      features: [
        { name: 'none', kind: 'numeric', values: [null, Number.NaN, Number.POSITIVE_INFINITY] },
        { name: 'same', kind: 'numeric', values: [4, 4, 4] },
      ],
      scores: [0.1, 0.2, 0.3],
      positiveShare: 0,
    });
    const [none, same] = profile.features.map((feature) => openFeatureWindow(featureCells(feature)) as NumericWindow);
    none!.add(3);
    expect(none!.ks().statistic).toBeNaN();
    for (let i = 0; i < 50; i++) same!.add(5);
    expect(same!.ks()).toEqual({ statistic: 1, pValue: expect.any(Number) });
    expect(same!.ks().pValue).toBeLessThan(0.05);
  });

  it('counts missing and unseen apart from rows', () => {
    const window = filled(categorical, ['a', null, 'zzz']);
    expect([window.rows, window.missing, window.unseen]).toEqual([3, 1, 1]);
  });

  it('reference bins hold every row once, and quantiles ascend', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -50, max: 50 }), { minLength: 1, maxLength: 400 }), (values) => {
        const feature = buildReferenceProfile({ features: [], scores: values, positiveShare: 0 }).score;
        expect(feature.counts.reduce((a, b) => a + b, 0)).toBe(values.length);
        for (let i = 1; i < feature.quantiles.length; i++) {
          expect(feature.quantiles[i]! >= feature.quantiles[i - 1]!).toBe(true);
        }
        const window = openFeatureWindow(featureCells(feature)) as NumericWindow;
        for (const x of values) window.add(x);
        expect(window.psi().statistic).toBe(0);
        expect(window.ks().statistic).toBeLessThan(1e-12);
      }),
    );
  });

  it('psi of disjoint shares is large and finite', () => {
    expect(psi([100, 0], [0, 100]).statistic).toBeCloseTo(2 * (1 - 0.0001) * Math.log(10_000), 6);
  });

  it("PSI's p-value is uniform under no change, for many rare categories too", () => {
    const rng = seededRng(4);
    // 200 categories with a long tail, 500 rows a window.
    const draw = () => `c${Math.floor(200 * rng.next() ** 3)}`;
    const [feature] = buildReferenceProfile({
      features: [{ name: 'c', kind: 'categorical', values: Array.from({ length: 50_000 }, draw) }],
      scores: [0],
      positiveShare: 0,
    }).features;
    const cells = featureCells(feature!);
    let below = 0;
    for (let i = 0; i < 400; i++) {
      const window = filled(cells, Array.from({ length: 500 }, draw));
      if (window.psi().pValue < 0.05) below++;
    }
    // 5 % of 400 is 20, standard deviation 4.4; PSI runs a little high in its tail.
    expect(below).toBeLessThan(40);
    expect(below).toBeGreaterThan(5);
  });
});
