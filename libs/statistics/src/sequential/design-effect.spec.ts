import { describe, expect, it } from '@jest/globals';
import { type Rng, seededRng } from '@millrace/domain';
import { type ClusterCounts, designEffect, discounted } from './design-effect.js';

/** So many answers of each of `clusters`, marked with the share that `share` draws for the cluster. */
function arm(rng: Rng, clusters: number, answers: number, share: () => number): ClusterCounts {
  const n = Array.from({ length: clusters }, () => answers);
  const k = n.map((count) => {
    const p = share();
    let marked = 0;
    for (let i = 0; i < count; i++) if (rng.next() < p) marked += 1;
    return marked;
  });
  return { n, k };
}

const even = (clusters: number, n: number, k: number): ClusterCounts => ({
  n: Array.from({ length: clusters }, () => n),
  k: Array.from({ length: clusters }, () => k),
});

describe('design effect of answers of the same entity', () => {
  it('independent answers lose nothing: of 400 samples the mean is below 1.05', () => {
    for (const [answers, p] of [
      [1, 0.5],
      [3, 0.01],
      [20, 0.2],
    ] as const) {
      let sum = 0;
      for (let seed = 0; seed < 400; seed++) {
        const rng = seededRng(seed);
        const share = () => p;
        sum += designEffect(arm(rng, 128, 4 * answers, share), arm(rng, 128, answers, share)).inflation;
      }
      expect(sum / 400).toBeLessThan(1.05);
    }
  });

  it('nor do they where the arms differ, however rare what is marked', () => {
    let sum = 0;
    for (let seed = 0; seed < 400; seed++) {
      const rng = seededRng(seed);
      const [usual, worse] = [arm(rng, 128, 8, () => 0.007), arm(rng, 128, 2, () => 0.057)];
      sum += designEffect(usual, worse).inflation;
    }
    expect(sum / 400).toBeLessThan(1.05);
  });

  it('where entities differ it is what it is: 1 + (answers of each - 1) times their correlation', () => {
    // Half of them never, half of them always marked with .6: intraclass correlation .09 / .21.
    const answers = 30;
    const expected = 1 + (answers - 1) * (0.09 / 0.21);
    const effects = Array.from({ length: 100 }, (_, seed) => {
      const rng = seededRng(seed);
      const share = () => (rng.next() < 0.5 ? 0 : 0.6);
      return designEffect(arm(rng, 100, answers, share), arm(rng, 100, answers, share)).inflation;
    });
    const mean = effects.reduce((sum, one) => sum + one, 0) / effects.length;
    expect(mean / expected).toBeGreaterThan(0.8);
    expect(mean / expected).toBeLessThan(1.2);
  });

  it('of values it is the same: of clusters of one mean next to nothing is lost, of those that differ as much as that is', () => {
    const [clusters, answers] = [100, 30];
    const values = (rng: Rng, level: () => number) => {
      const all = Array.from({ length: clusters }, () => {
        const mean = level();
        return Array.from({ length: answers }, () => mean + 0.2 * (rng.next() - 0.5));
      });
      const flat = all.flat();
      const mean = flat.reduce((sum, one) => sum + one, 0) / flat.length;
      return {
        counts: { n: all.map((one) => one.length), k: all.map((one) => one.reduce((sum, value) => sum + value, 0)) },
        variance: flat.reduce((sum, one) => sum + (one - mean) ** 2, 0) / flat.length,
      };
    };
    const meanEffect = (spread: number): number => {
      const effects = Array.from({ length: 100 }, (_, seed) => {
        const rng = seededRng(seed);
        const [first, second] = [0, 1].map(() => values(rng, () => 0.5 + spread * (rng.next() - 0.5))) as [
          ReturnType<typeof values>,
          ReturnType<typeof values>,
        ];
        return designEffect(first.counts, second.counts, [first.variance, second.variance]).inflation;
      });
      return effects.reduce((sum, one) => sum + one, 0) / effects.length;
    };
    expect(meanEffect(0)).toBeLessThan(1.05);
    // Between clusters the variance is a ninth of that within them: intraclass correlation .1.
    const expected = 1 + (answers - 1) * 0.1;
    expect(meanEffect(0.2 / 3) / expected).toBeGreaterThan(0.8);
    expect(meanEffect(0.2 / 3) / expected).toBeLessThan(1.2);
  });

  it('an arm whose entities agree with each other and not with the other arm is a difference, not a dependence', () => {
    expect(designEffect(even(50, 4, 0), even(12, 4, 4)).inflation).toBe(1);
  });

  it('an entity that is its whole arm, or most of it, proves nothing, however often it asks', () => {
    for (const answers of [10, 100, 10_000]) {
      const alone = designEffect(even(50, 4, 0), even(1, answers, answers));
      // What as many independent ones would say: more than the difference over its deviation, squared and halved.
      expect(discounted(answers * 0.76, alone)).toBeLessThan(2);
      const most = designEffect(even(50, 4, 0), { n: [answers, 1, 1, 1], k: [answers, 0, 0, 0] });
      expect(discounted(answers * 0.76, most)).toBeLessThan(2);
    }
  });

  it('two entities that agree take more answers than many, and are believed in the end', () => {
    const evidence = (answers: number, clusters: number): number =>
      discounted(answers * 0.76, designEffect(even(50, 8, 0), even(clusters, answers / clusters, answers / clusters)));
    expect(evidence(16, 16)).toBeGreaterThan(Math.log(500));
    expect(evidence(16, 2)).toBeLessThan(Math.log(500));
    expect(evidence(400, 2)).toBeGreaterThan(Math.log(500));
  });

  it('takes only from evidence, never from its absence; without answers it is 1', () => {
    const effect = { inflation: 4, freedom: 3 };
    expect([discounted(-2, effect), discounted(0, effect)]).toEqual([-2, 0]);
    expect(discounted(8, effect)).toBeLessThan(2);
    expect(discounted(8, { inflation: 1, freedom: 3 })).toBe(8);
    for (const nothing of [even(4, 0, 0), even(0, 0, 0)])
      expect(designEffect(even(4, 2, 1), nothing).inflation).toBe(1);
    expect(designEffect(even(4, 2, 2), even(4, 2, 2)).inflation).toBe(1);
  });
});
