// A canary in steps of 5, 25 and 50 % of the traffic, both arms alike: how often a difference is seen all the same,
// by the counts of all steps together with their own split, and by each step as a stratum; with a level that stays
// and with one that is ten times higher during the last step. Looked at after every failure and after every LOOK
// requests.

import { seededRng } from '@millrace/domain';
import { type Count, ShareTest, type Stratum } from '@millrace/statistics';
import { ERRORS } from './shares.js';

const STEPS = [0.05, 0.25, 0.5];
const REQUESTS_OF_STEP = 1_000;
const LOOK = 25;

const add = ({ k, n }: Count, by: Count): Count => ({ k: k + by.k, n: n + by.n });
const NONE: Count = { k: 0, n: 0 };

function seen(seed: number, levels: readonly number[]): { together: boolean; strata: boolean } {
  const rng = seededRng(seed);
  const [together, apart] = [new ShareTest(0, 'more'), new ShareTest(0, 'more')];
  const strata: { first: Count; second: Count; share: number }[] = [];
  const found = { together: false, strata: false };
  for (const [step, share] of STEPS.entries()) {
    const now = { first: { ...NONE }, second: { ...NONE }, share };
    strata.push(now);
    for (let i = 1; i <= REQUESTS_OF_STEP; i++) {
      const arm = rng.next() < share ? now.second : now.first;
      arm.n += 1;
      const failed = rng.next() < (levels[step] as number);
      if (failed) arm.k += 1;
      if (!failed && i % LOOK !== 0) continue;
      const all = strata.reduce<Stratum>(
        (sum, one) => ({ first: add(sum.first, one.first), second: add(sum.second, one.second) }),
        {
          first: NONE,
          second: NONE,
        },
      );
      found.together ||= together.logE([all]) >= -Math.log(ERRORS.abort);
      found.strata ||= apart.logE(strata) >= -Math.log(ERRORS.abort);
    }
  }
  return found;
}

export function measureSteps(seeds: number) {
  return [
    { level: 'of 1 % throughout', levels: [0.01, 0.01, 0.01] },
    { level: 'of 1 %, in the last step 10 %', levels: [0.01, 0.01, 0.1] },
  ].map(({ level, levels }) => {
    const results = Array.from({ length: seeds }, (_, seed) => seen(seed, levels));
    const share = (of: 'together' | 'strata') => results.filter((result) => result[of]).length / seeds;
    return { level, seeds, steps: STEPS, countsTogetherAborted: share('together'), strataAborted: share('strata') };
  });
}
