// One simulated rollout: requests one after the other, the judge looking after each of them.

import { seededRng } from '@millrace/domain';
import {
  type AnalysisPlan,
  aimedCuts,
  criteriaOf,
  type ExpectedScores,
  RolloutJudge,
  VersionEvidence,
} from '@millrace/routing';
import { answerInto, both, type Crowd, type Difference, Entities } from '@millrace/testing';

export interface Run {
  decision: 'fail' | 'pass' | 'none';
  /** Requests of both versions until then. */
  requests: number;
  /** Criteria that failed. */
  by: string;
}

/** Of the new version: what a second step of a canary gives it. */
export const CANDIDATE_SHARE = 0.2;
/** A router's look once a second, at 50 requests a second. */
const AIM_EVERY = 50;

/**
 * `stopsAtPass`: else it is looked at to the end, as something that passes may be taken back later. `isUntold`: which
 * entity asks is not told. `expected`: what the new version's evaluation has said of the scores of both.
 */
export function run(
  plan: AnalysisPlan,
  difference: Difference,
  of: {
    seed: number;
    requestsMax: number;
    stopsAtPass: boolean;
    crowd?: Crowd;
    isUntold?: boolean;
    expected?: ExpectedScores;
  },
): Run {
  const rng = seededRng(of.seed);
  const judge = new RolloutJudge(plan, { stable: 1, candidate: 2, sinceMs: 0 }, of.expected);
  const criteria = criteriaOf(plan);
  const stable = new VersionEvidence(1);
  const candidate = new VersionEvidence(2);
  const arms = { stable, candidate };
  const crowd = of.crowd && new Entities(rng, CANDIDATE_SHARE, of.crowd);
  let passed = 0;
  for (let requests = 1; requests <= of.requestsMax; requests++) {
    if (requests % AIM_EVERY === 1) {
      const cuts = aimedCuts(criteria, stable);
      for (const version of [stable, candidate]) version.entities.aim(cuts);
    }
    const entity = crowd?.next();
    const isOfCandidate = entity?.isOfCandidate ?? rng.next() < CANDIDATE_SHARE;
    const own = isOfCandidate ? difference : {};
    const answer = entity === undefined ? own : both(entity.own, own);
    answerInto(isOfCandidate ? candidate : stable, rng, answer, of.isUntold ? undefined : entity?.bucket);
    const verdict = judge.look(arms, 0);
    if (verdict === 'fail') {
      const failed = judge.analysis().criteria.filter(({ verdict }) => verdict === 'fail');
      return { decision: 'fail', requests, by: failed.map(({ criterion }) => criterion).join('+') };
    }
    if (verdict === 'pass' && passed === 0) passed = requests;
    if (passed > 0 && of.stopsAtPass) break;
  }
  return passed > 0
    ? { decision: 'pass', requests: passed, by: '' }
    : { decision: 'none', requests: of.requestsMax, by: '' };
}
