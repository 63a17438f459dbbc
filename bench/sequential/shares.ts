// Is a candidate's share of failures higher, looked at after every request? Healthy candidates that are aborted,
// bad ones that are missed, and requests until the decision, against the test of two proportions that looks once at
// the number of requests that equal errors take.

import { seededRng } from '@millrace/domain';
import { normalQuantile, type ShareOptions, ShareTest, shareBounds, splitLogE } from '@millrace/statistics';
import { decidedAfter, type Evidence, type Truth, trafficOf } from './arms.js';
import { criticalValue, intervalsApart, planned, proportionsApart, type Statistic } from './fixed-sample.js';

/** A healthy candidate may be aborted this often, a bad one missed this often. */
export const ERRORS = { abort: 0.01, miss: 0.05 } as const;
/** Of the misses, those that are promoted; the rest is left to the undecided. */
const PROMOTED = 0.04;
/** Undecided after this many times the requests of the fixed sample counts as missed. */
const HORIZON = 3;
/** Points of a time series that Kayenta wants at least. */
const INTERVALS = 50;

export interface Scenario {
  baseline: number;
  effect: number;
  share: number;
}

interface Rule {
  name: string;
  abort: Evidence;
  /** Says that the candidate is not worse by the effect; some tests cannot. */
  promote?: Evidence;
}

function rules({ baseline, effect, share }: Scenario): Rule[] {
  const test = (name: string, options: ShareOptions, planned: number | undefined = share): Rule => {
    const [more, fewer] = [new ShareTest(0, 'more', options), new ShareTest(effect, 'fewer', options)];
    const of =
      (one: ShareTest): Evidence =>
      (first, second) =>
        one.logE([{ first, second, share: planned }]);
    return { name, abort: of(more), promote: of(fewer) };
  };
  return [
    test('shareDifference, nothing expected', {}),
    test('shareDifference, effect and usual share stated', { expected: { effect, baseline } }),
    test('the same, a usual share three times too high stated', { expected: { effect, baseline: 3 * baseline } }),
    { name: 'splitLogE of the failures', abort: (first, second) => splitLogE(first.k, second.k, share) },
    {
      name: 'a bound on each arm (union)',
      abort: (first, second) => {
        const alpha = ERRORS.abort;
        const apart = shareBounds(second.k, second.n, alpha).lower > shareBounds(first.k, first.n, alpha).upper;
        return apart ? Number.POSITIVE_INFINITY : 0;
      },
    },
  ];
}

const mean = (values: readonly number[]) => values.reduce((sum, x) => sum + x, 0) / values.length;
const shareOf = <T>(values: readonly T[], is: (value: T) => boolean) => values.filter(is).length / values.length;
const rounded = (x: number) => Number(x.toPrecision(3));

/** What one rule did on one stream. */
interface Outcome {
  requests: number;
  decision: 'abort' | 'promote' | 'none';
}

function decide(traffic: Uint8Array, { abort, promote }: Rule): Outcome {
  const aborted = decidedAfter(traffic, 'more', abort, -Math.log(ERRORS.abort));
  const before = Number.isFinite(aborted) ? traffic.subarray(0, aborted) : traffic;
  const promoted =
    promote === undefined ? Number.POSITIVE_INFINITY : decidedAfter(before, 'fewer', promote, -Math.log(PROMOTED));
  if (promoted < aborted) return { requests: promoted, decision: 'promote' };
  if (Number.isFinite(aborted)) return { requests: aborted, decision: 'abort' };
  return { requests: traffic.length, decision: 'none' };
}

interface Streams {
  bad: readonly Uint8Array[];
  healthy: readonly Uint8Array[];
}

/** The least number of requests, in steps of `step` times the plan, at which a test that looks once sees enough. */
function enough(statistic: Statistic, { bad, healthy }: Streams, plan: number, step: number): number | undefined {
  for (let times = 0.8; times <= HORIZON; times += step) {
    const requests = Math.round(times * plan);
    const bar = criticalValue(statistic, healthy, requests, ERRORS.abort);
    if (shareOf(bad, (traffic) => statistic(traffic, requests) > bar) >= 1 - ERRORS.miss) return requests;
  }
  return undefined;
}

export function measureShares(scenario: Scenario, seeds: number) {
  const { baseline, effect, share } = scenario;
  const truth: Truth = { first: baseline, second: baseline + effect, share };
  const plan = planned(truth, ERRORS.abort, 1 - ERRORS.miss);
  const streams = (of: Truth, salt: number) =>
    Array.from({ length: seeds }, (_, seed) => trafficOf(seededRng(2 * seed + salt), HORIZON * plan, of));
  const [bad, healthy] = [streams(truth, 1), streams({ ...truth, second: baseline }, 2)];
  const fixed = enough(proportionsApart, { bad, healthy }, plan, 0.02) ?? HORIZON * plan;
  const kayenta = enough(intervalsApart(INTERVALS), { bad, healthy }, plan, 0.1);
  const looks = Array.from({ length: 10 }, (_, i) => Math.round(((i + 1) * fixed) / 10));
  const bar = -normalQuantile(ERRORS.abort);
  return {
    ...scenario,
    requestsOfFixedSample: { byTheFormula: plan, measured: fixed },
    fixedSampleLookedAtTenTimes: {
      healthyAborted: shareOf(healthy, (traffic) => looks.some((look) => proportionsApart(traffic, look) >= bar)),
    },
    mannWhitney: {
      intervals: INTERVALS,
      requests: kayenta ?? `more than ${HORIZON * plan}`,
      ofFixedSample: kayenta === undefined ? null : rounded(kayenta / fixed),
    },
    sequential: rules(scenario).map((rule) => {
      const [ofBad, ofHealthy] = [
        bad.map((traffic) => decide(traffic, rule)),
        healthy.map((traffic) => decide(traffic, rule)),
      ];
      const times = ofBad.map(({ requests }) => requests / fixed).sort((a, b) => a - b);
      return {
        test: rule.name,
        healthyAborted: shareOf(ofHealthy, ({ decision }) => decision === 'abort'),
        badMissed: shareOf(ofBad, ({ decision }) => decision !== 'abort'),
        badPromoted: shareOf(ofBad, ({ decision }) => decision === 'promote'),
        meanOfFixedSample: {
          bad: rounded(mean(times)),
          healthy: rule.promote === undefined ? null : rounded(mean(ofHealthy.map(({ requests }) => requests / fixed))),
        },
        badMedian: rounded(times[times.length >> 1] as number),
        badP95: rounded(times[Math.floor(0.95 * times.length)] as number),
      };
    }),
  };
}
