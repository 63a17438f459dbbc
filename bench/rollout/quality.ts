// The errors of criterion `quality`, and labels until it decides, at its part of the judge's alpha: a fifth of the
// requests for the new version, every answer labelled, looked at after every ten.

import { seededRng } from '@millrace/domain';
import {
  type AnalysisPlan,
  DEFAULT_ANALYSIS,
  RolloutJudge,
  RolloutLosses,
  TESTED_CRITERIA,
  VersionEvidence,
} from '@millrace/routing';
import { lossOf } from '@millrace/testing';
import { CANDIDATE_SHARE } from './run.js';

const LOOK_EVERY = 10;
const HEALTHY_REQUESTS = 30_000;
const REQUESTS_MAX = 100_000;
const EFFECT = DEFAULT_ANALYSIS.quality.effect;

/** Alone, at the part of alpha that it has beside the others. */
const plan: AnalysisPlan = {
  ...DEFAULT_ANALYSIS,
  alpha: DEFAULT_ANALYSIS.alpha / TESTED_CRITERIA.length,
  quality: { effect: EFFECT, required: true },
  ignore: TESTED_CRITERIA.filter((name) => name !== 'quality'),
};

export interface QualityErrors {
  effect: number;
  /** Shares of the seeds. */
  aborted: number;
  missed: number;
  /** Means. */
  requestsToPass: number;
  requestsToFail: number;
}

export function qualityErrors(seeds: number, first: number): QualityErrors {
  const all = <T>(of: (seed: number) => T): T[] => Array.from({ length: seeds }, (_, i) => of(first + i));
  const healthy = all((seed) => run(seed, 0, HEALTHY_REQUESTS));
  const worse = all((seed) => run(seed, EFFECT, REQUESTS_MAX));
  return {
    effect: EFFECT,
    aborted: healthy.filter(({ failed }) => failed).length / seeds,
    missed: worse.filter(({ failed }) => !failed).length / seeds,
    requestsToPass: mean(healthy.map(({ passedAt }) => passedAt)),
    requestsToFail: mean(worse.map(({ endedAt }) => endedAt)),
  };
}

/** A healthy one is looked at to the end, one that is worse until it passes or fails. */
function run(seed: number, worseBy: number, requests: number) {
  const rng = seededRng(seed);
  const losses = new RolloutLosses(1);
  const judge = new RolloutJudge(plan, { stable: 1, candidate: 2, sinceMs: 0 });
  const [stable, candidate] = [new VersionEvidence(1), new VersionEvidence(2)];
  let passedAt = requests;
  for (let n = 1; n <= requests; n++) {
    const isNew = rng.next() < CANDIDATE_SHARE;
    (isNew ? candidate : stable).answered += 1;
    losses.add({ fromRevision: 1, weight: 100 * CANDIDATE_SHARE }, isNew ? 2 : 1, lossOf({ worseBy }, isNew, n, rng));
    if (n % LOOK_EVERY !== 0) continue;
    stable.losses = losses.of(1);
    candidate.losses = losses.of(2);
    const verdict = judge.look({ stable, candidate }, 0);
    if (verdict === 'fail') return { failed: true, passedAt, endedAt: n };
    if (verdict !== 'pass') continue;
    passedAt = Math.min(passedAt, n);
    if (worseBy > 0) return { failed: false, passedAt, endedAt: n };
  }
  return { failed: false, passedAt, endedAt: requests };
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
