// Whether the values of a second group lie higher than those of a first one, seen in all parts of their distribution at
// once and aimed at a shift that was stated before: an e-process against "not higher", looked at after every block of
// both. For a stated effect in one cut of the values: stated-effect.ts.
//
// Values are counted in bins in ascending order, k_1j of n_1 and k_2j of n_2 in a block. With a_1 the shares that are
// expected of the first group, a_2 those of the second at the stated shift, and r = (n_1 a_1 + n_2 a_2) / (n_1 + n_2):
//   e = prod_j (a_1j / r_j)^k_1j (a_2j / r_j)^k_2j.
// Where both groups have the same shares p, whatever they are, n_1 sum p a_1/r + n_2 sum p a_2/r = n_1 + n_2, so that
// E[e] = (sum p a_1/r)^n_1 (sum p a_2/r)^n_2 <= 1 by the means of powers (Turner, Ly, Grünwald 2024, theorem 1). The
// ratio a_2/a_1
// is made to rise with j (pool adjacent violators), then a_2/r does, and where the second group's values lie lower
// (first-order stochastically) E[e] is less still. Shares are set from what came before the block. O(bins) per block.

import { KeptBackWealth } from './kept-back-wealth.js';

/** As much as equal shares that are expected before anything was seen count for. */
const PRIOR_VALUES = 8;

export class StatedShiftTest {
  private readonly wealth = new KeptBackWealth();

  /** Natural logarithm of the evidence that the second group's values lie higher; -Infinity before the first block. */
  get logHigher(): number {
    return this.wealth.log;
  }

  /**
   * Counts by bin of a block. `expected`: of the first group's earlier values, and of these were they shifted as
   * stated.
   */
  add(
    first: readonly number[],
    second: readonly number[],
    expected: { first: readonly number[]; shifted: readonly number[] },
  ): void {
    const [n1, n2] = [total(first), total(second)];
    if (n1 === 0 || n2 === 0) return;
    const a1 = shares(expected.first);
    const a2 = rising(a1, shares(expected.shifted));
    let log = 0;
    for (const [j, p1] of a1.entries()) {
      const p2 = a2[j] as number;
      const r = (n1 * p1 + n2 * p2) / (n1 + n2);
      log += (first[j] as number) * Math.log(p1 / r) + (second[j] as number) * Math.log(p2 / r);
    }
    this.wealth.play(log);
  }
}

const total = (counts: readonly number[]): number => counts.reduce((sum, one) => sum + one, 0);

function shares(counts: readonly number[]): number[] {
  const all = total(counts) + PRIOR_VALUES;
  return counts.map((count) => (count + PRIOR_VALUES / counts.length) / all);
}

/** The shares next to `to` whose ratio to `from` does not fall: neighbours whose ratio does are pooled. */
function rising(from: readonly number[], to: readonly number[]): number[] {
  const pools: { from: number; to: number; bins: number }[] = [];
  for (const [j, p] of from.entries()) {
    let pool = { from: p, to: to[j] as number, bins: 1 };
    for (let before = pools.at(-1); before && before.to * pool.from >= pool.to * before.from; before = pools.at(-1)) {
      pool = { from: before.from + pool.from, to: before.to + pool.to, bins: before.bins + pool.bins };
      pools.pop();
    }
    pools.push(pool);
  }
  const ratios = pools.flatMap((pool) => Array.from({ length: pool.bins }, () => pool.to / pool.from));
  return from.map((p, j) => p * (ratios[j] as number));
}
