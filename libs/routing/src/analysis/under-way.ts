// What the analysis needs of a route: which rollout is under way, against whom, and where it stands.

import { primaryVersion } from '../primary.js';
import type { Route, Share } from '../route.js';
import { checkOf } from '../steps.js';

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
  /** One of both has all traffic, and the other gets copies: only answers to the same requests are compared. */
  isCopied: boolean;
  /** The version has all traffic: it stays, unless it is found wanting. */
  isLast: boolean;
  /** Of the last command: what the analysis asks for belongs to the same episode. */
  correlationId: string;
}

/** undefined: no rollout, or nobody to compare its version with. */
export function rolloutUnderWay(route: Route): RolloutUnderWay | undefined {
  const { project, rollout, targets, shadows, correlationId } = route;
  const { steps, version, phase } = rollout;
  if (phase !== 'progressing' || steps === undefined) return undefined;
  const check = checkOf(route);
  // Weights that were set by hand in the middle of it are neither.
  const isCopied = check !== undefined && shadows.includes(check.shadow) && targets.every(isNoShadow(check.shadow));
  const stable = isCopied
    ? primaryVersion(steps.baseline)
    : primaryVersion(targets, (candidate) => candidate !== version);
  if (stable === 0 || !(isCopied || targets.some((target) => target.version === version))) return undefined;
  const { fromRevision, at: step, sinceMs: stepSinceMs, pause, dueMs } = steps;
  return {
    ...{ project, version, fromRevision, stable, step, stepSinceMs },
    versions: isCopied ? [stable, version] : targets.map((target) => target.version),
    isPaused: pause !== undefined,
    isTimed: dueMs !== undefined,
    ...{ isCopied, isLast: isCopied && check.shadow === stable },
    correlationId,
  };
}

const isNoShadow =
  (shadow: number) =>
  ({ version }: Share): boolean =>
    version !== shadow;
