// Every criterion of the analysis, one line each.

import { constant } from './criteria/constant.js';
import { errors } from './criteria/errors.js';
import { latency } from './criteria/latency.js';
import { scores } from './criteria/scores.js';
import { unusable } from './criteria/unusable.js';
import type { Criterion, CriterionName } from './criterion.js';
import type { AnalysisPlan } from './plan.js';

const MADE: { readonly [Name in CriterionName]: (plan: AnalysisPlan) => Criterion } = {
  errors: (plan) => errors(plan.errors),
  latency: (plan) => latency(plan.latency),
  unusable: (plan) => unusable(plan.unusable),
  constant: (plan) => constant(plan.constant),
  scores: (plan) => scores(plan.scores),
};

/** Those that a plan does not ignore. */
export function criteriaOf(plan: AnalysisPlan): Criterion[] {
  return (Object.keys(MADE) as CriterionName[])
    .filter((name) => !plan.ignore.includes(name))
    .map((name) => MADE[name](plan));
}
