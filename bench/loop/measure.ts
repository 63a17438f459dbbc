// All policies and the oracle on one stream of one seed.

import { Candidates } from './candidates.js';
import { oracle } from './oracle.js';
import { POLICIES, projectOf } from './policies.js';
import { costOf, type Prices, simulate } from './simulate.js';
import { streamNamed } from './streams.js';

/**
 * Chosen: a retraining costs what a loss of .1 a prediction costs in one day of 500, and a prediction that a bad
 * version answers as much as a loss of .1 more.
 */
export const BASE_PRICES: Prices = { retraining: 50, exposed: 0.1 };
export const PRICE_FACTORS = [0.25, 1, 4] as const;

export const pricesAt = (factor: number): Prices => ({
  retraining: factor * BASE_PRICES.retraining,
  exposed: factor * BASE_PRICES.exposed,
});

/** Of one stream and seed at one price. */
export interface Costs {
  oracle: number;
  /** By policy. */
  of: Readonly<Record<string, number>>;
}

export interface Measured {
  stream: string;
  seed: number;
  /** By price, as in PRICE_FACTORS. */
  at: readonly Costs[];
  /** By policy; the first of those that know prices. */
  retrainings: Readonly<Record<string, number>>;
}

export function measure(name: string, seed: number): Measured {
  const stream = streamNamed(name, seed);
  const candidates = new Candidates(stream, projectOf(stream, { retrain: '{}' }));
  const outcomes = POLICIES.map((policy) => [policy.name, simulate(candidates, projectOf(stream, policy))] as const);
  const at = PRICE_FACTORS.map((factor): Costs => {
    const prices = pricesAt(factor);
    return {
      oracle: oracle(candidates, prices).cost,
      of: Object.fromEntries(outcomes.map(([policy, outcome]) => [policy, costOf(outcome, prices)])),
    };
  });
  const retrainings = Object.fromEntries(outcomes.map(([policy, outcome]) => [policy, outcome.retrainings]));
  return { stream: name, seed, at, retrainings };
}
