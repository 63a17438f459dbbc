// All policies and the oracle on one stream of one seed.

import { Candidates } from './candidates.js';
import { oracle } from './oracle.js';
import { COST, POLICIES, type Policy, projectOf } from './policies.js';
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
  /** By policy; at price 1 ×. */
  retrainings: Readonly<Record<string, number>>;
}

export function measure(name: string, seed: number): Measured {
  const stream = streamNamed(name, seed);
  const candidates = new Candidates(stream, projectOf(stream, COST.retrain(BASE_PRICES.retraining)));
  const run = ({ retrain }: Policy, factor: number) =>
    simulate(candidates, projectOf(stream, retrain(pricesAt(factor).retraining)));
  const known = new Map(POLICIES.flatMap((one) => (one.knowsPrices ? [] : [[one.name, run(one, 1)] as const])));
  const retrainings = Object.fromEntries([...known].map(([policy, outcome]) => [policy, outcome.retrainings]));
  const at = PRICE_FACTORS.map((factor): Costs => {
    const prices = pricesAt(factor);
    const costs = POLICIES.map((policy) => {
      const outcome = known.get(policy.name) ?? run(policy, factor);
      if (factor === 1) retrainings[policy.name] = outcome.retrainings;
      return [policy.name, costOf(outcome, prices)] as const;
    });
    return { oracle: oracle(candidates, prices).cost, of: Object.fromEntries(costs) };
  });
  return { stream: name, seed, at, retrainings };
}
