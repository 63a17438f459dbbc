// Every criterion of the analysis, one line each.

import { constant } from './criteria/constant.js';
import { errors } from './criteria/errors.js';
import { latency } from './criteria/latency.js';
import { quality } from './criteria/quality.js';
import { scores } from './criteria/scores.js';
import { unusable } from './criteria/unusable.js';
import type { Arms, Criterion, RunningTest, TestedName } from './criterion.js';
import { CriterionTest } from './criterion-test.js';
import { DriftTest } from './drift-test.js';
import { VersionEvidence } from './evidence.js';
import type { ExpectedScores } from './expected-scores.js';
import type { AnalysisPlan } from './plan.js';
import { QualityTest } from './quality-test.js';

interface Errors {
  alpha: number;
  missed: number;
}

/** Criteria about a share of answers. */
type ShareName = Exclude<TestedName, 'quality'>;

const SHARES: { readonly [Name in ShareName]: (plan: AnalysisPlan) => Criterion } = {
  errors: (plan) => errors(plan.errors),
  latency: (plan) => latency(plan.latency),
  unusable: (plan) => unusable(plan.unusable),
  constant: (plan) => constant(plan.constant),
  scores: (plan) => scores(plan.scores),
};
const SHARE_NAMES = Object.keys(SHARES) as ShareName[];

const EMPTY: Arms = { stable: new VersionEvidence(0), candidate: new VersionEvidence(0) };

/** Those about a share of answers that a plan does not ignore. */
export function criteriaOf(plan: AnalysisPlan): Criterion[] {
  return SHARE_NAMES.filter((name) => !plan.ignore.includes(name)).map((name) => SHARES[name](plan));
}

function testOf(name: TestedName, plan: AnalysisPlan, of: Errors, expected: ExpectedScores): RunningTest {
  if (name === 'scores' && expected.kind === 'evaluated') {
    // Wrong where the distance of the evaluation is too small, or else by the test: half of alpha for each.
    const half = of.alpha / 2;
    return new CriterionTest(scores(plan.scores, expected, half), { ...of, alpha: half }, EMPTY);
  }
  if (name === 'scores') return new CriterionTest(scores(plan.scores, expected), of, EMPTY);
  if (name === 'quality') return new QualityTest(quality(plan.quality), { ...of, ...plan.quality });
  return new CriterionTest(SHARES[name](plan), of, EMPTY);
}

/**
 * Tests of those that a plan does not ignore; they share alpha evenly, and each passes a bad version by `missed`. Drift
 * is beside them, where the project asks for it, of a rollout that began at `sinceMs`. `expected`: of its two versions.
 */
export function testsOf(plan: AnalysisPlan, sinceMs: number, expected: ExpectedScores): RunningTest[] {
  const names = [...SHARE_NAMES, 'quality' as const].filter((name) => !plan.ignore.includes(name));
  const errors = { alpha: plan.alpha / names.length, missed: plan.missed };
  const tests = names.map((name) => testOf(name, plan, errors, expected));
  return plan.drift.aborts ? [...tests, new DriftTest(sinceMs)] : tests;
}
