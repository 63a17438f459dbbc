// What a loop waits for and until when, in plain words, for people who look at it: the state machine itself
// (loop-advance.ts) decides nothing by it.
//
// While data settles, the k-th dataset version that is still wanted is that of the k-th event-time span after the
// drifted window, or after the newest version known where that is later. A version closes when the event time has
// passed the end of its span by the label's delay and the project's allowed lateness; ingest may wait longer
// (MILLRACE_INGEST_CLOSE_ALLOWANCE), so that the time told is the earliest.

import { type Project, retrainsItself } from '@millrace/project';
import { TAKING_BACK_MS_MAX } from './loop-advance.js';
import { type Asked, askedAbout, expiresAtMs, peopleWanted, wantedOf } from './loop-approval.js';
import { savingOf, savingText } from './loop-cost.js';
import { settleRows, TRAINING_MS_MAX } from './loop-retraining.js';
import { ROLLOUT_MS_MAX } from './loop-rollout.js';
import { DAY_MS, type LoopState, startedWithinDay } from './loop-state.js';
import { newRows, scheduledAtMs } from './loop-triggers.js';
import { driftsToAnswer, isTriable } from './open-drifts.js';

export interface LoopWait {
  /** A clause: "waits for …". Empty where it waits for nothing. */
  for: string;
  /** By event time the earliest; by processing time it ends then, whatever comes. null where no clock ends it. */
  untilMs: number | null;
  /** Which clock `untilMs` is of. */
  clock: 'processing' | 'event';
}

type Facts = Pick<Project, 'retrain' | 'rollout' | 'data' | 'monitoring' | 'name'>;

const until = (what: string, untilMs: number | null = null, clock: LoopWait['clock'] = 'processing'): LoopWait => ({
  for: what,
  untilMs,
  clock,
});

/** null where nobody knows when it began. */
const atMost = (sinceMs: number, longestMs: number): number | null => (sinceMs === 0 ? null : sinceMs + longestMs);

/** Whom, and until when. */
function askingFor(state: LoopState, asked: Asked, retrain: Project['retrain']): LoopWait {
  const wanted = wantedOf(state, asked, retrain);
  if (wanted === 0 && asked.kind === 'retraining')
    return until(`the budget of ${retrain.budgetPerDay} retrainings in 24 hours`);
  if (wanted === 0) return rolloutOfAnother(state);
  const people = peopleWanted(state, asked, retrain);
  const isOne = people === 'a person' && asked.kind === 'rollout';
  const what = isOne ? `to roll out version ${state.waitingVersion}` : `to approve ${asked.what}`;
  return until(`${people} ${what}`, expiresAtMs(asked, retrain));
}

/** The router takes one rollout at a time: what is approved begins when that one is over. */
const rolloutOfAnother = ({ loadingVersion, waitingVersion }: LoopState): LoopWait =>
  until(
    loadingVersion > 0
      ? `the rollout of version ${loadingVersion}, before that of version ${waitingVersion}`
      : `the rollout of version ${waitingVersion} to begin`,
  );

export function loopWait(state: LoopState, project: Facts, nowMs: number): LoopWait {
  const asked = askedAbout(state, { rolloutAutomatic: project.rollout.automatic });
  const { takingBack } = state;
  if (takingBack !== null && state.phase !== 'stopped' && state.phase !== 'rolling_out')
    return until(
      `the router to take version ${state.liveVersion} back`,
      atMost(takingBack.sinceMs ?? 0, TAKING_BACK_MS_MAX),
    );
  switch (state.phase) {
    case 'calm':
      if (asked !== null) return askingFor(state, asked, project.retrain);
      if (state.waitingVersion > state.liveVersion && state.loadingVersion > 0) return rolloutOfAnother(state);
      return calm(state, project, nowMs);
    case 'settling':
      return settling(state, project, nowMs);
    case 'approval':
      return asked === null ? until('a person') : askingFor(state, asked, project.retrain);
    case 'training':
      return until(
        `training ${state.episode?.trainingId ?? ''}`.trim(),
        atMost(state.trainingSinceMs, TRAINING_MS_MAX),
      );
    case 'rolling_out':
      if (state.inSteps)
        return until(`the steps of the rollout of version ${state.waitingVersion}, or a person who has paused them`);
      return until(
        `version ${state.waitingVersion} to be loaded and to get its traffic`,
        atMost(state.rollingSinceMs, ROLLOUT_MS_MAX),
      );
    case 'cooling':
      if (asked !== null) return askingFor(state, asked, project.retrain);
      return until('the pause after a retraining to end', state.coolUntilMs);
    case 'stopped':
      return until('a person to resume it');
  }
}

/** Drift, or what has to come before any drift can start a retraining. */
function calm(state: LoopState, { data, retrain }: Facts, nowMs: number): LoopWait {
  const { liveVersion, startedAtMs } = state;
  if (data.label === undefined) return until('nothing: the project has no label, so it is watched and never trained');
  if (liveVersion === 0) return until('a first blessed version: before it there is nothing that drifts');
  if (!retrainsItself(retrain)) return until('a training by hand: retrain.onDrift is false');
  const within = startedWithinDay(startedAtMs, nowMs);
  if (!retrain.onDrift)
    return within.length < retrain.budgetPerDay
      ? (paying(state, retrain) ?? due(state, retrain, nowMs))
      : budget(within, retrain);
  const open = driftsToAnswer(state, { liveVersion, features: retrain.features });
  const [soonest] = open.filter(isTriable).sort((a, b) => a.againAtMs - b.againAtMs);
  const [given] = open;
  if (within.length < retrain.budgetPerDay && soonest !== undefined && soonest.againAtMs > nowMs)
    return until(
      `the next retraining for drift of ${soonest.feature}, which lasts after ${soonest.tries}`,
      soonest.againAtMs,
    );
  if (soonest === undefined && given !== undefined)
    return until(`a person: drift of ${given.feature} lasts after ${given.tries} retrainings`);
  if (within.length < retrain.budgetPerDay)
    return due(state, retrain, nowMs, [`drift of ${watched(retrain.features)}`]);
  return budget(within, retrain);
}

/** Where the policy is cost: what it would come to now. */
function paying(state: LoopState, retrain: Project['retrain']): LoopWait | undefined {
  if (retrain.prices === undefined) return undefined;
  const saving = savingOf(state, retrain);
  if (saving === undefined)
    return until('a window with labels of the version in service: without one nothing is weighed');
  if (newRows(state) === 0) return until(`new labelled rows; ${savingText(saving)}`);
  return until(`${saving.lacks ?? 'a retraining to pay'}: ${savingText(saving)}`);
}

function budget(within: readonly number[], { budgetPerDay }: Project['retrain']): LoopWait {
  const first = within[within.length - budgetPerDay];
  if (first === undefined) return until('a budget: retrain.budgetPerDay is 0, so nothing starts a training');
  return until(`the budget of ${budgetPerDay} retrainings in 24 hours to have room`, first + DAY_MS);
}

const SCHEDULE = 'the schedule (retrain.every)';

/** What makes a retraining due beside `others`, whichever comes first. */
function due(state: LoopState, retrain: Project['retrain'], nowMs: number, others: readonly string[] = []): LoopWait {
  const atMs = scheduledAtMs(state, retrain);
  const isOver = atMs !== undefined && atMs <= nowMs;
  const rows = retrain.rows === undefined ? undefined : Math.max(0, retrain.rows - newRows(state));
  const what = [
    ...others,
    ...(rows === undefined ? [] : [`${rows} more labelled rows (retrain.rows)`]),
    ...(atMs === undefined ? [] : [isOver ? 'new labelled rows: a retraining is due (retrain.every)' : SCHEDULE]),
  ];
  return until(what.join(', or '), isOver ? null : (atMs ?? null));
}

function watched(features: readonly string[]): string {
  return features.length === 0 ? 'any feature, the score or the quality' : features.join(', ');
}

function settling(state: LoopState, { retrain, data, monitoring }: Facts, nowMs: number): LoopWait {
  const drifted = state.episode?.windowEndMs ?? 0;
  const after = state.datasets.filter(({ windowEndMs }) => windowEndMs > drifted);
  if (after.length >= settleRows(state.episode, retrain))
    return budget(startedWithinDay(state.startedAtMs, nowMs), retrain);
  const wanted = Math.max(1, retrain.settleVersions - after.length);
  const every = data.versionEveryMs;
  const lastMs = after.reduce((latest, { windowEndMs }) => Math.max(latest, windowEndMs), drifted);
  const spanEndMs = (Math.floor(lastMs / every) + wanted) * every;
  const closesMs = spanEndMs + (data.label?.delayMs ?? 0) + monitoring.allowedLatenessMs;
  const what = wanted === 1 ? 'a dataset version' : `${wanted} dataset versions`;
  return until(`${what} with rows from after the drift`, closesMs, 'event');
}
