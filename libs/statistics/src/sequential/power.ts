// What difference of two shares `shareDifference` would see with a given probability, and after how many
// observations.
//
// Asked of the test itself: the counts that are expected, with the difference made smaller by normalQuantile(power)
// standard errors, must be refused. That is the probability at one look; looking before as well only adds to it, so
// the test sees the difference at least about as often as is said here. Fractions of counts are meant. A search by
// halving over a test that costs about .2 ms: some 10 ms an answer.

import { assert } from '@millrace/domain';
import { normalQuantile } from '../normal.js';
import { checkAlpha } from './share-bounds.js';
import { type ShareOptions, ShareTest } from './share-difference.js';

export interface Power extends ShareOptions {
  /** The first arm's share, (0, 1). */
  baseline: number;
  /** As for `shareDifference`, (0, 1). */
  alpha: number;
  /** Probability of seeing it, (0, 1). */
  power: number;
}

/** Past this many observations an answer is of no use: Infinity is said. */
export const OBSERVATIONS_MAX = 1e9;

/**
 * Observations of both arms together until "the second arm's share is `effect` more" is seen with probability
 * `power`.
 * @param effect difference, (0, 1 - baseline)
 * @param share of the observations that the second arm gets, (0, 1)
 * @returns a whole number; Infinity past OBSERVATIONS_MAX
 */
export function observationsFor(effect: number, share: number, options: Power): number {
  check(options);
  assert(effect > 0 && options.baseline + effect < 1, `a difference of ${effect} from ${options.baseline} is no share`);
  assert(share > 0 && share < 1, `share ${share} of the traffic is not between 0 and 1`);
  const test = new ShareTest(0, 'more', options);
  const seen = (n: number) => isSeen(test, effect, n * (1 - share), n * share, options);
  if (!seen(OBSERVATIONS_MAX)) return Number.POSITIVE_INFINITY;
  let [few, enough] = [0, OBSERVATIONS_MAX];
  while (enough - few > Math.max(0.5, enough * 1e-4)) {
    const middle = few < 1 ? enough / 2 : Math.sqrt(few * enough);
    if (seen(middle)) enough = middle;
    else few = middle;
    if (few < 1 && enough < 1) break;
  }
  return Math.ceil(enough);
}

/**
 * The least difference that would be seen with probability `power` at n1 and n2 observations of the arms.
 * @returns a difference of shares, or Infinity where not even a second arm that always counts would be seen
 */
export function detectableShareDifference(n1: number, n2: number, options: Power): number {
  check(options);
  assert(n1 >= 0 && n2 >= 0 && n1 + n2 < Number.POSITIVE_INFINITY, `${n1} and ${n2} are no counts`);
  if (n1 === 0 || n2 === 0) return Number.POSITIVE_INFINITY;
  const test = new ShareTest(0, 'more', options);
  let [unseen, seen] = [0, (1 - options.baseline) * (1 - 1e-9)];
  if (!isSeen(test, seen, n1, n2, options)) return Number.POSITIVE_INFINITY;
  while (seen - unseen > 1e-4 * seen) {
    const middle = (unseen + seen) / 2;
    if (isSeen(test, middle, n1, n2, options)) seen = middle;
    else unseen = middle;
  }
  return seen;
}

function isSeen(test: ShareTest, effect: number, n1: number, n2: number, { baseline, alpha, power }: Power): boolean {
  const [p1, p2] = [baseline, baseline + effect];
  const [v1, v2] = [(p1 * (1 - p1)) / n1, (p2 * (1 - p2)) / n2];
  const shift = normalQuantile(power) / Math.sqrt(v1 + v2);
  const [low, high] = [Math.max(0, p2 - shift * v2), Math.min(1, p1 + shift * v1)];
  if (low <= high) return false;
  const [first, second] = [
    { k: n1 * high, n: n1 },
    { k: n2 * low, n: n2 },
  ];
  return test.logE([{ first, second }]) >= Math.log(2 / alpha);
}

function check({ baseline, alpha, power }: Power): void {
  checkAlpha(alpha);
  assert(baseline > 0 && baseline < 1, `the first arm's share ${baseline} is not between 0 and 1`);
  assert(power > 0 && power < 1, `power ${power} is not between 0 and 1`);
}
