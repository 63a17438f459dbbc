// The rollout part of the loop: a blessed version goes live, one at a time; a version that fails its probation goes
// back; what a route shows is decided. Pure.

import { cohortOfVersion, sameCohort } from '@millrace/domain';
import { blamesVersion } from '@millrace/drift';
import { cool, givenUp } from './loop-retraining.js';
import {
  causeOf,
  type LoopInput,
  type LoopPolicy,
  type LoopResult,
  type LoopState,
  same,
  step,
  type TakingBack,
} from './loop-state.js';
import { ofServing } from './open-drifts.js';
import { onProbation } from './probation-steps.js';
import { endedInSteps, withSteps } from './rollout-in-steps.js';

const MINUTE_MS = 60_000;
/** A router may take an hour to load a version (MILLRACE_ROUTER_LOAD_TIMEOUT), and be away for a while before. */
const ROLLOUT_MS_MAX = 90 * MINUTE_MS;
const ROLLOUTS_MAX = 3;

/**
 * While a new version cools down or is on probation, requests of its own that fail at the router take it back: the one
 * before it did not fail them. Latency does not (a training beside it would), nor does its quality, which is compared
 * with that of the version before it on the same rows (probation-steps.ts). Each detector of libs/drift says which it
 * is.
 */
export function isBadRollout(state: LoopState, drift: Extract<LoopInput, { kind: 'drift' }>): boolean {
  return (
    blamesVersion(drift.detector) &&
    isNew(state) &&
    state.previousVersion > 0 &&
    sameCohort(drift.cohort, cohortOfVersion(state.liveVersion))
  );
}

function isNew({ phase, probationVersion, liveVersion, probation }: LoopState): boolean {
  if (phase === 'stopped') return false;
  const isCooling = phase === 'cooling' && probationVersion === liveVersion;
  return isCooling || (probation !== null && !probation.byHand);
}

export function takeBack(state: LoopState, drift: Extract<LoopInput, { kind: 'drift' }>, nowMs: number): LoopResult {
  const reason = `version ${state.liveVersion} failed its probation: ${drift.feature} ${drift.detector} ${drift.value.toFixed(3)} against ${drift.threshold}`;
  const correlationId = drift.correlationId || drift.eventId;
  const takingBack: TakingBack = { reason, correlationId, routeRevision: state.routeRevision };
  return {
    state: step({ ...state, takingBack }, nowMs, `rolling back: ${reason}`),
    effects: [{ kind: 'rollback', reason, correlationId, expectedRevision: 0 }],
  };
}

export function onModel(
  before: LoopState,
  input: Extract<LoopInput, { kind: 'model' }>,
  policy: LoopPolicy,
  nowMs: number,
): LoopResult {
  const ours = before.phase === 'training' && before.episode?.trainingId === input.trainingId;
  // A person may have rolled it out before the loop heard of it: its episode is over all the same.
  if (input.version <= before.handledVersion) return same(ours ? overtaken(before, input, policy, nowMs) : before);
  const state = { ...before, handledVersion: input.version };
  if (state.phase === 'stopped') {
    if (!input.blessed) return same(state);
    return same(
      step(
        state,
        nowMs,
        `version ${input.version} was blessed while the loop was stopped: it waits for a rollout by hand`,
      ),
    );
  }
  if (!input.blessed) {
    if (!ours) return same(state);
    return same(cool(state, policy, nowMs, input.verdict));
  }
  if (!policy.rolloutAutomatic) {
    const waiting = { ...state, waitingVersion: input.version };
    const message = `version ${input.version} is blessed and waits for a rollout by hand`;
    return same(ours ? cool(waiting, policy, nowMs, message) : step(waiting, nowMs, message));
  }
  // A blessed version of a training that a person started goes live too; one rollout at a time.
  if (!ours && state.phase !== 'calm' && state.phase !== 'cooling') {
    return same({ ...state, waitingVersion: Math.max(state.waitingVersion, input.version) });
  }
  return rollOut(
    { ...state, episode: ours && state.episode ? { ...state.episode, version: input.version } : null },
    input.version,
    nowMs,
  );
}

function overtaken(
  state: LoopState,
  { version }: Extract<LoopInput, { kind: 'model' }>,
  policy: LoopPolicy,
  nowMs: number,
): LoopState {
  return cool(state, policy, nowMs, `version ${version} was decided about before the loop heard of it`);
}

export function rollOut(state: LoopState, version: number, nowMs: number): LoopResult {
  const reason = state.episode ? causeOf(state.episode) : 'a blessed version';
  const correlationId = state.episode?.id ?? `rollout-${version}`;
  const next = step(
    {
      ...state,
      ...{ phase: 'rolling_out', waitingVersion: version, rollingSinceMs: nowMs, inSteps: false },
      rolloutTries: version === state.waitingVersion ? state.rolloutTries : 0,
    },
    nowMs,
    `rolling out version ${version}`,
  );
  return { state: next, effects: [{ kind: 'start_rollout', version, reason, correlationId }] };
}

/** The topic is read from its beginning at each start: what stands before the newest that is known is no news. */
export function onRoute(
  state: LoopState,
  input: Extract<LoopInput, { kind: 'route' }>,
  policy: LoopPolicy,
  nowMs: number,
): LoopResult {
  if (input.revision < state.routeRevision) return same(state);
  const next = withSteps(givenUp(routed(state, input, policy, nowMs), nowMs), input);
  if (next.phase !== 'rolling_out' || next.inSteps) return same(next);
  if (input.liveVersion === next.waitingVersion) {
    const correlationId = next.episode?.id ?? `rollout-${input.liveVersion}`;
    const shown = onProbation(next, { byHand: false, correlationId }, policy, nowMs);
    const done = { ...shown, waitingVersion: 0, rolloutTries: 0 };
    if (next.episode === null)
      return same(step({ ...done, phase: 'calm' }, nowMs, `version ${input.liveVersion} is live`));
    const cooling = cool(done, policy, nowMs, `version ${input.liveVersion} is live`);
    return same({ ...cooling, probationVersion: input.liveVersion });
  }
  // The failure of a version before it was there when this rollout began.
  const isOurs = input.revision > state.routeRevision && input.rolloutVersion >= next.waitingVersion;
  if (input.phase === 'failed' && isOurs) {
    return same(cool({ ...next, waitingVersion: 0 }, policy, nowMs, `the rollout failed: ${input.message}`));
  }
  const ended = endedInSteps(state, input);
  if (ended !== undefined) return same(cool({ ...next, waitingVersion: 0 }, policy, nowMs, ended));
  return same(next);
}

/** The same state where nothing of it changes: each new one is a write. */
function routed(
  state: LoopState,
  input: Extract<LoopInput, { kind: 'route' }>,
  policy: LoopPolicy,
  nowMs: number,
): LoopState {
  const { revision: routeRevision, liveVersion, previousVersion } = input;
  const handledVersion = Math.max(state.handledVersion, liveVersion, previousVersion);
  const isSame =
    routeRevision === state.routeRevision &&
    liveVersion === state.liveVersion &&
    previousVersion === state.previousVersion &&
    handledVersion === state.handledVersion;
  if (isSame) return state;
  const next = ofServing(
    { ...state, routeRevision, liveVersion, previousVersion, handledVersion },
    liveVersion,
    previousVersion,
  );
  // Somebody else has rolled it out, and may have gone back since: that is not done again by itself.
  const isDecided = state.phase !== 'rolling_out' && Math.max(liveVersion, previousVersion) >= state.waitingVersion;
  const decided = isDecided ? { ...next, waitingVersion: 0, rolloutTries: 0 } : next;
  if (liveVersion === state.liveVersion) return decided;
  // A version that came by hand may have had every row that there was.
  const byHand = liveVersion > state.liveVersion && liveVersion !== state.episode?.version;
  const newestMs = Math.max(0, ...state.datasets.map(({ windowEndMs }) => windowEndMs));
  const taughtThroughMs = byHand ? Math.max(state.taughtThroughMs, newestMs) : state.taughtThroughMs;
  const shown: LoopState = { ...decided, liveSinceMs: nowMs, takingBack: null, taughtThroughMs };
  return onProbation(shown, { byHand: true, correlationId: `rollout-${liveVersion}` }, policy, nowMs);
}

/** A router that refuses a rollout says so to who asked, not on the route: nothing would ever come. */
export function rollingOut(state: LoopState, policy: LoopPolicy, nowMs: number): LoopState {
  if (state.rollingSinceMs === 0) return { ...state, rollingSinceMs: nowMs };
  if (state.inSteps) return state;
  if (nowMs - state.rollingSinceMs < ROLLOUT_MS_MAX) return state;
  const { waitingVersion: version } = state;
  const rolloutTries = state.rolloutTries + 1;
  const isLast = rolloutTries >= ROLLOUTS_MAX;
  const message =
    `version ${version} did not come into service within ${ROLLOUT_MS_MAX / MINUTE_MS} min: the router refused it, or ` +
    `was away; ${isLast ? 'it waits for a rollout by hand' : 'it is tried again'}`;
  return cool({ ...state, waitingVersion: isLast ? 0 : version, rolloutTries }, policy, nowMs, message);
}
