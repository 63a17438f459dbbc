import { describe, expect, it } from '@jest/globals';
import { type Rng, seededRng } from '@millrace/domain';
import { Moments } from '../moments.js';
import { BoundedDifferenceTest } from './bounded-difference.js';

const OPTIONS = { effect: 0.05, alpha: 0.05 };
const MISSED = 0.05;
/** Values of a mean: few values, skewed, and nearly always the same. */
const SHAPES: readonly ((rng: Rng, mean: number) => number)[] = [
  (rng, mean) => (rng.next() < mean ? 1 : 0),
  (rng, mean) => mean * 2 * rng.next(),
  (rng, mean) => (rng.next() < mean / 0.9 ? 0.9 : 0),
];

interface Run {
  shape: (rng: Rng, mean: number) => number;
  means: readonly [number, number];
  seed: number;
  blocks: number;
  block?: readonly [number, number];
  /** Of both means, from block to block. */
  drift?: number;
}

function run({ shape, means, seed, blocks, block = [8, 3], drift = 0 }: Run) {
  const rng = seededRng(seed);
  const test = new BoundedDifferenceTest(OPTIONS);
  const seen = { higher: false, notHigher: false, outside: false };
  for (let at = 0; at < blocks; at++) {
    const [first, second] = means.map((mean, group) => {
      const moments = new Moments();
      for (let i = 0; i < (block[group] as number); i++) moments.add(shape(rng, mean + drift * Math.sin(at / 20)));
      return moments.state();
    }) as [ReturnType<Moments['state']>, ReturnType<Moments['state']>];
    test.add(first, second);
    seen.higher ||= test.logHigher >= Math.log(1 / OPTIONS.alpha);
    seen.notHigher ||= test.logNotHigher >= Math.log(1 / MISSED);
    const { lower, upper } = test.bounds();
    const truth = means[1] - means[0];
    seen.outside ||= truth < lower || truth > upper;
  }
  return { ...seen, width: test.bounds().upper - test.bounds().lower };
}

const many = (part: Omit<Run, 'seed'>, seeds = 100) =>
  Array.from({ length: seeds }, (_, seed) => run({ ...part, seed }));

describe('the difference of two bounded means', () => {
  it.each(SHAPES.map((shape, at) => [at, shape] as const))(
    'shape %i: of 100 runs without a difference, looked at after each of 200 blocks, at most 10 say that there is one',
    (_, shape) => {
      // Promised are 5; more than 11 of 100 have a probability of .4 % where 5 % are wrong. Both drift together, too.
      const runs = many({ shape, means: [0.25, 0.25], blocks: 200, drift: 0.1 });
      expect(runs.filter(({ higher }) => higher).length).toBeLessThanOrEqual(11);
      expect(runs.filter(({ outside }) => outside).length).toBeLessThanOrEqual(11);
    },
    30_000,
  );

  it.each(SHAPES.map((shape, at) => [at, shape] as const))(
    'shape %i: the stated effect is seen, and is called absent by few',
    (_, shape) => {
      const runs = many({ shape, means: [0.25, 0.3], blocks: 2_000 }, 40);
      expect(runs.filter(({ higher }) => higher).length).toBeGreaterThanOrEqual(36);
      expect(runs.filter(({ notHigher, higher }) => notHigher && !higher).length).toBeLessThanOrEqual(6);
      expect(runs.filter(({ outside }) => outside).length).toBeLessThanOrEqual(6);
    },
    60_000,
  );

  it('without a difference it says so, and its interval narrows', () => {
    const shape = SHAPES[1] as Run['shape'];
    const [few, lots] = [
      many({ shape, means: [0.25, 0.25], blocks: 100 }, 20),
      many({ shape, means: [0.25, 0.25], blocks: 1_600 }, 20),
    ];
    expect(lots.filter(({ notHigher }) => notHigher).length).toBeGreaterThanOrEqual(18);
    const width = (runs: typeof few) => runs.reduce((sum, one) => sum + one.width, 0) / runs.length;
    expect(width(lots)).toBeLessThan(width(few) / 2);
  });

  it('values that vary little are told apart sooner than yes and no of the same means', () => {
    const [narrow, wide] = [SHAPES[1] as Run['shape'], SHAPES[0] as Run['shape']];
    const found = (shape: Run['shape']) =>
      many({ shape, means: [0.25, 0.3], blocks: 300 }, 40).filter(({ higher }) => higher).length;
    expect(found(narrow)).toBeGreaterThan(found(wide));
  });

  it('before the first block it says nothing, and what is no block changes nothing', () => {
    const test = new BoundedDifferenceTest(OPTIONS);
    expect([test.logHigher, test.logNotHigher, test.bounds()]).toEqual([
      Number.NEGATIVE_INFINITY,
      0,
      { lower: -1, upper: 1 },
    ]);
    const good = { count: 4, mean: 0.5, m2: 0.2 };
    for (const bad of [
      { count: 0, mean: 0, m2: 0 },
      { count: 4, mean: 1.5, m2: 0 },
      { count: 4, mean: 0.5, m2: -1 },
      { count: 4, mean: 0.5, m2: 3 },
    ])
      expect(test.add(good, bad)).toBe(false);
    expect(test.logNotHigher).toBe(0);
    expect(test.add(good, good)).toBe(true);
  });

  it('knows about how many more values it takes, fewer the more it has seen', () => {
    const test = new BoundedDifferenceTest(OPTIONS);
    const before = test.valuesUntilSeen(0.01, 0.2);
    expect(before).toBeGreaterThan(100);
    for (let i = 0; i < 20; i++) test.add({ count: 10, mean: 0.2, m2: 0.4 }, { count: 10, mean: 0.6, m2: 0.4 });
    expect(test.valuesUntilSeen(0.01, 0.2)).toBe(0);
    test.forgetNotHigher();
    expect(test.logNotHigher).toBe(0);
  });
});
