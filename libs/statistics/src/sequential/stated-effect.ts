// Whether the share of a second group is higher than that of a first one, looked at after every block of both, aimed
// at an effect that was stated before: an e-process against "not higher", and one against "higher by the effect or
// more". Stopping at any time, for any reason, keeps the errors: the first one is wrong with probability at most
// alpha where it is believed from 1/alpha on, the second likewise (Ville 1939).
//
// A block has n1 answers of the first group and n2 of the second, k1 and k2 of them marked. Its factor is a
// likelihood ratio: the alternative (a1, a2) over the point (r, r + d) of the null's edge that is next to it,
//   e = (a1/r)^k1 ((1-a1)/(1-r))^(n1-k1) (a2/(r+d))^k2 ((1-a2)/(1-r-d))^(n2-k2),
//   where n1 (a1-r)/(r(1-r)) + n2 (a2-r-d)/((r+d)(1-r-d)) = 0.
// E[e] <= 1 for every pair of shares of the null: each answer's factor has mean 1 + (p - r) c with a c of its group,
// and their product is at most 1 by the means of powers, because the weighted sum of both c is 0 (for d = 0: Turner,
// Ly, Grünwald 2024, theorem 1). The alternative is set from what came before the block, so that factors multiply.
//   not higher:  d = 0, alternative (p, p + effect)        higher by the effect:  d = effect, alternative (p, p)
// Where the second may be higher by a `margin` m that is known beforehand, "higher" is by more than that: d = m with
// the alternative (p, p + m + effect), and d = m + effect with (p, p + m). The argument is the same, for it holds for
// every d. p is the first group's share so far, drawn to `prior` by PRIOR_ANSWERS. What turns bad late must be seen
// too: wealth is kept back (kept-back-wealth.ts). O(1) per block and in memory. No block: both are 1.

import { assert } from '@millrace/domain';
import { KeptBackWealth } from './kept-back-wealth.js';
import { nearestNull } from './nearest-null.js';
import type { Count } from './share-difference.js';

/** As much as a share that is expected before anything was seen counts for. */
const PRIOR_ANSWERS = 8;
/** No share is taken for impossible or sure: one answer must not decide alone. */
const SHARE_MIN = 1e-4;

export interface StatedEffect {
  /** The second group's share at the stated effect, where the first one's is p. */
  worse(p: number): number;
  /** Share that is expected before anything was seen. */
  prior: number;
  /** By so much the second group's share is to be higher, [0, 1); 0 where it is not said. */
  margin?: number;
}

export class StatedEffectTest {
  private readonly wealth = new KeptBackWealth();
  private logSame = 0;
  private seen: Count = { k: 0, n: 0 };
  private of2: Count = { k: 0, n: 0 };

  private readonly margin: number;

  constructor(private readonly options: StatedEffect) {
    this.margin = options.margin ?? 0;
    assert(this.margin >= 0 && this.margin < 1, `a margin of ${this.margin} is not between 0 and 1`);
  }

  /** Natural logarithm of the evidence that the second share is higher; -Infinity before the first block. */
  get logHigher(): number {
    return this.wealth.log;
  }

  /** Natural logarithm of the evidence that it is not higher by the effect. */
  get logNotHigher(): number {
    return this.logSame;
  }

  /** Of all blocks. */
  get first(): Count {
    return this.seen;
  }

  /** Of all blocks. */
  get second(): Count {
    return this.of2;
  }

  add(first: Count, second: Count): void {
    if (first.n === 0 || second.n === 0) return;
    const { p, worse } = this.alternative();
    this.wealth.play(logHigherBlock(first, second, p, worse, this.margin));
    this.logSame += logSameBlock(first, second, p, p + this.margin, worse - p);
    this.seen = sum(this.seen, first);
    this.of2 = sum(this.of2, second);
  }

  /** The evidence that it is not higher starts anew, as at a further step that has to show it for itself. */
  forgetNotHigher(): void {
    this.logSame = 0;
  }

  /**
   * About how many more answers of both groups, `share` of them the second's, until an effect as stated would have
   * been believed at alpha; 0 = now.
   */
  answersUntilSeen(alpha: number, share: number): number {
    const { p, worse } = this.alternative();
    const r = nearestNull(p, worse, this.margin, share);
    const growth = (1 - share) * divergence(p, r) + share * divergence(worse, r + this.margin);
    const missing = Math.log(1 / alpha) - Math.max(0, this.logHigher);
    return missing <= 0 ? 0 : Math.ceil(missing / growth);
  }

  private alternative(): { p: number; worse: number } {
    const { k, n } = this.seen;
    const p = within((k + PRIOR_ANSWERS * this.options.prior) / (n + PRIOR_ANSWERS));
    const usual = Math.min(p, 1 - this.margin - 2 * SHARE_MIN);
    return { p: usual, worse: Math.max(within(this.options.worse(usual)), usual + this.margin + SHARE_MIN / 2) };
  }
}

const sum = (a: Count, b: Count): Count => ({ k: a.k + b.k, n: a.n + b.n });
const within = (p: number): number => Math.min(1 - SHARE_MIN, Math.max(SHARE_MIN, p));

/** ln of the factor of a block against "not higher by more than the margin"; a2 > a1 + margin. */
function logHigherBlock(first: Count, second: Count, a1: number, a2: number, margin: number): number {
  const r = nearestNull(a1, a2, margin, second.n / (first.n + second.n));
  return logRatio(first, a1, r) + logRatio(second, a2, r + margin);
}

/**
 * The same against "higher by `shift`", where the first has the share a1 and the second a2 < a1 + shift: "first -
 * second <= -shift", seen from the second.
 */
function logSameBlock(first: Count, second: Count, a1: number, a2: number, shift: number): number {
  const r = nearestNull(a2, a1, -shift, first.n / (first.n + second.n));
  return logRatio(second, a2, r) + logRatio(first, a1, r - shift);
}

function logRatio({ k, n }: Count, a: number, r: number): number {
  return k * Math.log(a / r) + (n - k) * Math.log((1 - a) / (1 - r));
}

function divergence(p: number, r: number): number {
  return p * Math.log(p / r) + (1 - p) * Math.log((1 - p) / (1 - r));
}
