// The closed loop of one project as a state machine: drift starts a retraining, a blessed version starts a rollout,
// a bad rollout is taken back. Pure: inputs in, new state and effects out; it has no clock, starts nothing and
// forgets nothing, so that thousands of histories can be simulated and a crashed trainer goes on where it was.
//
//   calm ──the schedule, or enough new rows (loop-triggers.ts)──▶ (approval ──approve──▶) training
//   calm ──a drift that is open──▶ settling ──enough new dataset versions──▶ (approval ──approve──▶) training
//     ▲                                                                                │
//     │◀──not blessed / failed / cool-down over── cooling ◀──────────────┬─────────────┤ blessed
//     │                                                                  │             ▼
//     └──────────────── route shows the version ───────── rolling_out ◀──┴─────────────┘
//
// Drift that is told while the loop is not calm is remembered, and so is one that a retraining did not mend: the
// loop answers it when it is calm, until the monitor tells its end (open-drifts.ts).
//
// Every effect carries the id of the episode (the correlation id of the drift event), so that a repeated effect is
// recognised by its receiver: a training's id is the episode's id, with a number where trainings of it ran before; a
// rollout names the version.

import { SUBJECTS } from '@millrace/drift';
import { learned } from './cost-known.js';
import { forgetDataset, rememberDataset } from './known-datasets.js';
import { askedAbout, isOfAnother, notApproved, peopleWanted, wantedOf, withApproval } from './loop-approval.js';
import { movedAhead, movedBack, notAhead } from './loop-clock.js';
import {
  answerNext,
  beginApproved,
  isUsedUp,
  onDriftEnded,
  onTrainingFailed,
  rejectedRetraining,
  settle,
  stillAsking,
  stillTraining,
  trainingEffect,
} from './loop-retraining.js';
import {
  isBadRollout,
  leftToPerson,
  onModel,
  onRoute,
  rollingOut,
  stillWaiting,
  takeBack,
  withEarlyAlarm,
} from './loop-rollout.js';
import {
  type LoopEffect,
  type LoopInput,
  type LoopPolicy,
  type LoopResult,
  type LoopState,
  resting,
  same,
  step,
} from './loop-state.js';
import { remembered } from './open-drifts.js';
import { onCompared, watchProbation } from './probation-steps.js';

/** Applies one input. `nowMs` is processing time. The same state and input always give the same result. */
export function advance(state: LoopState, input: LoopInput, policy: LoopPolicy, nowMs: number): LoopResult {
  return watchProbation(moved(state, input, policy, nowMs), policy, nowMs);
}

function moved(state: LoopState, input: LoopInput, policy: LoopPolicy, nowMs: number): LoopResult {
  switch (input.kind) {
    case 'dataset':
      return settle(rememberDataset(state, input.dataset), policy, nowMs);
    case 'dataset_gone':
      return same(forgetDataset(state, input.id));
    case 'drift':
      return onDrift(state, input, policy, nowMs);
    case 'drift_ended':
      return onDriftEnded(state, input.eventId, policy, nowMs);
    case 'approve':
      return onApprove(state, input, policy, nowMs);
    case 'reject':
      return onReject(state, input, policy, nowMs);
    case 'training_failed':
      return onTrainingFailed(state, input, policy, nowMs);
    case 'model':
      return onModel(state, input, policy, nowMs);
    case 'quality':
      return answerNext(learned(state, input, policy.retrain), policy, nowMs);
    case 'route':
      return onRoute(state, input, policy, nowMs);
    case 'compared':
    case 'not_compared':
      return onCompared(state, input, nowMs);
    case 'stop':
      return same(stopped(state, policy, nowMs, said(input)));
    case 'resume':
      if (state.phase !== 'stopped') return same(state);
      return same(step({ ...state, phase: resting(state, nowMs) }, nowMs, `resumed${said(input)}`));
    case 'set_back':
      return same(step(movedBack(state, input, policy), nowMs, setBackText(input.byMs)));
    case 'set_ahead':
      return same(step(movedAhead(state, input, policy), nowMs, setAheadText(input.byMs)));
    case 'tick':
      return onTick(state, policy, nowMs);
  }
}

const setBackText = (byMs: number): string =>
  `the clock was set back by ${Math.round(byMs / 1_000)} s: what was waited for goes on as if it had not been`;

const setAheadText = (byMs: number): string =>
  `the clock has stayed ahead by ${Math.round(byMs / 1_000)} s: it is believed, and that time counts as passed`;

type Word<K extends LoopInput['kind']> = Extract<LoopInput, { kind: K }>;

/** " (anna: a storm passes)"; empty where nobody said. */
function said({ by = '', reason = '' }: { by?: string; reason?: string }): string {
  if (by === '') return reason === '' ? '' : ` (${reason})`;
  return reason === '' ? ` (${by.trim()})` : ` (${by.trim()}: ${reason})`;
}

function onApprove(state: LoopState, input: Word<'approve'>, policy: LoopPolicy, nowMs: number): LoopResult {
  const asked = askedAbout(state, policy);
  if (asked === null || isOfAnother(asked, input.about)) return same(state);
  const next = withApproval(state, asked, input, nowMs);
  if (next === state) return same(state);
  const isEnough = wantedOf(next, asked, policy.retrain) === 0;
  const rest = isEnough ? '' : `: it waits for ${peopleWanted(next, asked, policy.retrain)}`;
  const told = step(next, nowMs, `${asked.what} is approved${said(input)}${rest}`);
  if (!isEnough) return same(told);
  return asked.kind === 'retraining' ? beginApproved(told, policy, nowMs) : stillWaiting(told, policy, nowMs);
}

function onReject(state: LoopState, input: Word<'reject'>, policy: LoopPolicy, nowMs: number): LoopResult {
  const asked = askedAbout(state, policy);
  if (asked === null || isOfAnother(asked, input.about)) return same(state);
  const why = `${asked.what} is rejected${said(input)}`;
  const refused = notApproved(state, asked, { outcome: 'refused', by: input.by, reason: input.reason }, nowMs);
  if (asked.kind === 'rollout') return same(leftToPerson(refused, nowMs, why));
  return same(rejectedRetraining(refused, policy, nowMs, why));
}

/** A retraining that is under way for a drift that goes on by another event: that one's end is its own. */
function withNewestEvent(state: LoopState, { eventId, continues }: Extract<LoopInput, { kind: 'drift' }>): LoopState {
  const { episode } = state;
  const isIts = episode !== null && continues !== undefined && episode.eventId === continues;
  return isIts ? { ...state, episode: { ...episode, eventId } } : state;
}

function onDrift(
  before: LoopState,
  drift: Extract<LoopInput, { kind: 'drift' }>,
  policy: LoopPolicy,
  nowMs: number,
): LoopResult {
  // No training mends software; a slice is not the whole.
  const isAnswered = drift.feature !== SUBJECTS.software.name && drift.cohort.slice === 'all';
  const known = isAnswered ? remembered(before, drift) : before;
  const state = withEarlyAlarm(known === before ? before : withNewestEvent(known, drift), drift);
  if (isBadRollout(before, drift)) return takeBack(state, drift, nowMs);
  if (state === before) return same(before);
  const begun = answerNext(state, policy, nowMs);
  if (!isUsedUp(begun.state, policy, nowMs)) return begun;
  const { budgetPerDay } = policy.retrain;
  const used = `the budget of ${budgetPerDay} retrainings in 24 hours is used up`;
  return same(step(begun.state, nowMs, `drift of ${drift.feature} seen, but ${used}: it waits`));
}

/** Nothing that is under way has an effect any more, also not after it is resumed: a person decides about it. */
function stopped(state: LoopState, { rolloutAutomatic }: LoopPolicy, nowMs: number, by: string): LoopState {
  const { phase, episode, waitingVersion, rolloutTries } = state;
  const isTraining = phase === 'training' && episode !== null;
  // One whose rollout was asked for is on its way, also where the router has not taken it, and people are asked since.
  const wasAskedFor = rolloutAutomatic || phase === 'rolling_out' || rolloutTries > 0;
  const onItsWay = wasAskedFor ? Math.max(waitingVersion, state.nextVersion) : 0;
  const left = [
    ...(isTraining ? [`what training ${episode.trainingId} makes`] : []),
    ...(onItsWay > state.liveVersion ? [`version ${onItsWay}`] : []),
  ];
  const next: LoopState = {
    ...{
      ...state,
      phase: 'stopped',
      episode: null,
      takingBack: null,
      earlyAlarm: null,
      probationVersion: 0,
      nextVersion: 0,
    },
    ...{ trainingSinceMs: 0, rollingSinceMs: 0, rolloutTries: 0, probation: null, askedSinceMs: 0, approvals: [] },
    waitingVersion: onItsWay > 0 ? 0 : waitingVersion,
    // One that the loop has given up waiting for may still run.
    leftTrainings: state.trainingIds,
  };
  const rest = left.length === 0 ? '' : `; ${left.join(' and ')} is left to a person`;
  return step(next, nowMs, `stopped by the kill switch${by}${rest}`);
}

/** Ends the cool-down, rolls out what had to wait for it, and answers the drift that is open. */
function onTick(before: LoopState, policy: LoopPolicy, nowMs: number): LoopResult {
  const state = stillInService(notAhead(before, policy, nowMs), nowMs);
  if (state.phase === 'rolling_out') return same(rollingOut(state, policy, nowMs));
  if (state.phase === 'training') return same(stillTraining(state, policy, nowMs));
  if (state.phase === 'settling') return settle(state, policy, nowMs);
  if (state.phase === 'approval') return stillAsking(state, policy, nowMs);
  if (state.phase === 'cooling' && nowMs >= state.coolUntilMs) {
    const calm: LoopState = { ...state, phase: 'calm', coolUntilMs: 0, probationVersion: 0 };
    return onTick(step(calm, nowMs, 'cool-down over'), policy, nowMs);
  }
  const waiting = stillWaiting(state, policy, nowMs);
  return waiting.state === state ? answerNext(state, policy, nowMs) : waiting;
}

/** A router takes no command that is an hour old: after that nothing of it can be under way. */
export const TAKING_BACK_MS_MAX = 3_600_000;

function stillInService(state: LoopState, nowMs: number): LoopState {
  const { takingBack } = state;
  if (takingBack === null) return state;
  if (takingBack.sinceMs === undefined) return { ...state, takingBack: { ...takingBack, sinceMs: nowMs } };
  return nowMs - takingBack.sinceMs < TAKING_BACK_MS_MAX ? state : notTakenBack(state, nowMs);
}

function notTakenBack(state: LoopState, nowMs: number): LoopState {
  if (state.takingBack === null) return state;
  const message = `version ${state.liveVersion} is in service still: the router did not take it back, a person has to`;
  return step({ ...state, takingBack: null }, nowMs, message);
}

/** What a restarted trainer must repeat, and after a failure too: what the state says was begun, without a result. */
export function pendingEffects(state: LoopState, policy: LoopPolicy): readonly LoopEffect[] {
  return [...pendingOfPhase(state, policy), ...pendingOfLive(state, policy)];
}

function pendingOfPhase(state: LoopState, policy: LoopPolicy): LoopEffect[] {
  if (state.phase === 'training' && state.episode) return [trainingEffect(state.episode, state.liveVersion, policy)];
  if (state.phase === 'rolling_out' && state.waitingVersion > 0) {
    const correlationId = state.episode?.id ?? `rollout-${state.waitingVersion}`;
    return [{ kind: 'start_rollout', version: state.waitingVersion, reason: 'begun again', correlationId }];
  }
  return [];
}

/** They do not depend on what else the loop is at. */
function pendingOfLive({ phase, takingBack, probation }: LoopState, { probation: spec }: LoopPolicy): LoopEffect[] {
  if (phase === 'stopped') return [];
  const effects: LoopEffect[] = [];
  if (takingBack && phase !== 'rolling_out') {
    // The route may have moved since, and a rollback of the new one would bring the bad version back.
    const { reason, correlationId, routeRevision } = takingBack;
    effects.push({ kind: 'rollback', reason, correlationId, expectedRevision: routeRevision });
  }
  if (probation && probation.comparing !== '') {
    const { version, against, comparing: datasetVersion } = probation;
    effects.push({ kind: 'compare', version, against, datasetVersion, share: spec.share });
  }
  return effects;
}
