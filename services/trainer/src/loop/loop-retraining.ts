// The retraining part of the loop: what begins one, what it learns from, what it waits for, and the pause after it.
// Pure.

import type { Episode } from './episode.js';
import { askedAbout, askedAnew, expiresAtMs, notApproved, peopleWanted, wantedOf } from './loop-approval.js';
import { paying } from './loop-cost.js';
import {
  type LoopEffect,
  type LoopInput,
  type LoopPolicy,
  type LoopResult,
  type LoopState,
  same,
  startedWithinDay,
  step,
  TRAININGS_MAX,
} from './loop-state.js';
import { dueRetraining } from './loop-triggers.js';
import { driftsToAnswer, isTriable, type OpenDrift, tried, withoutDrift } from './open-drifts.js';

const HOUR_MS = 3_600_000;
/** It may stand behind 16 others of its trainer. */
export const TRAINING_MS_MAX = 24 * HOUR_MS;

const wanted = ({ liveVersion }: LoopState, { retrain: { features } }: LoopPolicy) => ({ liveVersion, features });

/** Whether a retraining may begin. */
function isReady({ phase, liveVersion, waitingVersion }: LoopState, { rolloutAutomatic }: LoopPolicy): boolean {
  // A version that is better waits for a person: another one would not be rolled out either.
  const waits = !rolloutAutomatic && waitingVersion > liveVersion;
  return phase === 'calm' && liveVersion > 0 && !waits;
}

/** The drift that the loop would answer now; a drift that was measured against another version says nothing here. */
function nextDrift(state: LoopState, policy: LoopPolicy, nowMs: number): OpenDrift | undefined {
  if (!policy.retrain.onDrift || !isReady(state, policy)) return undefined;
  return driftsToAnswer(state, wanted(state, policy)).findLast((one) => isTriable(one) && one.againAtMs <= nowMs);
}

const hasBudget = ({ startedAtMs }: LoopState, { retrain }: LoopPolicy, nowMs: number): boolean =>
  startedWithinDay(startedAtMs, nowMs).length < retrain.budgetPerDay;

export const isUsedUp = (state: LoopState, policy: LoopPolicy, nowMs: number): boolean =>
  nextDrift(state, policy, nowMs) !== undefined && !hasBudget(state, policy, nowMs);

/** Where the loop is calm: begins what is due for no drift, on the rows that there are. */
function beginDue(state: LoopState, policy: LoopPolicy, nowMs: number): LoopResult {
  const due = dueRetraining(state, policy.retrain, nowMs) ?? paying(state, policy.retrain);
  if (due === undefined || !isReady(state, policy) || !hasBudget(state, policy, nowMs)) return same(state);
  const { trigger, cause } = due;
  const episode: Episode = {
    ...{ id: `${policy.project}-${trigger}-${nowMs}`, tries: 0, trigger, cause, ofVersion: state.liveVersion },
    ...{ feature: '', detector: '' },
    ...{ windowStartMs: state.taughtThroughMs, windowEndMs: state.taughtThroughMs },
    ...{ startedAtMs: nowMs, datasetVersions: [], trainingId: '', version: 0 },
    ...('expected' in due ? { expected: due.expected, versions: due.versions } : {}),
  };
  const startedAtMs = startedWithinDay(state.startedAtMs, nowMs);
  return begin({ ...state, phase: 'settling', episode, startedAtMs }, policy, nowMs, cause);
}

/** The newest drift that is open, else what is due without any, as far as the budget goes. */
export function answerNext(state: LoopState, policy: LoopPolicy, nowMs: number): LoopResult {
  const drift = nextDrift(state, policy, nowMs);
  if (drift === undefined) return beginDue(state, policy, nowMs);
  if (!hasBudget(state, policy, nowMs)) return same(state);
  const within = startedWithinDay(state.startedAtMs, nowMs);
  const { eventId, feature, detector, tries } = drift;
  const episode: Episode = {
    ...{ id: drift.correlationId || eventId, eventId, tries, feature, detector },
    ...{ trigger: 'drift', ofVersion: state.liveVersion },
    // What another try learns from is newer than what the one before had.
    ...{ windowStartMs: drift.windowStartMs, windowEndMs: Math.max(drift.windowEndMs, drift.dataThroughMs) },
    ...{ startedAtMs: nowMs, datasetVersions: [], trainingId: '', version: 0 },
  };
  const figures = `${detector} ${drift.value.toFixed(3)} against ${drift.threshold}`;
  const message =
    tries === 0
      ? `drift of ${feature}: ${figures}`
      : `drift of ${feature} lasts (${figures}): retraining ${tries + 1} for it`;
  const begun = step({ ...state, phase: 'settling', episode, startedAtMs: within }, nowMs, message);
  return settle(begun, policy, nowMs);
}

/** A storm that has passed needs no retraining, where none has begun. */
export function onDriftEnded(before: LoopState, eventId: string, policy: LoopPolicy, nowMs: number): LoopResult {
  const open = withoutDrift(before, eventId);
  const state = open.earlyAlarm?.eventId === eventId ? { ...open, earlyAlarm: null } : open;
  const { phase, episode } = state;
  const isWaiting = phase === 'settling' || phase === 'approval';
  if (!isWaiting || episode?.eventId !== eventId) return same(state);
  const over = step(state, nowMs, `drift of ${episode.feature} is over before a retraining began`);
  return answerNext({ ...over, phase: 'calm', episode: null }, policy, nowMs);
}

/** A retraining that has not begun is none for a version that a person has put in place of the one it is for. */
export function givenUp(state: LoopState, nowMs: number): LoopState {
  const { phase, episode, liveVersion } = state;
  const { ofVersion = liveVersion } = episode ?? {};
  if ((phase !== 'settling' && phase !== 'approval') || ofVersion === liveVersion) return state;
  const message = `version ${liveVersion} is in service: the retraining for version ${ofVersion} is given up`;
  return { ...step(state, nowMs, message), phase: 'calm', episode: null };
}

/** Dataset versions that are waited for; another try on the same rows would come to the same. */
export const settleRows = (
  episode: Episode | null,
  { settleVersions }: Pick<LoopPolicy['retrain'], 'settleVersions'>,
) => (episode?.tries ? Math.max(1, settleVersions) : settleVersions);

/** Leaves `settling` once enough versions end after the drifted window. */
export function settle(state: LoopState, policy: LoopPolicy, nowMs: number): LoopResult {
  const episode = state.episode;
  if (state.phase !== 'settling' || episode === null) return same(state);
  const after = state.datasets.filter((dataset) => dataset.windowEndMs > episode.windowEndMs);
  if (after.length < settleRows(episode, policy.retrain) || !hasBudget(state, policy, nowMs)) return same(state);
  return begin(state, policy, nowMs, 'data has settled');
}

/** What the episode learns from is there. `message`: what has come. */
function begin(state: LoopState, policy: LoopPolicy, nowMs: number, message: string): LoopResult {
  if (policy.retrain.approval === 'manual')
    return same(step(askedAnew(state, nowMs), nowMs, `${message}; waiting for approval`));
  const isDrift = state.episode?.eventId !== undefined;
  return startTraining(isDrift ? state : step(state, nowMs, message), policy, nowMs);
}

function startTraining(state: LoopState, policy: LoopPolicy, nowMs: number): LoopResult {
  const episode = state.episode;
  if (episode === null) return same(state);
  const newest = state.datasets.slice(-(episode.versions ?? policy.retrain.versions));
  const chosen = newest.map((dataset) => dataset.id);
  const trainingId = unusedId(episode.id, state.trainingIds);
  const training: Episode = { ...episode, trainingId, datasetVersions: chosen };
  const trainingIds = [...state.trainingIds, trainingId].slice(-TRAININGS_MAX);
  const next = step(
    {
      ...{ ...state, phase: 'training', episode: training, trainingIds, trainingSinceMs: nowMs },
      ...{ startedAtMs: [...state.startedAtMs, nowMs], lastBegunAtMs: nowMs },
      taughtThroughMs: Math.max(state.taughtThroughMs, ...newest.map(({ windowEndMs }) => windowEndMs)),
    },
    nowMs,
    `retraining on the newest ${chosen.length} dataset version(s)`,
  );
  return { state: next, effects: [trainingEffect(training, state.liveVersion, policy)] };
}

/** What drifts in one window has one correlation id, and so has each try. */
function unusedId(id: string, used: readonly string[]): string {
  if (!used.includes(id)) return id;
  let count = 2;
  while (used.includes(`${id}-${count}`)) count += 1;
  return `${id}-${count}`;
}

export function trainingEffect(episode: Episode, liveVersion: number, policy: LoopPolicy): LoopEffect {
  return {
    kind: 'start_training',
    trainingId: episode.trainingId,
    trigger: episode.trigger ?? 'drift',
    datasetVersions: episode.datasetVersions,
    evaluationShare: policy.retrain.evaluationShare,
    warmStartVersion: policy.retrain.warmStart ? liveVersion : 0,
    correlationId: episode.id,
  };
}

export function onTrainingFailed(
  state: LoopState,
  input: Extract<LoopInput, { kind: 'training_failed' }>,
  policy: LoopPolicy,
  nowMs: number,
): LoopResult {
  if (state.phase !== 'training' || state.episode?.trainingId !== input.trainingId) return same(state);
  return same(cool(state, policy, nowMs, `the retraining failed: ${input.message}`));
}

export function cool(before: LoopState, policy: LoopPolicy, nowMs: number, message: string): LoopState {
  const { cooldownMs: pauseMs } = policy.retrain;
  const { episode, datasets, openDrifts } = before;
  const used = datasets.filter(({ id }) => episode?.datasetVersions.includes(id));
  const dataThroughMs = Math.max(episode?.windowEndMs ?? 0, ...used.map(({ windowEndMs }) => windowEndMs));
  const drift = openDrifts.find(({ eventId }) => eventId === episode?.eventId);
  // What was open has been answered with it, also where its own drift is over, or it was begun for none.
  const version = episode?.ofVersion ?? drift?.version;
  const state = version === undefined ? before : tried(before, version, { nowMs, pauseMs, dataThroughMs });
  const cooling: LoopState = {
    ...state,
    ...{ phase: 'cooling', coolUntilMs: nowMs + pauseMs, probationVersion: 0, trainingSinceMs: 0 },
  };
  return { ...step(cooling, nowMs, message), episode: null };
}

/** Begins what enough people have approved, where the budget has room; the time that it waits ends in stillAsking. */
export const beginApproved = (state: LoopState, policy: LoopPolicy, nowMs: number): LoopResult =>
  hasBudget(state, policy, nowMs) ? startTraining(state, policy, nowMs) : same(state);

/** Asked again, as time does: begins once enough people have approved it and the budget has room. */
export function stillAsking(state: LoopState, policy: LoopPolicy, nowMs: number): LoopResult {
  const asked = askedAbout(state, policy);
  if (asked === null) return same(state);
  const isApproved = policy.retrain.approval !== 'manual' || wantedOf(state, asked, policy.retrain) === 0;
  if (isApproved && hasBudget(state, policy, nowMs)) return startTraining(state, policy, nowMs);
  if (asked.sinceMs === 0) return same({ ...state, askedSinceMs: nowMs });
  const endMs = expiresAtMs(asked, policy.retrain);
  if (endMs === null || nowMs < endMs) return same(state);
  const who = isApproved ? 'the budget' : peopleWanted(state, asked, policy.retrain);
  // What it was begun for is open still: it is asked about again after the pause.
  const expired = notApproved(state, asked, { outcome: 'expired' }, nowMs);
  const until: LoopState = { ...expired, phase: 'cooling', coolUntilMs: nowMs + policy.retrain.cooldownMs };
  const message = `the retraining did not begin in time, it waited for ${who}: it is given up`;
  return same({ ...step(until, nowMs, message), episode: null, askedSinceMs: 0 });
}

/** It counts as one that was tried: it is asked about again with newer rows, after a longer pause. */
export function rejectedRetraining(state: LoopState, policy: LoopPolicy, nowMs: number, message: string): LoopState {
  const newestMs = Math.max(state.taughtThroughMs, ...state.datasets.map(({ windowEndMs }) => windowEndMs));
  return { ...cool(state, policy, nowMs, message), taughtThroughMs: newestMs, lastBegunAtMs: nowMs, askedSinceMs: 0 };
}

/** A training that ends without a word, or never. Its version, should it come, is looked at all the same. */
export function stillTraining(state: LoopState, policy: LoopPolicy, nowMs: number): LoopState {
  if (state.trainingSinceMs === 0) return { ...state, trainingSinceMs: nowMs };
  if (nowMs - state.trainingSinceMs < TRAINING_MS_MAX) return state;
  const { trainingId = '' } = state.episode ?? {};
  const message =
    `nothing was heard of the end of training ${trainingId} within ${TRAINING_MS_MAX / HOUR_MS} h: the loop does not ` +
    'wait for it any longer';
  return cool(state, policy, nowMs, message);
}
