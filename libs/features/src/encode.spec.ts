import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { encodeRow, encodeRows } from './encode.js';
import { fitPlan } from './fit.js';
import { parsePlan } from './parse.js';
import type { FeaturePlan } from './plan.js';
import { SCALINGS } from './scaling/scalings.js';

const plan: FeaturePlan = {
  inputs: [
    { name: 'hour', type: 'integer' },
    { name: 'distance', type: 'number' },
    { name: 'origin', type: 'text' },
    { name: 'holiday', type: 'boolean' },
  ],
  features: [
    { kind: 'categorical', input: 'hour', minCount: 1, vocabularyMax: 100, embedding: 2 },
    { kind: 'numeric', input: 'distance', scaling: 'log_standard', missing: 'mean', clamp: true },
    { kind: 'categorical', input: 'origin', minCount: 2, vocabularyMax: 100, embedding: 4 },
    { kind: 'numeric', input: 'hour', scaling: 'none', period: 24, missing: { constant: 12 }, clamp: false },
    { kind: 'categorical', input: 'holiday', minCount: 1, vocabularyMax: 100, embedding: 0 },
    { kind: 'cross', inputs: ['hour', 'origin'], buckets: 100, embedding: 0 },
    { kind: 'cross', inputs: ['hour', 'origin', 'holiday'], buckets: 3, embedding: 0 },
  ],
};

const columns = {
  hour: Float64Array.of(7, 18, 7, 23, Number.NaN),
  distance: [100, 2000, null, 500, 700],
  origin: ['ATL', 'ORD', 'ATL', 'ORD', 'RIC'],
  holiday: [true, false, false, null, true],
};

describe('fitPlan', () => {
  const fitted = fitPlan(plan, columns).plan;

  it('keeps values that are frequent enough, in one order, and lays out the encoded row', () => {
    expect(fitted.steps[0]).toMatchObject({ at: 0, vocabulary: ['18', '23', '7'] });
    expect(fitted.steps[2]).toMatchObject({ at: 2, vocabulary: ['ATL', 'ORD'] });
    expect(fitted.steps[4]).toMatchObject({ at: 6, vocabulary: ['false', 'true'] });
    expect(fitted.steps[5]).toMatchObject({ at: 7, buckets: 6, hashed: false });
    expect(fitted.steps[6]).toMatchObject({ at: 8, buckets: 3, hashed: true });
    expect(fitted.width).toBe(9);
    expect(JSON.stringify(fitPlan(plan, columns).plan)).toBe(JSON.stringify(fitted));
  });

  it('survives JSON, and a damaged file is refused', () => {
    expect(parsePlan(JSON.stringify(fitted))).toEqual(fitted);
    for (const text of [
      '',
      '[]',
      '{"format":2}',
      JSON.stringify({ ...fitted, width: 3 }),
      JSON.stringify({ ...fitted, inputs: [] }),
    ]) {
      expect(() => parsePlan(text)).toThrow(/corrupt/);
    }
  });

  it('encodes by a plan that release 0.1 wrote', () => {
    const former = {
      format: 1,
      inputs: [
        { name: 'distance', type: 'number' },
        { name: 'delay', type: 'number' },
      ],
      steps: [
        { kind: 'numeric', input: 'distance', at: 0, log: true, offset: 1, scale: 2, fill: 0 },
        { kind: 'numeric', input: 'delay', at: 1, log: false, offset: 3, scale: 0.5, fill: 3 },
      ],
      width: 2,
      rows: 10,
    };
    const out = new Float32Array(2);
    // sign(x) ln(1 + |x|) = 2 and -2; (5 - 3) / 2 = 1, and a missing delay is 3.
    encodeRow(parsePlan(JSON.stringify(former)), [Math.E ** 2 - 1, 5], out, 0);
    expect([...out].map((x) => Math.round(x * 1e6) / 1e6)).toEqual([2, 1]);
    encodeRow(parsePlan(JSON.stringify(former)), [1 - Math.E ** 2, null], out, 0);
    expect([...out].map((x) => Math.round(x * 1e6) / 1e6)).toEqual([-6, 0]);
    expect(() => parsePlan(JSON.stringify({ ...former, steps: [null] }))).toThrow('corrupt');
  });

  it('fits empty and constant columns to harmless numbers', () => {
    const empty = fitPlan(plan, { hour: [], distance: [], origin: [], holiday: [] }).plan;
    const constant = fitPlan(plan, { hour: [1, 1], distance: [5, 5], origin: ['A', 'A'], holiday: [true, true] }).plan;
    for (const p of [empty, constant]) {
      const out = new Float32Array(p.width);
      encodeRow(p, [1, 5, 'A', true], out, 0);
      expect([...out].every(Number.isFinite)).toBe(true);
    }
  });

  it('leaves out what is the same in all rows, up to rounding, and says so', () => {
    const rows = 200;
    const of = (value: (i: number) => number | string | null) => Array.from({ length: rows }, (_, i) => value(i));
    const inputs = ['price', 'rounded', 'none', 'rare', 'flagged', 'country', 'crossed', 'size'].map((name) => ({
      name,
      type: ['country', 'crossed', 'size'].includes(name) ? ('text' as const) : ('number' as const),
    }));
    const numeric = (input: string, missing: 'mean' | { constant: number } = 'mean') =>
      ({ kind: 'numeric', input, scaling: 'standard', missing, clamp: true }) as const;
    const categorical = (input: string) =>
      ({ kind: 'categorical', input, minCount: 1, vocabularyMax: 10, embedding: 0 }) as const;
    const features: FeaturePlan['features'] = [
      ...['price', 'rounded', 'none', 'rare'].map((input) => numeric(input)),
      numeric('flagged', { constant: 0 }),
      ...['country', 'crossed', 'size'].map(categorical),
      { kind: 'cross', inputs: ['crossed', 'size'], buckets: 10, embedding: 0 },
    ];
    const { plan: fitted, warnings } = fitPlan(
      { inputs, features },
      {
        price: of((i) => i),
        // As sums in another order give it.
        rounded: of((i) => 0.003467 * (1 + (i % 3) * 1e-15)),
        none: of(() => null),
        rare: of((i) => (i < 8 ? i : null)),
        // Whether it is there is all that it tells.
        flagged: of((i) => (i % 2 === 0 ? 7 : null)),
        country: of(() => 'CH'),
        crossed: of(() => 'A'),
        size: of((i) => (i % 2 === 0 ? 'S' : 'L')),
      },
    );
    expect(fitted.steps.map((step) => (step.kind === 'cross' ? step.inputs : step.input))).toEqual([
      ...['price', 'rare', 'flagged', 'crossed', 'size'],
      ['crossed', 'size'],
    ]);
    expect(fitted.leftOut).toEqual([
      { kind: 'numeric', input: 'rounded' },
      { kind: 'numeric', input: 'none' },
      { kind: 'categorical', input: 'country' },
    ]);
    expect(warnings.map(({ sentence }) => sentence)).toEqual([
      'Feature "rounded" is left out: it is 0.003467 in all 200 training rows, up to rounding.',
      'Feature "none" is left out: it has no value of use in any of the 200 training rows.',
      'Feature "rare" is missing in 96.0 % of the 200 training rows.',
      'Feature "country" is left out: it is CH in all 200 training rows, up to rounding.',
    ]);
    // They stay inputs of the signature, whatever a live row brings.
    const back = parsePlan(JSON.stringify(fitted));
    expect(back).toEqual(fitted);
    const row = (rounded: number) => {
      const out = new Float32Array(back.width);
      encodeRow(back, [5, rounded, 1, 2, 7, 'FR', 'A', 'S'], out, 0);
      return [...out];
    };
    expect(row(99)).toEqual(row(0.003467));
  });

  it('clamps numbers to the range seen in training, unless the project does not want it', () => {
    const at = (clamp: boolean, scaling: string) => {
      const spec = { kind: 'numeric', input: 'x', scaling, period: 24, missing: { constant: -50 }, clamp } as const;
      const { plan: fitted } = fitPlan(
        { inputs: [{ name: 'x', type: 'number' }], features: [spec] },
        { x: [2, null, 10, 6] },
      );
      const back = parsePlan(JSON.stringify(fitted));
      return (x: number | null) => [...encodeRows(back, { x: [x] })];
    };
    for (const { name } of SCALINGS) {
      const [clamped, free] = [at(true, name), at(false, name)];
      for (const [outside, end] of [
        [1e6, 10],
        [-7, 2],
      ] as const) {
        expect(clamped(outside)[0]).toBe(clamped(end)[0]);
        expect(free(outside)[0]).not.toBe(free(end)[0]);
        // The angle of a period knows no range.
        expect(clamped(outside).slice(1)).toEqual(free(outside).slice(1));
      }
      // Inside, and where a value is missing, both are the same.
      for (const x of [2, 7.5, 10, null]) expect(clamped(x)).toEqual(free(x));
    }
    expect(() => parsePlan(JSON.stringify(withClamp({ min: 1, max: null })))).toThrow(/corrupt/);
  });
});

/** A plan of one number with that clamp. */
function withClamp(clamp: unknown) {
  const step = { kind: 'numeric', input: 'x', at: 0, scaling: 'none', offset: 0, scale: 1, fill: 0, clamp };
  return { format: 2, inputs: [{ name: 'x', type: 'number' }], steps: [step], width: 1, rows: 1 };
}

describe('encodeRows', () => {
  const fitted = fitPlan(plan, columns).plan;

  it('scales, looks up, marks unknown with 0 and crosses known values only', () => {
    const rows = encodeRows(fitted, columns);
    const row = (i: number) => [...rows.subarray(i * 9, i * 9 + 9)];
    const logs = [100, 2000, 500, 700].map(Math.log1p);
    const mean = logs.reduce((a, b) => a + b) / 4;
    const std = Math.sqrt(logs.reduce((a, b) => a + (b - mean) ** 2, 0) / 4);
    expect(row(0)[1]).toBeCloseTo((Math.log1p(100) - mean) / std, 5);
    expect(row(2)[1]).toBeCloseTo((Math.log1p(825) - mean) / std, 5);
    expect([row(0)[0], row(0)[2], row(0)[6], row(0)[7]]).toEqual([3, 1, 2, 5]);
    expect(row(1)[7]).toBe(2);
    expect([row(4)[0], row(4)[2], row(4)[7], row(4)[8]]).toEqual([0, 0, 0, 0]);
    expect(row(4)[3]).toBe(12);
    expect(row(0)[4]).toBeCloseTo(Math.sin((2 * Math.PI * 7) / 24), 6);
    expect(row(0)[8]).toBeGreaterThanOrEqual(1);
    expect(row(0)[8]).toBeLessThanOrEqual(3);
  });

  it('gives the same numbers row by row as by columns, for any input', () => {
    const value = fc.oneof(fc.constant(null), fc.double(), fc.integer({ min: 0, max: 24 }));
    const text = fc.oneof(fc.constant(null), fc.constantFrom('ATL', 'ORD', 'RIC'), fc.string());
    const flag = fc.oneof(fc.constant(null), fc.boolean());
    fc.assert(
      fc.property(fc.array(fc.tuple(value, value, text, flag), { maxLength: 20 }), (rows) => {
        const all = encodeRows(fitted, {
          hour: rows.map((r) => r[0]),
          distance: rows.map((r) => r[1]),
          origin: rows.map((r) => r[2]),
          holiday: rows.map((r) => r[3]),
        });
        const single = new Float32Array(all.length);
        rows.forEach((r, i) => {
          encodeRow(fitted, r, single, i * 9);
        });
        expect(single).toEqual(all);
        expect(all.every(Number.isFinite)).toBe(true);
      }),
    );
  });
});
