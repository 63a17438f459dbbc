// Who takes part in an experiment, and in which arm. The key (the entity; of a request without one its id, as the split
// draws it) is hashed twice by the experiment's salt: to a bucket that says whether it takes part, and to one of
// EXPERIMENT_SLOTS slots, each of which an arm owns. So a larger share only adds entities, and a change of weights
// moves those alone whose slot has changed its owner. Made when the route changes; a request costs one hash where all
// traffic takes part, else two, and allocates nothing.

import { hash32 } from '@millrace/domain';
import { EXPERIMENT_SLOTS, type Experiment, type ExperimentArm, type Route, runningExperiment } from './route.js';
import { BUCKETS, bucketOf } from './split.js';

/** "part": whether one takes part says nothing of its arm. */
const PART_SEED = 'part';
const BUCKETS_A_SLOT = BUCKETS / EXPERIMENT_SLOTS;

export interface Drawn {
  readonly experiment: Experiment;
  /** That the key was drawn for. */
  readonly arm: ExperimentArm;
  /** That answers: the arm, where serving does not have it the control arm; 0 = neither is there, the targets do. */
  readonly version: number;
}

export class ExperimentDraw {
  private readonly bySlot: readonly Drawn[];
  private readonly partSalt: number;
  /** Those below take part. */
  private readonly below: number;

  private constructor(private readonly experiment: Experiment) {
    const { arms, salt, share } = experiment;
    const control = arms.find(({ version }) => version === experiment.control);
    const instead = control?.isReady === true ? control.version : 0;
    const drawn = arms.map((arm) => Object.freeze({ experiment, arm, version: arm.isReady ? arm.version : instead }));
    const owner = new Map(drawn.flatMap((one) => one.arm.slots.map((slot) => [slot, one] as const)));
    this.bySlot = Array.from({ length: EXPERIMENT_SLOTS }, (_, slot) => owner.get(slot) as Drawn);
    this.partSalt = hash32(PART_SEED, salt);
    this.below = (share * BUCKETS) / 100;
  }

  /** undefined: no experiment is running. */
  static of(route: Route): ExperimentDraw | undefined {
    const experiment = runningExperiment(route);
    return experiment === undefined ? undefined : new ExperimentDraw(experiment);
  }

  /** undefined: it takes no part. */
  draw(key: string): Drawn | undefined {
    const { salt } = this.experiment;
    if (this.below < BUCKETS && bucketOf(key, this.partSalt) >= this.below) return undefined;
    return this.bySlot[Math.floor(bucketOf(key, salt) / BUCKETS_A_SLOT)];
  }
}

/**
 * 1 to 99, another one for other weights but for one in 99: answers that were drawn by the same weights are comparable,
 * whatever the time did to them (RolloutDraw).
 */
export function splitNumber({ arms }: Pick<Experiment, 'arms'>): number {
  return 1 + (hash32(arms.map(({ version, weight }) => `${version}=${weight}`).join()) % 99);
}

/** What an arm is called as a flag's variant: the control arm, or the version. */
export function armName({ control }: Pick<Experiment, 'control'>, version: number): string {
  return version === control ? 'control' : `v${version}`;
}

/** Percent of all live traffic by version, experiment included; not always whole. Ascending. */
export function trafficShares(route: Pick<Route, 'targets' | 'experiment'>): { version: number; weight: number }[] {
  const shares = new Map<number, number>();
  const add = (version: number, weight: number) => shares.set(version, (shares.get(version) ?? 0) + weight);
  const { arms = [], share = 0, control = 0 } = runningExperiment(route) ?? {};
  const isThere = (version: number) => arms.some((arm) => arm.version === version && arm.isReady);
  let byTargets = 100 - share;
  for (const { version, weight } of arms) {
    const answers = isThere(version) ? version : isThere(control) ? control : 0;
    const part = (weight * share) / 100;
    if (answers === 0) byTargets += part;
    else add(answers, part);
  }
  for (const { version, weight } of route.targets) add(version, (weight * byTargets) / 100);
  return [...shares].map(([version, weight]) => ({ version, weight })).sort((a, b) => a.version - b.version);
}
