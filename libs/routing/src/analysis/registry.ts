// Every criterion of the analysis, one line each.

import { constant } from './criteria/constant.js';
import { errors } from './criteria/errors.js';
import { latency } from './criteria/latency.js';
import { quality } from './criteria/quality.js';
import { scores } from './criteria/scores.js';
import { unusable } from './criteria/unusable.js';
import type { Arms, CriterionName, RunningTest } from './criterion.js';
import { CriterionTest } from './criterion-test.js';
import { VersionEvidence } from './evidence.js';
import type { AnalysisPlan } from './plan.js';
import { QualityTest } from './quality-test.js';

interface Errors {
  alpha: number;
  missed: number;
}

const EMPTY: Arms = { stable: new VersionEvidence(0), candidate: new VersionEvidence(0) };

const MADE: { readonly [Name in CriterionName]: (plan: AnalysisPlan, of: Errors) => RunningTest } = {
  errors: (plan, of) => new CriterionTest(errors(plan.errors), of, EMPTY),
  latency: (plan, of) => new CriterionTest(latency(plan.latency), of, EMPTY),
  unusable: (plan, of) => new CriterionTest(unusable(plan.unusable), of, EMPTY),
  constant: (plan, of) => new CriterionTest(constant(plan.constant), of, EMPTY),
  scores: (plan, of) => new CriterionTest(scores(plan.scores), of, EMPTY),
  quality: (plan, of) => new QualityTest(quality(plan.quality), { ...of, ...plan.quality }),
};

/** Tests of those that a plan does not ignore; they share alpha evenly, and each passes a bad version by `missed`. */
export function testsOf(plan: AnalysisPlan): RunningTest[] {
  const names = (Object.keys(MADE) as CriterionName[]).filter((name) => !plan.ignore.includes(name));
  return names.map((name) => MADE[name](plan, { alpha: plan.alpha / names.length, missed: plan.missed }));
}
