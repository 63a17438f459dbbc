// The worlds that a rollout's judge is measured in: some where nothing is wrong, and one a criterion at its stated
// effect, with the tests of a fixed sample that know where the effect is.

import { type AnalysisPlan, type CriterionName, DEFAULT_ANALYSIS, TESTED_CRITERIA } from '@millrace/routing';
import { type Crowd, type Difference, evaluatedScores } from '@millrace/testing';
import { type FixedTest, fisher, mannWhitneyRequests, requestsOf } from './fixed-sample.js';
import { CANDIDATE_SHARE, type Run, run } from './run.js';

/** As of a project without labels. */
export const plan: AnalysisPlan = { ...DEFAULT_ANALYSIS, ignore: ['quality'] };
/** What the tests of a fixed sample are given: the judge's part of alpha, and what a judge may miss. */
const MISSED_MAX = 0.05;
const errors = { alpha: plan.alpha / (TESTED_CRITERIA.length - plan.ignore.length), missed: MISSED_MAX };
/** A healthy version is looked at so long, whether it has passed or not. */
export const HEALTHY_REQUESTS = 4_000;
const REQUESTS_MAX = 60_000;

interface World {
  name: string;
  criterion: CriterionName;
  /** At the stated effect, of one criterion. */
  difference: Difference;
  /** Tests of a fixed sample, chosen for where the effect is. */
  fixed: FixedTest;
  /** Requests that Mann-Whitney's takes, on the values themselves. */
  ranks: number;
}

const w = CANDIDATE_SHARE;
const { alpha } = errors;
/** Of the log-normal latencies (sigma .5): the stable version's share above 1.5 times its median, and its p95. */
const ABOVE_MEDIAN = 0.2087;
const ABOVE_P95 = 0.00703;
/** On the logit of scores: .2 more above the median. */
const SHIFT = 0.5244;
/** P(stable < new) where all latencies are 1.5 times as long, and where scores are shifted by SHIFT. */
const SLOWER_WINS = 0.7168;
const SHIFTED_WINS = 0.6446;
const twoOf =
  (test: FixedTest): FixedTest =>
  (rng, requests) =>
    test(rng, Math.floor(requests / 2));
/** Mann-Whitney of two shares: 0 and 1 are the only values, most of them ties. */
function rankedShares(p1: number, p2: number): number {
  const pooled = (1 - w) * p1 + w * p2;
  return mannWhitneyRequests(errors, w, 0.5 + (p2 - p1) / 2, pooled ** 3 + (1 - pooled) ** 3);
}
const shares = (criterion: CriterionName, difference: Difference, p1: number, p2: number): World => ({
  ...{ name: criterion, criterion, difference, fixed: fisher(alpha, w, p1, p2), ranks: rankedShares(p1, p2) },
});
const { failures, tail } = { failures: plan.errors.effect, tail: 1 - plan.latency.quantile - ABOVE_P95 };
const pairs = shares('constant', { constant: Math.sqrt(plan.constant.effect) }, 0, plan.constant.effect);

const WORLDS: readonly World[] = [
  shares('errors', { failures }, 0.01, 0.01 + failures),
  {
    ...{ name: 'latency, throughout', criterion: 'latency', difference: { slower: plan.latency.factor } },
    // Which of the two cuts, or of the six below, it will be is not known: each at its part of alpha.
    fixed: fisher(alpha / 2, w, ABOVE_MEDIAN, 0.5),
    ranks: mannWhitneyRequests(errors, w, SLOWER_WINS),
  },
  {
    ...{ name: 'latency, its tail', criterion: 'latency', difference: { tail } },
    fixed: fisher(alpha / 2, w, ABOVE_P95, ABOVE_P95 + tail),
    ranks: mannWhitneyRequests(errors, w, 0.5 + tail / 2),
  },
  shares('unusable', { nan: plan.unusable.effect }, 0, plan.unusable.effect),
  { ...pairs, fixed: twoOf(pairs.fixed), ranks: 2 * pairs.ranks },
  {
    ...{ name: 'scores', criterion: 'scores', difference: { shift: SHIFT } },
    fixed: fisher(alpha / 6, w, 0.5, 0.5 + plan.scores.effect),
    ranks: mannWhitneyRequests({ ...errors, alpha: alpha / 2 }, w, SHIFTED_WINS),
  },
];

/** Entities that stay with one version and are peculiar with either. */
const CROWDS: Readonly<Record<string, Crowd>> = {
  'one entity asks for 60 %': {
    ...{ count: 500, exponent: 0, peculiar: 0.3, first: 0.6 },
    ofFirst: { failures: 0.1, slower: 2, shift: 1.5, nan: 0.03, constant: 0.9 },
  },
  '1,000 entities by Zipf': { count: 1_000, exponent: 1, peculiar: 1 },
  '1,000 entities, alike': { count: 1_000, exponent: 1, peculiar: 0 },
  'ten entities': { count: 10, exponent: 0, peculiar: 0.3 },
};

/** Its scores lie as far from the stable version's as its evaluation has said, on 4,000 rows. */
const RETRAINED = 'retrained for another concept';
/** On the logit: a third more of them above the median. */
const LEARNT = 1;

export const HEALTHY_NAMES: readonly string[] = ['healthy', ...Object.keys(CROWDS), RETRAINED];
export const BAD_NAMES: readonly string[] = WORLDS.map(({ name }) => name);

export interface Seeds {
  first: number;
  seeds: number;
}

const mean = (all: readonly number[]): number => all.reduce((sum, one) => sum + one, 0) / Math.max(1, all.length);

function quantile(all: readonly number[], q: number): number {
  const sorted = [...all].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN;
}

type RunOf = Omit<Parameters<typeof run>[2], 'seed' | 'expected'> & { evaluated?: number };

function runsOf({ first, seeds }: Seeds, difference: Difference, { evaluated, ...of }: RunOf): Run[] {
  return Array.from({ length: seeds }, (_, i) => {
    const seed = first + i;
    const expected = evaluated === undefined ? {} : { expected: evaluatedScores(evaluated, -seed) };
    return run(plan, difference, { ...of, ...expected, seed });
  });
}

export function measureHealthy(world: string, of: Seeds) {
  const crowd = CROWDS[world];
  const few = { requestsMax: HEALTHY_REQUESTS, stopsAtPass: false };
  const [difference, evaluated] = world === RETRAINED ? [{ shift: LEARNT }, { evaluated: LEARNT }] : [{}, {}];
  const all = runsOf(of, difference, { ...few, ...evaluated, ...(crowd === undefined ? {} : { crowd }) });
  // As if each request were somebody else's.
  const blind = crowd === undefined ? [] : runsOf(of, {}, { ...few, crowd, isUntold: true });
  const aborted = all.filter(({ decision }) => decision === 'fail');
  const passed = all.filter(({ decision }) => decision === 'pass').map(({ requests }) => requests);
  return {
    ...{ world, requests: HEALTHY_REQUESTS, aborted: aborted.length / of.seeds },
    abortedAsIfIndependent: blind.filter(({ decision }) => decision === 'fail').length / of.seeds,
    ...{
      by: aborted.map(({ by }) => by),
      passed: passed.length / of.seeds,
      medianRequestsToPass: quantile(passed, 0.5),
    },
    met: aborted.length / of.seeds <= plan.alpha,
  };
}

export function measureBad(name: string, of: Seeds) {
  const found = WORLDS.find((world) => world.name === name);
  if (found === undefined) throw new Error(`no world '${name}'; there are ${BAD_NAMES.join(', ')}`);
  const { criterion, difference, ranks } = found;
  const fixed = requestsOf(found.fixed, errors);
  const all = runsOf(of, difference, { requestsMax: REQUESTS_MAX, stopsAtPass: true });
  const missed = all.filter(({ decision }) => decision !== 'fail').length / of.seeds;
  const requests = all.map((one) => one.requests);
  const others = all.filter(({ decision, by }) => decision === 'fail' && !by.includes(criterion)).length;
  return {
    ...{ world: name, criterion, missed, seenByAnother: others / of.seeds },
    requests: { mean: mean(requests), median: quantile(requests, 0.5), p95: quantile(requests, 0.95) },
    ...{ fixedSample: fixed, mannWhitney: ranks },
    ...{ ofFixedSample: mean(requests) / fixed, ofMannWhitney: mean(requests) / ranks },
    met: missed <= MISSED_MAX && mean(requests) / fixed <= 0.8,
  };
}

export type Healthy = ReturnType<typeof measureHealthy>;
export type Bad = ReturnType<typeof measureBad>;
