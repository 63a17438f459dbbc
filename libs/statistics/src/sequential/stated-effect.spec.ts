import { describe, expect, it } from '@jest/globals';
import { type Rng, seededRng } from '@millrace/domain';
import type { Count } from './share-difference.js';
import { StatedEffectTest } from './stated-effect.js';

const EFFECT = 0.1;
const testOf = (margin = 0, prior = 0.05) => new StatedEffectTest({ worse: (p) => p + margin + EFFECT, prior, margin });

function binomial(n: number, p: number): number[] {
  const shares = [(1 - p) ** n];
  for (let k = 1; k <= n; k++) shares.push(((shares[k - 1] as number) * p * (n - k + 1)) / (k * (1 - p)));
  return shares;
}

/** Mean of `of` after one block, over all that the block can be. */
function mean(
  ...[n1, n2, p1, p2, of, margin = 0]: [number, number, number, number, (test: StatedEffectTest) => number, number?]
): number {
  const [first, second] = [binomial(n1, p1), binomial(n2, p2)];
  let sum = 0;
  for (let k1 = 0; k1 <= n1; k1++)
    for (let k2 = 0; k2 <= n2; k2++) {
      const test = testOf(margin);
      test.add({ k: k1, n: n1 }, { k: k2, n: n2 });
      sum += (first[k1] as number) * (second[k2] as number) * of(test);
    }
  return sum;
}

function block(rng: Rng, n: number, p: number): Count {
  let k = 0;
  for (let i = 0; i < n; i++) if (rng.next() < p) k += 1;
  return { k, n };
}

/** Blocks of 20 and 5 answers until the evidence is there; undefined = never within `blocksMax`. */
function blocksUntil(seed: number, p1: number, p2: number, blocksMax: number, alpha: number): number | undefined {
  const rng = seededRng(seed);
  const test = testOf();
  for (let i = 1; i <= blocksMax; i++) {
    test.add(block(rng, 20, p1), block(rng, 5, p2));
    if (test.logHigher >= Math.log(1 / alpha)) return i;
  }
  return undefined;
}

describe('evidence of a higher share', () => {
  const sizes = [
    [1, 1],
    [9, 4],
    [4, 9],
    [30, 4],
  ] as const;

  it.each(sizes)('is a fair game where the second of %i and %i answers is not higher', (n1, n2) => {
    for (const p1 of [0.001, 0.05, 0.3, 0.7, 0.99])
      for (const less of [0, 0.01, 0.5]) {
        const p2 = p1 * (1 - less);
        expect(mean(n1, n2, p1, p2, ({ logHigher }) => Math.exp(logHigher))).toBeLessThanOrEqual(0.8 + 1e-9);
      }
    expect(mean(n1, n2, 0.05, 0.05, ({ logHigher }) => Math.exp(logHigher))).toBeCloseTo(0.8, 2);
  });

  it.each(sizes)('that it is not higher is one where the second of %i and %i is higher by the effect', (n1, n2) => {
    for (const p1 of [0.001, 0.05, 0.3, 0.7, 0.88])
      for (const more of [EFFECT, EFFECT + 0.01]) {
        const result = mean(n1, n2, p1, p1 + more, ({ logNotHigher }) => Math.exp(logNotHigher));
        expect(result).toBeLessThanOrEqual(1 + 1e-9);
      }
  });

  it.each(sizes)('with a margin both are fair games from there on: %i and %i answers', (n1, n2) => {
    for (const margin of [0.05, 0.3, 0.6])
      for (const p1 of [0.001, 0.05, 0.2, 0.3]) {
        const logHigher = ({ logHigher: log }: StatedEffectTest) => Math.exp(log);
        for (const less of [0, 0.01, margin])
          expect(mean(n1, n2, p1, p1 + margin - less, logHigher, margin)).toBeLessThanOrEqual(0.8 + 1e-9);
        const logNotHigher = ({ logNotHigher: log }: StatedEffectTest) => Math.exp(log);
        const worse = p1 + margin + EFFECT;
        if (worse < 1) expect(mean(n1, n2, p1, worse, logNotHigher, margin)).toBeLessThanOrEqual(1 + 1e-9);
      }
  });

  it('with a margin it is believed where the second is higher by more, and ruled out where it is not', () => {
    const rng = seededRng(5);
    const [worse, asSaid] = [testOf(0.3), testOf(0.3)];
    for (let i = 0; i < 200; i++) {
      worse.add(block(rng, 20, 0.2), block(rng, 5, 0.6));
      asSaid.add(block(rng, 20, 0.2), block(rng, 5, 0.5));
    }
    expect(worse.logHigher).toBeGreaterThan(Math.log(1_000));
    expect(worse.answersUntilSeen(0.01, 0.2)).toBe(0);
    expect(asSaid.logHigher).toBeLessThan(Math.log(10));
    expect(asSaid.logNotHigher).toBeGreaterThan(Math.log(20));
    expect(() => testOf(1)).toThrow('a margin of 1');
  });

  it('looked at after each of 400 blocks it is believed in vain in no more than alpha of the streams', () => {
    const alpha = 0.05;
    const seeds = Array.from({ length: 1_000 }, (_, seed) => seed);
    const wrong = seeds.filter((seed) => blocksUntil(seed, 0.1, 0.1, 400, alpha) !== undefined).length;
    // Three deviations above the .05 that is promised.
    expect(wrong / seeds.length).toBeLessThan(alpha + 3 * Math.sqrt((alpha * (1 - alpha)) / seeds.length));
    const seen = seeds.filter((seed) => blocksUntil(seed, 0.1, 0.2, 400, alpha) !== undefined).length;
    expect(seen / seeds.length).toBeGreaterThan(0.98);
  });

  it('what turns bad late is seen, too: not after as long again as it was good', () => {
    const rng = seededRng(3);
    const test = testOf();
    for (let i = 0; i < 500; i++) test.add(block(rng, 20, 0.1), block(rng, 5, 0.1));
    let late = 0;
    while (test.logHigher < Math.log(100)) {
      test.add(block(rng, 20, 0.1), block(rng, 5, 0.3));
      late += 1;
    }
    expect(late).toBeLessThan(100);
  });

  it('tells about how many answers are missing', () => {
    const fresh = testOf();
    const expected = fresh.answersUntilSeen(0.01, 0.2);
    const taken = Array.from({ length: 200 }, (_, seed) => 25 * (blocksUntil(seed, 0.05, 0.15, 10_000, 0.01) ?? 0));
    const average = taken.reduce((sum, one) => sum + one, 0) / taken.length;
    expect(average / expected).toBeGreaterThan(0.7);
    expect(average / expected).toBeLessThan(1.5);
    const rng = seededRng(1);
    fresh.add(block(rng, 200, 0.05), block(rng, 200, 0.9));
    expect(fresh.answersUntilSeen(0.01, 0.2)).toBe(0);
  });

  it('a block without one of the two says nothing; what passed starts anew', () => {
    const test = testOf();
    test.add({ k: 5, n: 5 }, { k: 0, n: 0 });
    expect([test.logHigher, test.logNotHigher]).toEqual([Number.NEGATIVE_INFINITY, 0]);
    test.add({ k: 0, n: 300 }, { k: 0, n: 300 });
    expect(test.logNotHigher).toBeGreaterThan(Math.log(20));
    test.forgetNotHigher();
    expect(test.logNotHigher).toBe(0);
  });
});
