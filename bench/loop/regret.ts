// What the runs of many seeds come to: hindsight regret by stream and price, and policies against one another on the
// whole, each with an interval by bootstrap over seeds (a seed's policies and oracle stay together).
//
//   regret = (mean cost - mean oracle) / (mean cost of the worst fixed policy - mean oracle),  means over the seeds
//
// where the lower end of the interval of the denominator is above NOISE of the oracle's cost; else there is none.

import { seededRng } from '@millrace/domain';
import { type Measured, PRICE_FACTORS } from './measure.js';
import { POLICIES } from './policies.js';

const REPLICATES = 1_000;
const NOISE = 0.01;

export interface Interval {
  value: number;
  lower: number;
  upper: number;
}

export interface StreamRegret {
  stream: string;
  price: number;
  seeds: number;
  /** Mean over the seeds, as all costs here. */
  oracle: number;
  worstFixed: string;
  bestFixed: string;
  /** By policy. */
  costs: Readonly<Record<string, number>>;
  /** By policy; null where the denominator does not exceed noise. */
  regret: Readonly<Record<string, Interval | null>>;
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Of a statistic of the seeds that were drawn. */
function bootstrap(seeds: number, statistic: (drawn: readonly number[]) => number): Interval {
  const rng = seededRng(1);
  const all = Array.from({ length: seeds }, (_, i) => i);
  const values = Array.from({ length: REPLICATES }, () => statistic(all.map(() => rng.below(seeds))));
  values.sort((a, b) => a - b);
  const at = (share: number) => values[Math.min(REPLICATES - 1, Math.floor(share * REPLICATES))] as number;
  return { value: statistic(all), lower: at(0.025), upper: at(0.975) };
}

export function regretOf(runs: readonly Measured[], priceIndex: number): StreamRegret {
  const { stream = '' } = runs[0] ?? {};
  const at = runs.map((run) => run.at[priceIndex]).filter((costs) => costs !== undefined);
  const policies = Object.keys(at[0]?.of ?? {});
  const costOf = (policy: string, drawn: readonly number[]) => mean(drawn.map((i) => at[i]?.of[policy] as number));
  const oracleOf = (drawn: readonly number[]) => mean(drawn.map((i) => at[i]?.oracle as number));
  const all = at.map((_, i) => i);
  const costs = Object.fromEntries(policies.map((policy) => [policy, costOf(policy, all)]));
  const fixed = POLICIES.filter(({ isFixed }) => isFixed).map(({ name }) => name);
  const inOrder = [...fixed].sort((a, b) => (costs[a] as number) - (costs[b] as number));
  const worstFixed = inOrder.at(-1) as string;
  const room = bootstrap(at.length, (drawn) => costOf(worstFixed, drawn) - oracleOf(drawn));
  const isNoise = room.lower <= NOISE * oracleOf(all);
  const regret = (policy: string): Interval | null =>
    isNoise
      ? null
      : bootstrap(
          at.length,
          (drawn) => (costOf(policy, drawn) - oracleOf(drawn)) / (costOf(worstFixed, drawn) - oracleOf(drawn)),
        );
  return {
    ...{ stream, price: PRICE_FACTORS[priceIndex] as number, seeds: at.length, oracle: oracleOf(all) },
    ...{ worstFixed, bestFixed: inOrder[0] as string, costs },
    regret: Object.fromEntries(policies.map((policy) => [policy, regret(policy)])),
  };
}

export interface Whole {
  /** Of the regrets of all streams and prices. */
  median: number;
  worst: number;
  worstAt: string;
  /** The mean of the regrets. */
  mean: number;
  /** That mean less another policy's, over the same runs: below 0 it is the cheaper one. */
  against: Readonly<Record<string, Interval>>;
}

/** `runs`: by stream, the same seeds in the same order. */
export function onTheWhole(
  policy: string,
  runs: ReadonlyMap<string, readonly Measured[]>,
  regrets: readonly StreamRegret[],
): Whole {
  const counted = regrets.flatMap((one) => {
    const regret = one.regret[policy];
    const room = (one.costs[one.worstFixed] as number) - one.oracle;
    return regret ? [{ value: regret.value, room, of: one }] : [];
  });
  counted.sort((a, b) => a.value - b.value);
  const middle = (counted.length - 1) / 2;
  const at = (index: number) => counted[index]?.value ?? Number.NaN;
  const worst = counted.at(-1);
  const seeds = Math.min(...[...runs.values()].map((of) => of.length));
  const cheaper = (other: string, drawn: readonly number[]): number =>
    mean(
      counted.map(({ room, of: { stream, price } }) => {
        const p = PRICE_FACTORS.findIndex((factor) => factor === price);
        const own = drawn.map((i) => runs.get(stream)?.[i]?.at[p]?.of ?? {});
        return mean(own.map((of) => (of[policy] as number) - (of[other] as number))) / room;
      }),
    );
  const others = POLICIES.map(({ name }) => name).filter((name) => name !== policy);
  return {
    ...{ median: (at(Math.floor(middle)) + at(Math.ceil(middle))) / 2, worst: worst?.value ?? Number.NaN },
    worstAt: worst === undefined ? '' : `${worst.of.stream} at ${worst.of.price} ×`,
    mean: mean(counted.map(({ value }) => value)),
    against: Object.fromEntries(others.map((other) => [other, bootstrap(seeds, (drawn) => cheaper(other, drawn))])),
  };
}
