// Whether the mean of a second group is higher than that of a first one, for values in [0, 1] of any distribution,
// looked at after every block of both and aimed at an effect that was stated before: an e-process against "not
// higher", one against "higher by the effect or more", and bounds of the difference that hold at all looks at once.
// For values that are no yes or no: those are stated-effect.ts'.
//
// A block has n1 values of the first group and n2 of the second, with means x1, x2 and Q = sum of (value - m)^2 about
// an m that was set before. For l in [0, 1), exp(l (value - mu) - psi(l) (value - m)^2), psi(l) = -ln(1 - l) - l, has a
// mean of at most 1, and so has its mirror image (Fan, Grama, Liu 2015, lemma 4.1; Howard et al. 2021). With l1 = L/n1,
// l2 = L/n2 the product over the block's values is
//   exp(L (x2 - x1 - (mu2 - mu1)) - psi(L/n2) Q2 - psi(L/n1) Q1),
// in which the common level is gone: not higher: mu2 - mu1 = 0; higher by the effect: the signs turned, mu2 - mu1 =
// effect. Both groups may drift together from block to block. L is set before the block's values are seen, at what
// would grow most were the effect there: L = d / (V + d/min(n1, n2)), V = s1^2/n1 + s2^2/n2, of the variances so far,
// drawn to PRIOR_VARIANCE by PRIOR_VALUES. Bounds play L = g/V with a g that shrinks (bounded-mean.ts):
//   centre = sum L (x2 - x1) / sum L,  half = (ln(2/alpha) + sum psi Q) / sum L.
//
// Of counts and moments alone: a block is what came between two states of two Moments. O(1) per block and in memory.
// No block: both are 1, bounds are -1 and 1. Constant values: as far as the prior allows.

import { KeptBackWealth } from './kept-back-wealth.js';
import type { Moments2 } from './mean-bounds.js';
import type { Bounds } from './share-bounds.js';
import { checkAlpha } from './share-bounds.js';

/** Squared errors of probabilities vary by .03 to .08; any number is right, a good one is quicker. */
const PRIOR_VARIANCE = 0.06;
const PRIOR_VALUES = 8;
const PRIOR_MEAN = 0.2;
/** As bounded-mean.ts caps its bets. */
const BET_MAX = 0.5;

export interface BoundedDifference {
  /** Difference of the means that is to be seen, (0, 1). */
  effect: number;
  /** Of the bounds, (0, 1). */
  alpha: number;
}

/** What was seen of a group in all blocks. */
interface Group {
  n: number;
  sum: number;
  squares: number;
}

export class BoundedDifferenceTest {
  private readonly wealth = new KeptBackWealth();
  private logSame = 0;
  private first: Group = { n: 0, sum: 0, squares: 0 };
  private second: Group = { n: 0, sum: 0, squares: 0 };
  /** Of the bounds. */
  private readonly bets = { sum: 0, differences: 0, penalty: 0, information: 0 };

  constructor(private readonly options: BoundedDifference) {
    checkAlpha(options.alpha);
  }

  /** Natural logarithm of the evidence that the second mean is higher; -Infinity before the first block. */
  get logHigher(): number {
    return this.wealth.log;
  }

  /** Natural logarithm of the evidence that it is not higher by the effect. */
  get logNotHigher(): number {
    return this.logSame;
  }

  /** A block; false: these are no values in [0, 1], as where what was counted before is not known any more. */
  add(first: Moments2, second: Moments2): boolean {
    if (!isBlock(first) || !isBlock(second)) return false;
    const { effect } = this.options;
    const l = betFor(effect, spread(this.first, first.count), spread(this.second, second.count));
    const difference = second.mean - first.mean;
    const penalty = penaltyOf(l, first, this.first) + penaltyOf(l, second, this.second);
    this.wealth.play(l * difference - penalty);
    this.logSame += l * (effect - difference) - penalty;
    this.play(first, second, difference);
    this.first = plus(this.first, first);
    this.second = plus(this.second, second);
    return true;
  }

  /** The evidence that it is not higher starts anew, as at a further step that has to show it for itself. */
  forgetNotHigher(): void {
    this.logSame = 0;
  }

  /** Of the second mean less the first; true at all looks at once with 1 - alpha. */
  bounds(): Bounds {
    const { sum, differences, penalty } = this.bets;
    if (sum === 0) return { lower: -1, upper: 1 };
    const half = (Math.log(2 / this.options.alpha) + penalty) / sum;
    const centre = differences / sum;
    return { lower: Math.max(-1, centre - half), upper: Math.min(1, centre + half) };
  }

  /** About how many more values of both, `share` of them the second's, until the effect would have been seen. */
  valuesUntilSeen(alpha: number, share: number): number {
    const { effect } = this.options;
    const [n1, n2] = [1 - share, share];
    const [one, two] = [spread(this.first, n1), spread(this.second, n2)];
    const l = betFor(effect, one, two);
    const growth = l * effect - psi(l / n1) * n1 * n1 * one.variance - psi(l / n2) * n2 * n2 * two.variance;
    const missing = Math.log(1 / alpha) - Math.max(0, this.wealth.log);
    return missing <= 0 ? 0 : Math.ceil(missing / growth);
  }

  private play(first: Moments2, second: Moments2, difference: number): void {
    const { bets } = this;
    const [one, two] = [spread(this.first, first.count), spread(this.second, second.count)];
    const information = 1 / (one.variance + two.variance);
    bets.information += information;
    const seen = this.second.n + second.count;
    const wanted = Math.sqrt((2 * Math.log(2 / this.options.alpha)) / (bets.information * Math.log1p(seen)));
    const l = Math.min(information * wanted, BET_MAX * Math.min(first.count, second.count));
    bets.sum += l;
    bets.differences += l * difference;
    bets.penalty += penaltyOf(l, first, this.first) + penaltyOf(l, second, this.second);
  }
}

const psi = (l: number): number => -Math.log1p(-l) - l;

const meanOf = ({ n, sum }: Group): number => (sum + PRIOR_VALUES * PRIOR_MEAN) / (n + PRIOR_VALUES);

/** Variance of the mean of n further values, by those so far; and n. */
function spread(group: Group, n: number): { variance: number; n: number } {
  const about = group.n === 0 ? 0 : Math.max(0, group.squares - group.sum ** 2 / group.n);
  return { variance: (about + PRIOR_VALUES * PRIOR_VARIANCE) / (group.n + PRIOR_VALUES) / n, n };
}

type Spread = ReturnType<typeof spread>;

const betFor = (effect: number, one: Spread, two: Spread): number =>
  effect / (one.variance + two.variance + effect / Math.min(one.n, two.n));

/** psi(L/n) Q, with Q about the mean so far. */
function penaltyOf(l: number, { count, mean, m2 }: Moments2, before: Group): number {
  return psi(l / count) * (m2 + count * (mean - meanOf(before)) ** 2);
}

const plus = (group: Group, { count, mean, m2 }: Moments2): Group => ({
  n: group.n + count,
  sum: group.sum + count * mean,
  squares: group.squares + m2 + count * mean ** 2,
});

/** Sums that were subtracted are wrong in the last places. */
const ROUNDING = 1e-6;

function isBlock({ count, mean, m2 }: Moments2): boolean {
  return count > 0 && mean >= -ROUNDING && mean <= 1 + ROUNDING && m2 >= -ROUNDING && m2 <= count / 4 + ROUNDING;
}
