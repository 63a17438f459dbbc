// What the analysis needs of a route: which rollout is under way, against whom, and where it stands.

import { primaryVersion } from '../primary.js';
import type { Route } from '../route.js';

export interface RolloutUnderWay {
  project: string;
  /** The new version. */
  version: number;
  /** Of the route in which it got its first traffic. */
  fromRevision: number;
  /** Who speaks for those that had the traffic before: the one of them with the largest share now. */
  stable: number;
  /** All that have traffic. */
  versions: number[];
  /** Place in the plan, from 0. */
  step: number;
  stepSinceMs: number;
  isPaused: boolean;
  /** The next step comes by its time. */
  isTimed: boolean;
  /** Of the last command: what the analysis asks for belongs to the same episode. */
  correlationId: string;
}

/** undefined: no rollout, or nobody to compare its version with. */
export function rolloutUnderWay({ project, rollout, targets, correlationId }: Route): RolloutUnderWay | undefined {
  const { steps, version, phase } = rollout;
  if (phase !== 'progressing' || steps === undefined || targets.length < 2) return undefined;
  const stable = primaryVersion(targets, (candidate) => candidate !== version);
  if (stable === 0 || !targets.some((target) => target.version === version)) return undefined;
  const { fromRevision, at: step, sinceMs: stepSinceMs, pause, dueMs } = steps;
  return {
    ...{ project, version, fromRevision, stable, step, stepSinceMs },
    versions: targets.map((target) => target.version),
    isPaused: pause !== undefined,
    isTimed: dueMs !== undefined,
    correlationId,
  };
}
