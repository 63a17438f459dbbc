// The rollout part of the loop: a blessed version goes live, one at a time; a version that fails its probation goes
// back; what a route shows is decided. Pure.

import { cohortOfVersion, sameCohort } from '@millrace/domain';
import { blamesVersion, SUBJECTS } from '@millrace/drift';
import { rolloutCommandId } from './command-ids.js';
import { weighed } from './cost-known.js';
import { causeOf } from './episode.js';
import { askedAbout, expiresAtMs, notApproved, peopleWanted, wantedOf } from './loop-approval.js';
import { cool, givenUp } from './loop-retraining.js';
import {
  type LoopInput,
  type LoopPolicy,
  type LoopResult,
  type LoopState,
  resting,
  same,
  step,
  type TakingBack,
} from './loop-state.js';
import { ofServing } from './open-drifts.js';
import { onProbation } from './probation-steps.js';
import { endedInSteps, withSteps } from './rollout-in-steps.js';

const MINUTE_MS = 60_000;
/**
 * A router takes no command that is an hour old, and an hour at most to load a version (MILLRACE_ROUTER_LOAD_TIMEOUT):
 * after that nothing of it can be under way. Measured from the moment that it was decided.
 */
export const ROLLOUT_MS_MAX = 125 * MINUTE_MS;
const ROLLOUTS_MAX = 3;

/**
 * While a new version cools down or is on probation, requests of its own that fail at the router take it back: the one
 * before it did not fail them. Latency does not (a training beside it would), nor does its quality, which is compared
 * with that of the version before it on the same rows (probation-steps.ts).
 */
export function isBadRollout(state: LoopState, drift: Extract<LoopInput, { kind: 'drift' }>): boolean {
  return (
    isOfSoftware(drift) &&
    isNew(state) &&
    canGoBack(state) &&
    sameCohort(drift.cohort, cohortOfVersion(state.liveVersion))
  );
}

/** A rollback leads to another version: not in the middle of a split by hand, nor after another one. */
const canGoBack = ({ previousVersion, liveVersion }: LoopState): boolean =>
  previousVersion > 0 && previousVersion !== liveVersion;

const isOfSoftware = ({ feature, detector }: Extract<LoopInput, { kind: 'drift' }>): boolean =>
  feature === SUBJECTS.software.name && blamesVersion(detector);

function isNew({ phase, probationVersion, liveVersion, probation }: LoopState): boolean {
  if (phase === 'stopped') return false;
  const isCooling = phase === 'cooling' && probationVersion === liveVersion;
  return isCooling || (probation !== null && !probation.byHand);
}

/**
 * Alarms and routes are read apart: one of the version that is on its way may come before the route that shows it in
 * service, and it is told once. The same state where it is none.
 */
export function withEarlyAlarm(state: LoopState, drift: Extract<LoopInput, { kind: 'drift' }>): LoopState {
  const isIts = state.phase === 'rolling_out' && sameCohort(drift.cohort, cohortOfVersion(state.waitingVersion));
  const isKnown = state.earlyAlarm?.eventId === drift.eventId;
  return isIts && !isKnown && isOfSoftware(drift) ? { ...state, earlyAlarm: drift } : state;
}

/** The version has come into service. */
function arrived(state: LoopState, nowMs: number): LoopResult {
  const { earlyAlarm } = state;
  if (earlyAlarm === null) return same(state);
  const heard = { ...state, earlyAlarm: null };
  return isBadRollout(heard, earlyAlarm) ? takeBack(heard, earlyAlarm, nowMs) : same(heard);
}

export function takeBack(state: LoopState, drift: Extract<LoopInput, { kind: 'drift' }>, nowMs: number): LoopResult {
  const reason = `version ${state.liveVersion} failed its probation: ${drift.feature} ${drift.detector} ${drift.value.toFixed(3)} against ${drift.threshold}`;
  const correlationId = drift.correlationId || drift.eventId;
  const takingBack: TakingBack = { reason, correlationId, routeRevision: state.routeRevision, sinceMs: nowMs };
  return {
    state: step({ ...state, takingBack }, nowMs, `rolling back: ${reason}`),
    effects: [{ kind: 'rollback', reason, correlationId, expectedRevision: state.routeRevision }],
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
  const state = weighed({ ...before, handledVersion: input.version }, input, ours, policy.retrain);
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
  if (state.leftTrainings.includes(input.trainingId)) {
    const message = `version ${input.version} is of a training that a stop has ended: it waits for a rollout by hand`;
    return same(step(state, nowMs, message));
  }
  // One rollout at a time.
  if (state.phase === 'rolling_out') return same({ ...state, nextVersion: Math.max(state.nextVersion, input.version) });
  if (!policy.rolloutAutomatic) {
    const waiting = { ...state, waitingVersion: input.version, waitingSinceMs: nowMs };
    const { waitingVersion } = state;
    const replaced = waitingVersion > state.liveVersion ? `, in place of version ${waitingVersion}` : '';
    const message = `version ${input.version} is blessed and waits for a rollout by hand${replaced}`;
    return same(ours ? cool(waiting, policy, nowMs, message) : step(waiting, nowMs, message));
  }
  // A blessed version of a training that a person started goes live too; not while another one is taken back.
  const isResting = (state.phase === 'calm' || state.phase === 'cooling') && state.takingBack === null;
  if (!ours && !(isResting && isFree(state, input.version))) {
    return same({ ...state, waitingVersion: Math.max(state.waitingVersion, input.version) });
  }
  if (ours && !isFree(state, input.version)) {
    const message = `version ${input.version} is blessed and waits for version ${state.loadingVersion}, whose rollout is under way`;
    return same(cool({ ...state, waitingVersion: input.version }, policy, nowMs, message));
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

/** As time passes, or a person has approved: the version that waits is rolled out, or is given up. */
export function stillWaiting(state: LoopState, policy: LoopPolicy, nowMs: number): LoopResult {
  const { waitingVersion: version, liveVersion, phase, takingBack } = state;
  const isResting = (phase === 'calm' || phase === 'cooling') && takingBack === null;
  if (version <= liveVersion || !isResting) return same(state);
  const asked = askedAbout(state, policy);
  // While it pauses, nothing begins by itself; what people have approved does.
  const isNext = asked === null ? phase === 'calm' : wantedOf(state, asked, policy.retrain) === 0;
  if (isNext) return isFree(state, version) ? rollOut({ ...state, episode: null }, version, nowMs) : same(state);
  if (asked === null) return same(state);
  if (asked.sinceMs === 0) return same({ ...state, waitingSinceMs: nowMs });
  const endMs = expiresAtMs(asked, policy.retrain);
  if (endMs === null || nowMs < endMs) return same(state);
  const who = peopleWanted(state, asked, policy.retrain);
  const expired = notApproved(state, asked, { outcome: 'expired' }, nowMs);
  return same(leftToPerson(expired, nowMs, `${asked.what} was not approved in time, it waited for ${who}`));
}

export function leftToPerson(state: LoopState, nowMs: number, why: string): LoopState {
  const message = `${why}: it is left to a rollout by hand`;
  return step({ ...state, waitingVersion: 0, waitingSinceMs: 0, rolloutTries: 0 }, nowMs, message);
}

/** The router takes one rollout at a time. */
const isFree = ({ loadingVersion }: LoopState, version: number): boolean =>
  loadingVersion === 0 || loadingVersion === version;

function rollOut(state: LoopState, version: number, nowMs: number): LoopResult {
  const reason = state.episode ? causeOf(state.episode) : 'a blessed version';
  const correlationId = state.episode?.id ?? `rollout-${version}`;
  const next = step(
    {
      ...state,
      ...{ phase: 'rolling_out', waitingVersion: version, waitingSinceMs: 0, rollingSinceMs: nowMs, inSteps: false },
      earlyAlarm: null,
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
  if (next.phase !== 'rolling_out') return takeBackAgain(next, input);
  if (next.inSteps) return same(next);
  if (input.liveVersion === next.waitingVersion) {
    const correlationId = next.episode?.id ?? `rollout-${input.liveVersion}`;
    const done = onProbation(released(next, true), { byHand: false, correlationId }, policy, nowMs);
    if (next.episode === null)
      return arrived(
        step({ ...done, phase: resting(done, nowMs) }, nowMs, `version ${input.liveVersion} is live`),
        nowMs,
      );
    const cooling = cool(done, policy, nowMs, `version ${input.liveVersion} is live`);
    return arrived({ ...cooling, probationVersion: input.liveVersion }, nowMs);
  }
  // The failure of a version before it was there when this rollout began.
  const isOurs = input.revision > state.routeRevision && input.rolloutVersion >= next.waitingVersion;
  if (input.phase === 'failed' && isOurs) {
    return same(cool(released(next, true), policy, nowMs, `the rollout failed: ${input.message}`));
  }
  // The router has had the command, and somebody has asked for another version since.
  if (isTaken(input, next.waitingVersion) && input.rolloutVersion !== next.waitingVersion) {
    const message = `version ${next.waitingVersion} was taken back or overtaken by hand: it is left to a person`;
    return same(cool(released(next, true), policy, nowMs, message));
  }
  const ended = endedInSteps(state, input);
  if (ended !== undefined) return same(cool(released(next, true), policy, nowMs, ended));
  return same(next);
}

const isTaken = ({ commandIds = [] }: Extract<LoopInput, { kind: 'route' }>, version: number): boolean =>
  version > 0 && commandIds.includes(rolloutCommandId({ version }));

/** The rollout is over; `isDecided`: or it is tried again. What came meanwhile is next. */
function released(state: LoopState, isDecided: boolean): LoopState {
  const { liveVersion, nextVersion } = state;
  const waitingVersion = isDecided ? 0 : state.waitingVersion;
  const isNewer = nextVersion > Math.max(liveVersion, waitingVersion);
  const rolloutTries = isDecided || isNewer ? 0 : state.rolloutTries;
  const next = isNewer ? nextVersion : waitingVersion;
  return { ...state, waitingVersion: next, nextVersion: 0, rollingSinceMs: 0, rolloutTries };
}

/** The route has moved, and the bad version is in service still: the command of before is refused by now. */
function takeBackAgain(state: LoopState, { phase }: Extract<LoopInput, { kind: 'route' }>): LoopResult {
  const { takingBack, routeRevision } = state;
  if (takingBack === null || takingBack.routeRevision >= routeRevision) return same(state);
  const next = { ...state, takingBack: { ...takingBack, routeRevision } };
  // What a person has begun to load is about to take its place.
  if (phase === 'loading' || phase === 'progressing' || !canGoBack(state)) return same(next);
  const { reason, correlationId } = takingBack;
  return { state: next, effects: [{ kind: 'rollback', reason, correlationId, expectedRevision: routeRevision }] };
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
  const loadingVersion = input.phase === 'loading' || input.phase === 'progressing' ? input.rolloutVersion : 0;
  const isSame =
    routeRevision === state.routeRevision &&
    liveVersion === state.liveVersion &&
    previousVersion === state.previousVersion &&
    loadingVersion === state.loadingVersion &&
    handledVersion === state.handledVersion;
  if (isSame) return state;
  const next = ofServing(
    { ...state, routeRevision, liveVersion, previousVersion, loadingVersion, handledVersion },
    liveVersion,
    previousVersion,
  );
  // Somebody else has rolled it out, and may have gone back since: that is not done again by itself.
  const isReached =
    Math.max(liveVersion, previousVersion) >= state.waitingVersion || isTaken(input, state.waitingVersion);
  const isDecided = state.phase !== 'rolling_out' && isReached;
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
  return cool(released({ ...state, rolloutTries }, isLast), policy, nowMs, message);
}
