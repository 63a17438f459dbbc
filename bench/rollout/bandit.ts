// What a rollout costs where a bandit moves it by labels, beside a canary that nobody judges by labels and halves all
// along: the loss above that of the better version, over seeded streams with known truth.

import { type BanditRun, banditRun, type LabelledWorld, POLICIES, type Policy } from '@millrace/testing';

const REQUESTS = 20_000;
/** Requests between two moves. */
const EVERY = 250;

const WORLDS: readonly (readonly [string, LabelledWorld])[] = [
  ['equal', { worseBy: 0 }],
  ['worse by .02', { worseBy: 0.02 }],
  ['worse by .05', { worseBy: 0.05 }],
  ['better by .02', { worseBy: -0.02 }],
  ['worse by .02, easy and hard hours', { worseBy: 0.02, hour: 1_000 }],
  ['worse by .02, labels 4,000 requests late', { worseBy: 0.02, lateBy: 4_000 }],
  ['better by .02, labels 4,000 requests late', { worseBy: -0.02, lateBy: 4_000 }],
];

export interface RegretRow {
  world: string;
  requests: number;
  /** Mean, by policy. */
  regret: Record<Policy, number>;
  /** Of the bandit. */
  promoted: number;
  kept: number;
  /** Mean requests until its end. */
  requestsToEnd: number;
  /** Mean percents that it moved. */
  moved: number;
}

export function banditRegret(seeds: number, first: number): RegretRow[] {
  return WORLDS.map(([world, of]) => {
    const runs = (policy: Policy): BanditRun[] =>
      Array.from({ length: seeds }, (_, i) =>
        banditRun(policy, of, { seed: first + i, requests: REQUESTS, every: EVERY }),
      );
    const bandit = runs('bandit');
    const regret = Object.fromEntries(
      POLICIES.map((policy) => [policy, mean((policy === 'bandit' ? bandit : runs(policy)).map((run) => run.regret))]),
    ) as Record<Policy, number>;
    const share = (ended: BanditRun['ended']) => bandit.filter((run) => run.ended === ended).length / seeds;
    return {
      ...{ world, requests: REQUESTS, regret, promoted: share('promoted'), kept: share('kept') },
      requestsToEnd: mean(bandit.map(({ requests }) => requests)),
      moved: mean(bandit.map(({ moved }) => moved)),
    };
  });
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
