// What a loop knows of the rollout that it waits for, where that goes in steps: it takes what time its steps take, and
// is over when the route says so. Pure.

import type { LoopPhase } from '@millrace/domain';
import type { RolloutPhase } from '@millrace/routing';

export interface InSteps {
  /** The version has a part of the traffic; not there in a state of an earlier release. */
  inSteps?: boolean;
}

interface Waiting extends InSteps {
  phase: LoopPhase;
  waitingVersion: number;
}

interface Routed {
  phase: RolloutPhase;
  rolloutVersion: number;
}

/** The same state where nothing of it changes. */
export function withSteps<S extends Waiting>(state: S, { phase, rolloutVersion }: Routed): S {
  const isIn = state.phase === 'rolling_out' && phase === 'progressing' && rolloutVersion === state.waitingVersion;
  return isIn === (state.inSteps ?? false) ? state : { ...state, inSteps: isIn };
}

/** Why the rollout is over without its version, where somebody has put another one in its place; else undefined. */
export function endedInSteps(before: Waiting, { rolloutVersion }: Routed): string | undefined {
  if (!before.inSteps || rolloutVersion === before.waitingVersion) return undefined;
  return `the rollout was ended: version ${rolloutVersion} was put in its place`;
}
