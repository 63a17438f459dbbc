// Bandit: a new version gets its first share, which then follows what labels say of it and of those who served before
// (../bandit.ts), until one of them is better with the declared confidence or the rollout's time is up. The rollout has
// one step, whose weight moves.

import { baselineOf, beside } from '../steps.js';
import type { BanditPlan, RolloutStrategy } from '../strategy.js';
import { blueGreen } from './blue-green.js';

export const DEFAULT_BANDIT: BanditPlan = {
  // A tenth: until labels come nobody knows more of the version than of a canary.
  start: 10,
  // Each arm has something to be judged by as long as it goes on.
  floor: 5,
  // What labels can say changes with the square root of their number: more often only moves entities about.
  everyMs: 60_000,
  // Who is wrong one time of twenty is so about versions that hardly differ (docs/rollout-analysis.md).
  confidence: 0.95,
  // A day has all hours in it.
  forMs: 86_400_000,
};

function banditOf({ start, forMs, ...bandit }: BanditPlan): RolloutStrategy {
  return {
    name: 'bandit',
    summary: 'a new version gets more or less by what labels say of it, until one is better',
    steps: [{ weight: start, forMs }],
    bandit,
    withBandit: banditOf,

    whenReady: (live, version) => ({ weights: beside(baselineOf(live, version), version, start), shadows: [] }),

    names: blueGreen.names,
  };
}

export const bandit = banditOf(DEFAULT_BANDIT);
