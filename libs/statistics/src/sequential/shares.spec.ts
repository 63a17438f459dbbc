// Bounds of shares, of their difference and of quantiles, and the tests of counts: held by seeded streams that are
// looked at after every observation, by properties, and at the edges of their input.

import { describe, expect, it } from '@jest/globals';
import { type Rng, seededRng } from '@millrace/domain';
import fc from 'fast-check';
import {
  type Count,
  quantileBounds,
  type ShareOptions,
  ShareTest,
  type Side,
  type Stratum,
  sameCountsLogE,
  shareBounds,
  shareDifference,
  splitLogE,
  stratifiedShareDifference,
} from '../index.js';
import { shareLogE } from './share-bounds.js';

const STREAMS = 200;
const ALPHA = 0.1;
/** Of STREAMS streams at error ALPHA, no more than this are wrong but in one of 1,000 tries. */
const WRONG_MAX = STREAMS * ALPHA + 3.1 * Math.sqrt(STREAMS * ALPHA * (1 - ALPHA));

/** How many streams are refused at any of `looks` looks. */
function refusedOf(looks: number, stream: (rng: Rng) => (look: number) => boolean): number {
  let refused = 0;
  for (let seed = 1; seed <= STREAMS; seed++) {
    const look = stream(seededRng(seed));
    for (let i = 0; i < looks; i++) {
      if (look(i)) {
        refused += 1;
        break;
      }
    }
  }
  return refused;
}

function binomial(k: number, n: number, p: number): number {
  let probability = p ** k * (1 - p) ** (n - k);
  for (let i = 1; i <= k; i++) probability *= (n - k + i) / i;
  return probability;
}

const counted = fc
  .tuple(fc.integer({ min: 0, max: 3_000 }), fc.double({ min: 0, max: 1, noNaN: true }))
  .map(([n, share]): Count => ({ n, k: Math.round(n * share ** 3) }));
const alphas = fc.double({ min: 1e-6, max: 0.5, noNaN: true });

describe('a share', () => {
  it.each([0.002, 0.05, 0.5])('of %d is outside at any of 1,000 looks in no more streams than alpha says', (p) => {
    const refused = refusedOf(1_000, (rng) => {
      let k = 0;
      return (i) => {
        if (rng.next() < p) k += 1;
        return shareLogE(k, i + 1, p) >= -Math.log(ALPHA);
      };
    });
    expect(refused).toBeLessThanOrEqual(WRONG_MAX);
    // Loose, but not so loose that nothing could be refused; of 1 in 500, hardly anything was seen.
    if (p > 0.01) expect(refused).toBeGreaterThan(0);
  });

  it('has bounds where the evidence reaches the bar, around what was seen, narrower for a larger alpha', () => {
    fc.assert(
      fc.property(counted, alphas, ({ k, n }, alpha) => {
        const { lower, upper } = shareBounds(k, n, alpha);
        expect(lower).toBeGreaterThanOrEqual(0);
        expect(upper).toBeLessThanOrEqual(1);
        if (n === 0) return;
        expect(lower).toBeLessThanOrEqual(k / n);
        expect(upper).toBeGreaterThanOrEqual(k / n);
        for (const p of [lower, upper]) if (p > 0 && p < 1) expect(shareLogE(k, n, p)).toBeCloseTo(-Math.log(alpha), 4);
        const wider = shareBounds(k, n, alpha / 2);
        expect(wider.lower).toBeLessThanOrEqual(lower);
        expect(wider.upper).toBeGreaterThanOrEqual(upper);
      }),
      { numRuns: 200 },
    );
  });

  it('answers where nothing, none or all was seen', () => {
    expect(shareBounds(0, 0, 0.01)).toEqual({ lower: 0, upper: 1 });
    expect(shareBounds(0, 1_000, 0.01).lower).toBe(0);
    // Not more than 1.1 times what one look at a number fixed beforehand could say: 1 - alpha^(1/n).
    expect(shareBounds(0, 1_000, 0.01).upper).toBeLessThan(1.1 * (1 - 0.01 ** (1 / 1_000)));
    expect(shareBounds(7, 7, 0.01).upper).toBe(1);
    expect(shareBounds(1e9, 1e12, 0.01).lower).toBeCloseTo(0.001, 6);
  });

  it.each([
    [-1, 5, 0.01],
    [6, 5, 0.01],
    [Number.NaN, 5, 0.01],
    [0, Number.NaN, 0.01],
    [0, Number.POSITIVE_INFINITY, 0.01],
    [1, 5, 0],
    [1, 5, 1],
    [1, 5, Number.NaN],
  ])('refuses %d of %d at %d', (k, n, alpha) => {
    expect(() => shareBounds(k, n, alpha)).toThrow('assertion failed');
  });
});

describe('a difference of two shares', () => {
  const tuned: ShareOptions = { expected: { effect: 0.05, baseline: 0.01 } };
  // One look an observation, at the truth itself: wrong where either side refuses it.
  it.each([
    ['equal arms, a tenth of the traffic', 0.1, 0.02, 0, {}],
    ['equal arms', 0.5, 0.02, 0, {}],
    ['the second 5 points more, as expected', 0.5, 0.01, 0.05, tuned],
    ['the second 20 points less', 0.3, 0.5, -0.2, {}],
  ] as const)('%s: refused in no more streams than alpha says', (_, share, baseline, difference, options) => {
    const sides = (['more', 'fewer'] satisfies Side[]).map((side) => new ShareTest(difference, side, options));
    const refused = refusedOf(400, (rng) => {
      const [first, second] = [
        { k: 0, n: 0 },
        { k: 0, n: 0 },
      ];
      return () => {
        const arm = rng.next() < share ? second : first;
        arm.n += 1;
        if (rng.next() < (arm === second ? baseline + difference : baseline)) arm.k += 1;
        return sides.some((side) => side.logE([{ first, second, share }]) >= Math.log(2 / ALPHA));
      };
    });
    expect(refused).toBeLessThanOrEqual(WRONG_MAX);
  });

  it.each([
    [0, 0.2, [0.1, 0.1]],
    [0, 0.5, [0.6, 0.2]],
    [0.1, 0.3, [0.05, 0.15]],
    [0.1, 0.3, [0.4, 0.45]],
    [-0.2, 0.1, [0.3, 0.1]],
  ])(
    'evidence against more than %d at a share of %d is 1 at most on average, counted out, for %j',
    (margin, share, p) => {
      // Arms drawn, and arms as they came with the counts' own share: every outcome of SEEN observations.
      const test = new ShareTest(margin, 'more', { expected: { effect: 0.15, baseline: 0.1 } });
      const SEEN = 8;
      let drawn = 0;
      for (let n = 0; n <= SEEN; n++) {
        let given = 0;
        for (let k1 = 0; k1 <= SEEN - n; k1++) {
          for (let k2 = 0; k2 <= n; k2++) {
            const probability = binomial(k1, SEEN - n, p[0] as number) * binomial(k2, n, p[1] as number);
            const stratum = { first: { k: k1, n: SEEN - n }, second: { k: k2, n } };
            drawn += binomial(n, SEEN, share) * probability * Math.exp(test.logE([{ ...stratum, share }]));
            given += probability * Math.exp(test.logE([stratum]));
          }
        }
        expect(given).toBeLessThan(1 + 1e-9);
      }
      expect(drawn).toBeLessThan(1 + 1e-9);
      // On the edge of the null, nothing is given away.
      if ((p[1] as number) - (p[0] as number) === margin) expect(drawn).toBeGreaterThan(0.9);
    },
  );

  it('does not take a level that moved between two steps for a difference, if the steps are strata', () => {
    // 2 % of 100 to the canary while one in 100 fails, then half of the traffic while one in five does.
    const strata: Stratum[] = [
      { first: { k: 49, n: 4_900 }, second: { k: 1, n: 100 } },
      { first: { k: 200, n: 1_000 }, second: { k: 200, n: 1_000 } },
    ];
    const { lower, upper } = stratifiedShareDifference(strata, 0.01);
    expect(lower).toBeLessThan(0);
    expect(upper).toBeGreaterThan(0);
    const [first, second] = [
      { k: 249, n: 5_900 },
      { k: 201, n: 1_100 },
    ];
    expect(shareDifference(first, second, 0.01).lower).toBeGreaterThan(0.05);
  });

  it('is the same however the evidence of one split was merged', () => {
    const parts = fc.array(fc.tuple(counted, counted), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(parts, (pairs) => {
        const test = new ShareTest(0.01, 'more');
        const strata = pairs.map(([first, second]) => ({ first, second, share: 0.3 }));
        const sum = (of: (stratum: Stratum) => Count) => ({
          k: strata.reduce((all, stratum) => all + of(stratum).k, 0),
          n: strata.reduce((all, stratum) => all + of(stratum).n, 0),
        });
        const whole = { first: sum(({ first }) => first), second: sum(({ second }) => second), share: 0.3 };
        const merged = test.logE([whole]);
        const near = 1e-9 * (1 + Math.abs(merged));
        expect(Math.abs(test.logE(strata) - merged)).toBeLessThan(near);
        expect(Math.abs(test.logE([...strata].reverse()) - merged)).toBeLessThan(near);
      }),
      { numRuns: 100 },
    );
  });

  it('surrounds what was seen, turns with its arms, narrows with alpha', () => {
    fc.assert(
      fc.property(counted, counted, fc.constantFrom(0.2, 0.01, 1e-4), (first, second, alpha) => {
        const { lower, upper } = shareDifference(first, second, alpha);
        if (first.n === 0 || second.n === 0) {
          expect({ lower, upper }).toEqual({ lower: -1, upper: 1 });
          return;
        }
        const seen = second.k / second.n - first.k / first.n;
        expect(lower).toBeLessThanOrEqual(seen);
        expect(upper).toBeGreaterThanOrEqual(seen);
        // Each side is a test at half of alpha.
        for (const [side, edge] of [
          ['more', lower],
          ['fewer', upper],
        ] as const) {
          if (Math.abs(edge) >= 0.999 || Math.abs(edge - seen) < 1e-6) continue;
          const evidence = new ShareTest(edge, side).logE([{ first, second }]);
          expect(Math.abs(evidence - Math.log(2 / alpha))).toBeLessThan(0.01);
        }
        const turned = shareDifference(second, first, alpha);
        expect(turned.lower).toBeCloseTo(-upper, 6);
        expect(turned.upper).toBeCloseTo(-lower, 6);
        const wider = shareDifference(first, second, alpha / 2);
        expect(wider.lower).toBeLessThanOrEqual(lower + 1e-6);
        expect(wider.upper).toBeGreaterThanOrEqual(upper - 1e-6);
      }),
      { numRuns: 25 },
    );
  });

  it('is narrower than what a bound on each arm gives', () => {
    const [first, second] = [
      { k: 10, n: 2_000 },
      { k: 12, n: 400 },
    ];
    const [one, other] = [shareBounds(first.k, first.n, 0.005), shareBounds(second.k, second.n, 0.005)];
    const { lower, upper } = shareDifference(first, second, 0.01);
    expect(lower).toBeGreaterThan(other.lower - one.upper);
    expect(upper).toBeLessThan(other.upper - one.lower);
    expect(shareDifference({ k: 20, n: 2_000 }, { k: 2, n: 400 }, 0.01).lower).toBeLessThan(0);
    expect(shareDifference({ k: 10, n: 2_000 }, { k: 24, n: 400 }, 0.01).lower).toBeGreaterThan(0.01);
  });

  it('answers at the ends', () => {
    expect(shareDifference({ k: 0, n: 1_000_000 }, { k: 1_000_000, n: 1_000_000 }, 0.01).upper).toBe(1);
    expect(shareDifference({ k: 0, n: 1_000_000 }, { k: 1_000_000, n: 1_000_000 }, 0.01).lower).toBeGreaterThan(0.9999);
    const none = shareDifference({ k: 0, n: 10_000 }, { k: 0, n: 10_000 }, 0.01);
    expect(none.lower).toBeGreaterThan(-0.002);
    expect(none.upper).toBeLessThan(0.002);
  });

  it.each([
    [{ k: 2, n: 1 }, 0.01, {}],
    [{ k: Number.NaN, n: 1 }, 0.01, {}],
    [{ k: 1, n: 1 }, Number.NaN, {}],
    [{ k: 1, n: 1 }, 0.01, { expected: { effect: 0, baseline: 0.1 } }],
    [{ k: 1, n: 1 }, 0.01, { expected: { effect: 0.1, baseline: 1 } }],
  ] as const)('refuses %j at %d with %j', (second, alpha, options) => {
    expect(() => shareDifference({ k: 1, n: 2 }, second, alpha, options)).toThrow('assertion failed');
  });

  it.each([-1, 1, Number.NaN])('refuses a margin of %d', (margin) => {
    expect(() => new ShareTest(margin, 'more')).toThrow('assertion failed');
  });
});

describe('a quantile from buckets', () => {
  const edges = [1, 2, 4, 8, 16, Number.POSITIVE_INFINITY];

  it.each([0.5, 0.9])('at %d is outside at any of 300 looks in no more streams than alpha says', (q) => {
    // Uniform over [0, 10): the quantile is 10 q.
    const refused = refusedOf(300, (rng) => {
      const cumulative = edges.map(() => 0);
      return () => {
        const x = 10 * rng.next();
        for (const [i, edge] of edges.entries()) if (x <= edge) cumulative[i]! += 1;
        const { lower, upper } = quantileBounds(cumulative, edges, q, ALPHA);
        return lower > 10 * q || upper < 10 * q;
      };
    });
    expect(refused).toBeLessThanOrEqual(WRONG_MAX);
  });

  it('closes in on the bucket that holds it', () => {
    const at = (n: number) => quantileBounds([0.1 * n, 0.2 * n, 0.4 * n, 0.8 * n, n, n], edges, 0.5, 0.01);
    expect(at(10)).toEqual({ lower: Number.NEGATIVE_INFINITY, upper: Number.POSITIVE_INFINITY });
    expect(at(100)).toEqual({ lower: 2, upper: 8 });
    expect(at(100_000)).toEqual({ lower: 4, upper: 8 });
  });

  it('says nothing where nothing was seen, and does not cut off what lies above all edges', () => {
    const open = { lower: Number.NEGATIVE_INFINITY, upper: Number.POSITIVE_INFINITY };
    expect(quantileBounds([], [], 0.5, 0.01)).toEqual(open);
    expect(quantileBounds([0, 0], [1, 2], 0.5, 0.01)).toEqual(open);
    expect(quantileBounds([0, 1_000], [1, Number.POSITIVE_INFINITY], 0.5, 0.01)).toEqual({
      lower: 1,
      upper: Number.POSITIVE_INFINITY,
    });
  });

  it('narrows with alpha', () => {
    const rising = fc.array(fc.nat(500), { minLength: 6, maxLength: 6 }).map((counts) => {
      let sum = 0;
      return counts.map((count) => {
        sum += count;
        return sum;
      });
    });
    fc.assert(
      fc.property(rising, fc.constantFrom(0.1, 0.5, 0.99), (cumulative, q) => {
        const [narrow, wide] = [0.2, 0.001].map((alpha) => quantileBounds(cumulative, edges, q, alpha));
        expect(wide!.lower).toBeLessThanOrEqual(narrow!.lower);
        expect(wide!.upper).toBeGreaterThanOrEqual(narrow!.upper);
        expect(narrow!.lower).toBeLessThan(narrow!.upper);
      }),
    );
  });

  it.each([
    [[1, 2], [1], 0.5],
    [[2, 1], [1, 2], 0.5],
    [[1, 2], [2, 1], 0.5],
    [[1, Number.NaN], [1, 2], 0.5],
    [[1, 2], [1, Number.NaN], 0.5],
    [[-1, 2], [1, 2], 0.5],
    [[1, 2], [1, 2], 0],
    [[1, 2], [1, 2], Number.NaN],
  ])('refuses %j over %j at %d', (cumulative, edgesOf, q) => {
    expect(() => quantileBounds(cumulative, edgesOf, q, 0.01)).toThrow('assertion failed');
  });
});

describe('counts of two arms', () => {
  const bins = [0.5, 0.3, 0.15, 0.05];
  const binOf = (rng: Rng, of: readonly number[]) => {
    let u = rng.next();
    for (const [i, p] of of.entries()) {
      u -= p;
      if (u < 0) return i;
    }
    return of.length - 1;
  };

  it.each([
    ['the planned share', 0.2],
    ['their own share', undefined],
  ])('of one distribution are told apart in no more streams than alpha says, by %s', (_, share) => {
    const refused = refusedOf(300, (rng) => {
      const [first, second] = [bins.map(() => 0), bins.map(() => 0)];
      return () => {
        (rng.next() < 0.2 ? second : first)[binOf(rng, bins)]! += 1;
        return sameCountsLogE(first, second, share) >= -Math.log(ALPHA);
      };
    });
    expect(refused).toBeLessThanOrEqual(WRONG_MAX);
  });

  it('of one distribution: evidence is 1 at most on average, counted out', () => {
    const [n1, n2] = [7, 4];
    for (const p of [0.5, 0.1]) {
      let own = 0;
      for (let k1 = 0; k1 <= n1; k1++) {
        for (let k2 = 0; k2 <= n2; k2++) {
          const probability = binomial(k1, n1, p) * binomial(k2, n2, p);
          own += probability * Math.exp(sameCountsLogE([k1, n1 - k1], [k2, n2 - k2]));
        }
      }
      expect(own).toBeLessThan(1);
    }
    let split = 0;
    for (let k = 0; k <= 40; k++) split += binomial(k, 40, 0.1) * Math.exp(splitLogE(40 - k, k, 0.1));
    expect(split).toBeCloseTo(1, 9);
  });

  it('of two distributions are told apart', () => {
    expect(sameCountsLogE([500, 300, 150, 50], [40, 80, 60, 20])).toBeGreaterThan(Math.log(100));
    expect(sameCountsLogE([500, 300, 150, 50], [100, 60, 30, 10])).toBeLessThan(0);
    expect(sameCountsLogE([1_000, 0], [0, 5])).toBeGreaterThan(Math.log(100));
  });

  it('of events follow the traffic in no more streams than alpha lets differ, and do not where one arm has more', () => {
    const refused = refusedOf(500, (rng) => {
      let [first, second] = [0, 0];
      return () => {
        if (rng.next() < 0.1) second += 1;
        else first += 1;
        return splitLogE(first, second, 0.1) >= -Math.log(ALPHA);
      };
    });
    expect(refused).toBeLessThanOrEqual(WRONG_MAX);
    expect(refused).toBeGreaterThan(0);
    expect(splitLogE(10, 12, 0.1)).toBeGreaterThan(Math.log(100));
    expect(splitLogE(90, 10, 0.1)).toBeLessThan(0);
    expect(splitLogE(200, 0, 0.1)).toBeGreaterThan(Math.log(100));
  });

  it('say nothing where an arm saw nothing', () => {
    expect([sameCountsLogE([], []), sameCountsLogE([3, 4], [0, 0]), splitLogE(0, 0, 0.5)]).toEqual(
      [0, 0, 0].map(near0),
    );
  });

  it('are added in any order, and bins may stand in any order', () => {
    const arms = fc.array(fc.tuple(fc.nat(2_000), fc.nat(500)), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(arms, (pairs) => {
        const logE = (of: readonly (readonly [number, number])[]) =>
          sameCountsLogE(
            of.map(([k]) => k),
            of.map(([, k]) => k),
          );
        const forward = logE(pairs);
        expect(Math.abs(logE([...pairs].reverse()) - forward)).toBeLessThan(1e-6 * (1 + Math.abs(forward)));
        expect(forward).not.toBeNaN();
      }),
    );
  });

  it.each([
    [[1], [1, 2], undefined],
    [[1, -1], [1, 2], undefined],
    [[1, Number.NaN], [1, 2], 0.5],
    [[1, 2], [1, 2], 0],
    [[1, 2], [1, 2], Number.NaN],
  ])('refuses %j beside %j at a share of %p', (first, second, share) => {
    expect(() => sameCountsLogE(first, second, share)).toThrow('assertion failed');
  });
});

/** A sum of equal weights is 1 to rounding. */
const near0 = (x: number) => expect.closeTo(x, 12);
