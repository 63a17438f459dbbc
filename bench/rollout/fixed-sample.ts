// How many requests the tests of a fixed sample take for the same errors: looked at once, at a number that was
// chosen before, with the truth known that it is chosen for. Found by simulation: the least number at which `missed`
// of the samples and no more are not refused, by bisection on one set of seeds; the level is the test's own.
//
// Fisher's exact test of two shares, one-sided, where the cut is known. Mann-Whitney's on the values themselves, what
// Kayenta's judge does, by Noether's formula (JASA 82, 1987):
//   N = (z_alpha + z_beta)^2 (1 - t) / (12 w (1 - w) (P - 1/2)^2)
// with w the second's part, P = P(first < second) + P(=)/2 and t the sum of cubed shares of equal values. It takes the
// variance without a difference for both groups, which of rare shares makes too few.

import { type Rng, seededRng } from '@millrace/domain';
import { hypergeometricTail, normalQuantile } from '@millrace/statistics';

interface Errors {
  alpha: number;
  missed: number;
}

const SAMPLES = 1_000;
const REQUESTS_MAX = 65_536;

/** Whether a sample of so many requests is refused. */
export type FixedTest = (rng: Rng, requests: number) => boolean;

export function requestsOf(test: FixedTest, { missed }: Errors): number {
  const isEnough = (requests: number): boolean => {
    let kept = 0;
    for (let seed = 1; seed <= SAMPLES; seed++) {
      if (!test(seededRng(seed), requests)) kept += 1;
      if (kept > missed * SAMPLES) return false;
    }
    return true;
  };
  let low = 1;
  let high = 16;
  while (high < REQUESTS_MAX && !isEnough(high)) {
    low = high;
    high *= 2;
  }
  while (high - low > Math.max(1, high / 200)) {
    const middle = Math.round((low + high) / 2);
    if (isEnough(middle)) high = middle;
    else low = middle;
  }
  return high;
}

export function fisher(alpha: number, w: number, p1: number, p2: number): FixedTest {
  return (rng, requests) => {
    let [n2, k1, k2] = [0, 0, 0];
    for (let i = 0; i < requests; i++) {
      const isSecond = rng.next() < w;
      const isMarked = rng.next() < (isSecond ? p2 : p1);
      if (isSecond) n2 += 1;
      if (isMarked && isSecond) k2 += 1;
      else if (isMarked) k1 += 1;
    }
    return hypergeometricTail(k2, n2, k1 + k2, requests) <= alpha;
  };
}

export function mannWhitneyRequests({ alpha, missed }: Errors, w: number, greater: number, ties = 0): number {
  const squared = (normalQuantile(1 - alpha) + normalQuantile(1 - missed)) ** 2;
  return Math.ceil((squared * (1 - ties)) / (12 * w * (1 - w) * (greater - 0.5) ** 2));
}
