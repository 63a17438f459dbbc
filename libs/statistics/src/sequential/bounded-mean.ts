// The mean of values that lie in a known range, valid at every number of values at once, exact and for any
// distribution.
//
// With x scaled to [0, 1], mean_i = (1/2 + sum x) / (i + 1), var_i = (1/4 + sum (x_j - mean_j)^2) / (i + 1):
//   bet_i = min(CAP, sqrt(2 ln(2/alpha) / (var_{i-1} i ln(1 + i))))
//   centre = sum bet x / sum bet
//   half = (ln(2/alpha) + sum (x_i - mean_{i-1})^2 (-ln(1 - bet_i) - bet_i)) / sum bet
// Each bet is made before its value is seen, so the order of the values matters and the state adds up value by
// value: unlike counts and moments two of these cannot be merged. The values need a common mean given what came
// before, no independence. Before the first value: the whole range; a constant stream narrows as fast as the cap
// lets it.
//
// Source: Waudby-Smith and Ramdas, "Estimating means of bounded random variables by betting", J. R. Stat. Soc. B 86,
// 2024, theorem 2 (predictable plug-in empirical Bernstein). O(1) a value, six numbers of memory.

import { assert } from '@millrace/domain';
import { type Bounds, checkAlpha } from './share-bounds.js';

const CAP = 0.5;

/** The saved form; plain JSON. */
export interface BoundedMeanState {
  alpha: number;
  low: number;
  high: number;
  count: number;
  /** Of values scaled to [0, 1]. */
  sum: number;
  squares: number;
  bets: number;
  betValues: number;
  penalty: number;
}

export class BoundedMean {
  private readonly kept: BoundedMeanState;

  /**
   * @param settings alpha: probability that the mean is ever outside, (0, 1); low < high: the range, finite
   */
  constructor({ alpha, low, high }: { alpha: number; low: number; high: number }) {
    checkAlpha(alpha);
    assert(low < high && Number.isFinite(high - low), `no range: ${low} to ${high}`);
    this.kept = { alpha, low, high, count: 0, sum: 0, squares: 0, bets: 0, betValues: 0, penalty: 0 };
  }

  get count(): number {
    return this.kept.count;
  }

  /** @throws an assertion where the value is outside of the range; NaN is */
  update(value: number): void {
    const { kept } = this;
    if (!(value >= kept.low && value <= kept.high)) assert(false, `${value} is not in ${kept.low} to ${kept.high}`);
    const x = (value - kept.low) / (kept.high - kept.low);
    const before = (0.5 + kept.sum) / (kept.count + 1);
    const variance = (0.25 + kept.squares) / (kept.count + 1);
    kept.count += 1;
    const bet = Math.min(
      CAP,
      Math.sqrt((2 * Math.log(2 / kept.alpha)) / (variance * kept.count * Math.log1p(kept.count))),
    );
    kept.bets += bet;
    kept.betValues += bet * x;
    kept.penalty += (x - before) ** 2 * (-Math.log1p(-bet) - bet);
    kept.sum += x;
    kept.squares += (x - (0.5 + kept.sum) / (kept.count + 1)) ** 2;
  }

  bounds(): Bounds {
    const { alpha, low, high, count, bets, betValues, penalty } = this.kept;
    if (count === 0) return { lower: low, upper: high };
    const centre = betValues / bets;
    const half = (Math.log(2 / alpha) + penalty) / bets;
    return {
      lower: low + (high - low) * Math.max(0, centre - half),
      upper: low + (high - low) * Math.min(1, centre + half),
    };
  }

  state(): BoundedMeanState {
    return { ...this.kept };
  }

  static fromState(state: BoundedMeanState): BoundedMean {
    const mean = new BoundedMean(state);
    for (const [key, value] of Object.entries(state)) assert(Number.isFinite(value), `${key} is ${value}, no state`);
    Object.assign(mean.kept, state);
    return mean;
  }
}
