// Do two arms get the same kinds of outcomes, and do events fall on them as the traffic does? From counts alone,
// valid however often it is looked at.
//
// Of what falls into one bin, each falls on the second arm with probability `share` if the arms are alike, whatever
// the bin's own probability is and however that moves. Against it stands a mixture Beta(c share, c (1 - share)):
//   log E_c = sum over bins of ln B(c share + k2, c (1 - share) + k1) - ln B(c share, c (1 - share))
//             - k2 ln share - k1 ln(1 - share)
// a small c expects gross differences, a large one fine ones; E is the mean of E_c over SCALES. Under the null it
// is a martingale that starts at 1: P(ever E >= 1/alpha) <= alpha (Ville 1939).
//
// Guarantee: exact at all looks where the arm of each observation was drawn with `share`. Where the counts' own
// share stands for it (sameCountsLogE without one): an average over what the split may have been, less than 1 at
// any look. Source: Lindon and Malek, "Anytime-valid inference for multinomial count data", NeurIPS 2022, with one
// split a bin. O(bins x SCALES); logarithms of gamma functions cancel to about 1e-8 at a million counts.

import { assert } from '@millrace/domain';
import { logBeta } from '../special-functions.js';
import { logSum } from './log-sum.js';

/**
 * Weights c of the mixtures, as observations a bin: a standard deviation of 1/sqrt(c + 1) of that of one arm's
 * draw.
 */
const SCALES = [3, 30, 300];

/**
 * Logarithm of the e-value against "both arms draw from the same distribution over the bins".
 * @param first counts by bin of the first arm; @param second of the second, the same bins in the same order
 * @param share of the observations that the second arm was to get, (0, 1); by default that of the counts
 * @returns 0 where an arm saw nothing; at ln(1/alpha) they differ, at error alpha
 * @throws an assertion where the bins differ in number or a count is none
 */
export function sameCountsLogE(first: ArrayLike<number>, second: ArrayLike<number>, share?: number): number {
  assert(first.length === second.length, `${first.length} bins beside ${second.length}`);
  let [n1, n2] = [0, 0];
  for (let i = 0; i < first.length; i++) {
    const [k1, k2] = [first[i] as number, second[i] as number];
    if (!isCounts(k1, k2)) assert(false, `bin ${i}: ${k1} and ${k2} are no counts`);
    n1 += k1;
    n2 += k2;
  }
  if (share === undefined && (n1 === 0 || n2 === 0)) return 0;
  return splitsLogE(first, second, share ?? n2 / (n1 + n2));
}

/**
 * Logarithm of the e-value against "of the events, each falls on the second arm with probability share": failures of
 * two arms, for example, of which the second gets `share` of the traffic. Both sides.
 * @param first events of the first arm; @param second of the second
 * @param share of the traffic that the second arm gets, (0, 1)
 */
export function splitLogE(first: number, second: number, share: number): number {
  if (!isCounts(first, second)) assert(false, `${first} and ${second} are no counts`);
  return splitsLogE([first], [second], share);
}

const isCounts = (k1: number, k2: number) => k1 >= 0 && k2 >= 0 && k1 + k2 < Number.POSITIVE_INFINITY;

function splitsLogE(first: ArrayLike<number>, second: ArrayLike<number>, share: number): number {
  assert(share > 0 && share < 1, `share ${share} of the traffic is not between 0 and 1`);
  const logs = new Float64Array(SCALES.length).fill(-Math.log(SCALES.length));
  for (let i = 0; i < first.length; i++) {
    const [k1, k2] = [first[i] as number, second[i] as number];
    if (k1 + k2 === 0) continue;
    const expected = k2 * Math.log(share) + k1 * Math.log1p(-share);
    for (const [j, scale] of SCALES.entries()) {
      const [a, b] = [scale * share, scale * (1 - share)];
      logs[j] = (logs[j] as number) + logBeta(a + k2, b + k1) - logBeta(a, b) - expected;
    }
  }
  return logSum(logs);
}
