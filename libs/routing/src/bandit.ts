// Bandit: traffic follows what labels say, by Thompson sampling. With two arms, the new version and those who served
// before (the largest of them speaks for them), the share that Thompson's draws would give the new one is the
// probability that it is the better one, so that nothing needs to be drawn: the same evidence gives the same weight, on
// every router.
//
// At each weight w the difference of the mean losses is d_w, new less stable, of variance v_w = s1^2/n1 + s2^2/n2 (each
// arm's variance drawn to PRIOR_VARIANCE by PRIOR_LABELS). Answers of one weight are comparable, of different ones they
// may be of easier and harder times. With the difference normal about 0 with deviation PRIOR_DEVIATION before:
//   precision = 1/PRIOR_DEVIATION^2 + sum 1/(D v_w),  mean = (sum d_w/(D v_w)) / precision,  z = mean sqrt(precision)
//   P(new is better) = P(Z < -z'),  z'^2 = (f + 1) ln(1 + z^2/f),
// Z of the standard normal distribution. D is the design effect of labels by entity, of f degrees of freedom, as of
// the quality of a rollout (design-effect.ts): labels of one entity are not independent. Where they are D = 1, z' = z.
// What was not labelled yet counts for nobody: late labels move the weights late, and in no direction before.
// O(weights + entity buckets) a look.

import { chiSquareTail, discounted } from '@millrace/statistics';
import { allLosses, lossDependence, type VersionLosses } from './analysis/rollout-losses.js';
import type { BanditTerms } from './route.js';

/** Two versions of one kind of model differ by hundredths of a squared error, seldom by a tenth. */
const PRIOR_DEVIATION = 0.05;
/** Of squared errors of probabilities. */
const PRIOR_VARIANCE = 0.06;
const PRIOR_LABELS = 8;
/** Of each arm, before anything moves: fewer are a matter of who came. */
export const BANDIT_LABELS_MIN = 30;

export interface BanditView {
  /** That the new version's mean loss is the lower one. */
  probability: number;
  labelled: { stable: number; candidate: number };
  /** Mean losses; NaN where there is none. */
  loss: { stable: number; candidate: number };
  /** Labels that weigh as much as one of an entity of its own. */
  designEffect: number;
}

export function banditView(stable: VersionLosses, candidate: VersionLosses): BanditView {
  const dependence = lossDependence(stable, candidate);
  const { inflation } = dependence;
  let precision = 1 / PRIOR_DEVIATION ** 2;
  let weighted = 0;
  for (const [weight, ofCandidate] of candidate.losses) {
    const ofStable = stable.losses.get(weight);
    if (ofStable === undefined || ofStable.count === 0 || ofCandidate.count === 0) continue;
    const variance = inflation * (varianceOfMean(ofStable) + varianceOfMean(ofCandidate));
    precision += 1 / variance;
    weighted += (ofCandidate.mean - ofStable.mean) / variance;
  }
  const [before, after] = [allLosses(stable.losses), allLosses(candidate.losses)];
  const z = weighted / Math.sqrt(precision);
  // It is inflated already, and what is left is Student's.
  const known = Math.sqrt(2 * discounted((inflation * z * z) / 2, dependence));
  return {
    probability: below(-Math.sign(z) * known),
    labelled: { stable: before.count, candidate: after.count },
    loss: { stable: before.mean, candidate: after.mean },
    designEffect: inflation,
  };
}

/** What the rollout does next; `reason` has the figures. */
export type BanditMove = { kind: 'stay' } | { kind: 'weight' | 'promote' | 'keep'; weight: number; reason: string };

export interface BanditMoment {
  stable: number;
  candidate: number;
  /** Of the new version now. */
  weight: number;
  /** The rollout's time is up. */
  isOver: boolean;
}

export function banditMove(view: BanditView, terms: BanditTerms, at: BanditMoment): BanditMove {
  const { probability, labelled } = view;
  const { floor, confidence } = terms;
  const enough = Math.min(labelled.stable, labelled.candidate) >= BANDIT_LABELS_MIN;
  const reason = told(view, at);
  const ends = (kind: 'promote' | 'keep', why: string): BanditMove => ({
    ...{ kind, weight: kind === 'promote' ? 100 : 0, reason: `${why}: ${reason}` },
  });
  if (!enough) return at.isOver ? ends('keep', 'too few labels in its time') : { kind: 'stay' };
  if (probability >= confidence) return ends('promote', `version ${at.candidate} is better`);
  if (1 - probability >= confidence) return ends('keep', `version ${at.candidate} is not better`);
  if (at.isOver) return ends(probability > 0.5 ? 'promote' : 'keep', 'its time is up');
  const weight = Math.min(100 - floor, Math.max(floor, Math.round(100 * probability)));
  return weight === at.weight ? { kind: 'stay' } : { kind: 'weight', weight, reason };
}

function told({ probability, labelled, loss, designEffect }: BanditView, { stable, candidate }: BanditMoment): string {
  const side = (version: number, mean: number, n: number) =>
    `version ${version} ${n === 0 ? 'no label' : `mean loss ${mean.toPrecision(3)} of ${n} labels`}`;
  const sides = [side(candidate, loss.candidate, labelled.candidate), side(stable, loss.stable, labelled.stable)];
  const differ = designEffect >= 1.5 ? `, entities differ, ${designEffect.toPrecision(2)} labels count as one` : '';
  return `${sides.join(', ')}${differ}, version ${candidate} is better with probability ${probability.toFixed(3)}`;
}

function varianceOfMean({ count, variance }: { count: number; variance: number }): number {
  return (count * variance + PRIOR_LABELS * PRIOR_VARIANCE) / (count + PRIOR_LABELS) / count;
}

/** P(Z < z) of the standard normal distribution, whose square has one degree of freedom. */
function below(z: number): number {
  const tail = chiSquareTail(z * z, 1) / 2;
  return z > 0 ? 1 - tail : tail;
}
