// Bounds of means: held by seeded streams that are looked at after every value, by properties, and at the edges of
// input.

import { describe, expect, it } from '@jest/globals';
import { type Rng, seededRng } from '@millrace/domain';
import fc from 'fast-check';
import {
  BoundedMean,
  type BoundedMeanState,
  type Bounds,
  MEAN_COUNT_MIN,
  type MeanOptions,
  Moments,
  type Moments2,
  meanBounds,
  meanDifference,
} from '../index.js';

const STREAMS = 200;
const ALPHA = 0.1;
const WRONG_MAX = STREAMS * ALPHA + 3.1 * Math.sqrt(STREAMS * ALPHA * (1 - ALPHA));
const OPTIONS: MeanOptions = { alpha: ALPHA, tunedFor: 1_000 };

function wrongOf(looks: number, stream: (rng: Rng) => () => boolean): number {
  let wrong = 0;
  for (let seed = 1; seed <= STREAMS; seed++) {
    const look = stream(seededRng(seed));
    for (let i = 0; i < looks; i++) {
      if (look()) {
        wrong += 1;
        break;
      }
    }
  }
  return wrong;
}

const momentsOf = (values: readonly number[]) => {
  const moments = new Moments();
  for (const value of values) moments.add(value);
  return moments;
};

describe('the mean from moments', () => {
  it.each([
    ['normal', (rng: Rng) => rng.normal(), 0],
    ['exponential', (rng: Rng) => -Math.log(1 - rng.next()), 1],
  ] as const)('%s: outside at any of 1,000 looks in no more streams than alpha says', (_, draw, truth) => {
    const wrong = wrongOf(1_000, (rng) => {
      const moments = new Moments();
      return () => {
        moments.add(draw(rng));
        const { lower, upper } = meanBounds(moments.state(), OPTIONS);
        return lower > truth || upper < truth;
      };
    });
    expect(wrong).toBeLessThanOrEqual(WRONG_MAX);
  });

  it('of two arms: the difference is outside in no more streams than alpha says', () => {
    const wrong = wrongOf(1_500, (rng) => {
      const [first, second] = [new Moments(), new Moments()];
      return () => {
        if (rng.next() < 0.2) second.add(2 - 2 * Math.log(1 - rng.next()));
        else first.add(-Math.log(1 - rng.next()));
        const { lower, upper } = meanDifference(first.state(), second.state(), OPTIONS);
        return lower > 3 || upper < 3;
      };
    });
    expect(wrong).toBeLessThanOrEqual(WRONG_MAX);
  });

  it('of two arms has the variance of both, and the time of all values', () => {
    const [first, second] = [
      { count: 400, mean: 1, m2: 1_600 },
      { count: 100, mean: 4, m2: 900 },
    ];
    // 4 / 400 + 9 / 100 = .1: as one mean of 500 values whose variance is 50.
    const one = meanBounds({ count: 500, mean: 3, m2: 500 * 50 }, OPTIONS);
    const two = meanDifference(first, second, OPTIONS);
    expect(two.lower).toBeCloseTo(one.lower, 10);
    expect(two.upper).toBeCloseTo(one.upper, 10);
  });

  it('is narrowest, next to what one look would allow, for the number it is tuned for', () => {
    const ratio = (count: number, tunedFor: number) => {
      const { lower, upper } = meanBounds({ count, mean: 0, m2: count }, { alpha: 0.01, tunedFor });
      return ((upper - lower) / 2) * (Math.sqrt(count) / 2.5758);
    };
    expect(ratio(1_000, 1_000)).toBeLessThan(1.4);
    expect(ratio(1_000, 1_000)).toBeLessThan(ratio(1_000, 500));
    expect(ratio(1_000, 1_000)).toBeLessThan(ratio(1_000, 2_000));
    expect(ratio(10_000, 1_000)).toBeLessThan(1.06 * ratio(1_000, 1_000));
    expect(ratio(100, 1_000)).toBeLessThan(1.22 * ratio(1_000, 1_000));
  });

  it('does not depend on how values were split over processes, and scales with them', () => {
    const values = fc.array(fc.double({ min: -1e3, max: 1e3, noNaN: true }), { minLength: 200, maxLength: 300 });
    fc.assert(
      fc.property(values, fc.nat(200), (all, cut) => {
        const whole = meanBounds(momentsOf(all).state(), OPTIONS);
        const [left, right] = [momentsOf(all.slice(0, cut)), momentsOf(all.slice(cut))];
        const turned = momentsOf(all.slice(cut));
        turned.merge(left);
        left.merge(right);
        for (const merged of [left, turned]) {
          const bounds = meanBounds(merged.state(), OPTIONS);
          expect(bounds.lower).toBeCloseTo(whole.lower, 6);
          expect(bounds.upper).toBeCloseTo(whole.upper, 6);
        }
        const scaled = meanBounds(momentsOf(all.map((x) => 10 * x)).state(), OPTIONS);
        expect(scaled.upper / 10).toBeCloseTo(whole.upper, 6);
        const wider = meanBounds(momentsOf(all).state(), { ...OPTIONS, alpha: ALPHA / 2 });
        expect(wider.lower).toBeLessThanOrEqual(whole.lower);
        expect(wider.upper).toBeGreaterThanOrEqual(whole.upper);
      }),
      { numRuns: 50 },
    );
  });

  it('says nothing of too few values or of values that never varied', () => {
    const open: Bounds = { lower: Number.NEGATIVE_INFINITY, upper: Number.POSITIVE_INFINITY };
    const few: Moments2 = { count: MEAN_COUNT_MIN - 1, mean: 1, m2: 5 };
    const enough: Moments2 = { count: MEAN_COUNT_MIN, mean: 1, m2: 5 };
    expect(meanBounds({ count: 0, mean: 0, m2: 0 }, OPTIONS)).toEqual(open);
    expect(meanBounds(few, OPTIONS)).toEqual(open);
    expect(meanBounds({ ...enough, m2: 0 }, OPTIONS)).toEqual(open);
    expect(meanDifference(few, enough, OPTIONS)).toEqual(open);
    expect(meanDifference(enough, few, OPTIONS)).toEqual(open);
    expect(meanDifference({ ...enough, m2: 0 }, { ...enough, m2: 0 }, OPTIONS)).toEqual(open);
    expect(Number.isFinite(meanBounds(enough, OPTIONS).lower)).toBe(true);
    expect(meanDifference(enough, enough, OPTIONS).lower).toBe(-meanDifference(enough, enough, OPTIONS).upper);
  });

  it.each([
    [{ count: Number.NaN, mean: 0, m2: 1 }, OPTIONS],
    [{ count: 200, mean: Number.NaN, m2: 1 }, OPTIONS],
    [{ count: 200, mean: 0, m2: Number.NaN }, OPTIONS],
    [{ count: 200, mean: 0, m2: -1 }, OPTIONS],
    [
      { count: 200, mean: 0, m2: 1 },
      { alpha: 1, tunedFor: 1 },
    ],
    [
      { count: 200, mean: 0, m2: 1 },
      { alpha: 0.1, tunedFor: 0 },
    ],
  ])('refuses %j with %j', (moments, options) => {
    expect(() => meanBounds(moments, options)).toThrow('assertion failed');
    expect(() => meanDifference(moments, moments, options)).toThrow('assertion failed');
  });
});

describe('the mean of values in a range', () => {
  const range = { alpha: ALPHA, low: -2, high: 8 };

  it.each([
    ['rare high values', (rng: Rng) => (rng.next() < 0.01 ? 8 : -2), -1.9],
    ['uniform', (rng: Rng) => -2 + 10 * rng.next(), 3],
  ] as const)('%s: outside at any of 1,000 looks in no more streams than alpha says', (_, draw, truth) => {
    const wrong = wrongOf(1_000, (rng) => {
      const mean = new BoundedMean(range);
      return () => {
        mean.update(draw(rng));
        const { lower, upper } = mean.bounds();
        return lower > truth || upper < truth;
      };
    });
    expect(wrong).toBeLessThanOrEqual(WRONG_MAX);
  });

  it('starts with the whole range, closes in, and stays inside of it', () => {
    const mean = new BoundedMean(range);
    expect(mean.bounds()).toEqual({ lower: -2, upper: 8 });
    for (let i = 0; i < 10_000; i++) mean.update(-2);
    expect(mean.bounds().lower).toBe(-2);
    expect(mean.bounds().upper).toBeLessThan(-1.98);
  });

  it('goes on from its saved form as if nothing had been', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: -2, max: 8, noNaN: true }), { maxLength: 60 }),
        fc.nat(60),
        (values, cut) => {
          const whole = new BoundedMean(range);
          let parted = new BoundedMean(range);
          for (const [i, value] of values.entries()) {
            if (i === cut)
              parted = BoundedMean.fromState(JSON.parse(JSON.stringify(parted.state())) as BoundedMeanState);
            whole.update(value);
            parted.update(value);
          }
          expect(parted.bounds()).toEqual(whole.bounds());
          expect(parted.count).toBe(values.length);
        },
      ),
    );
  });

  it('refuses what is no range, no value of it and no state', () => {
    for (const settings of [
      { ...range, alpha: 0 },
      { ...range, low: 8 },
      { ...range, high: Number.NaN },
      { ...range, high: Number.POSITIVE_INFINITY },
    ]) {
      expect(() => new BoundedMean(settings)).toThrow('assertion failed');
    }
    for (const value of [-2.1, 8.1, Number.NaN]) {
      expect(() => new BoundedMean(range).update(value)).toThrow('assertion failed');
    }
    expect(() => BoundedMean.fromState({ ...new BoundedMean(range).state(), bets: Number.NaN })).toThrow('bets is NaN');
  });
});
