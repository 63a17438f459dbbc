// The closed loop of one project as a state machine: drift starts a retraining, a blessed version starts a rollout, a
// bad rollout is taken back. Pure: inputs in, new state and effects out; it has no clock, starts nothing and forgets
// nothing, so that thousands of histories can be simulated and a crashed trainer goes on where it was.
//
//   calm ──the schedule, or enough new rows (loop-triggers.ts)──▶ (approval ──approve──▶) training
//   calm ──a drift that is open──▶ settling ──enough new dataset versions──▶ (approval ──approve──▶) training
//     ▲                                                                                │
//     │◀──not blessed / failed / cool-down over── cooling ◀──────────────┬─────────────┤ blessed
//     │                                                                  │             ▼
//     └──────────────── route shows the version ───────── rolling_out ◀──┴─────────────┘
//
// Drift that is told while the loop is not calm is remembered, and so is one that a retraining did not mend: the loop
// answers it when it is calm, until the monitor tells its end (open-drifts.ts).
//
// Every effect carries the id of the episode (the correlation id of the drift event), so that a repeated effect is
// recognised by its receiver: a training's id is the episode's id, with a number where trainings of it ran before; a
// rollout names the version.

import { type Cohort, cohortOfVersion, type LoopPhase, sameCohort, type TrainingRequest } from '@millrace/domain';
import { blamesVersion, SUBJECTS } from '@millrace/drift';
import type { RetrainSpec } from '@millrace/project';
import type { RolloutPhase } from '@millrace/routing';
import { type DatasetsKnown, forgetDataset, type KnownDataset, rememberDataset } from './known-datasets.js';
import { dueRetraining, type RetrainTrigger, type Taught } from './loop-triggers.js';
import {
  type DriftsKnown,
  driftsToAnswer,
  isTriable,
  type OpenDrift,
  ofServing,
  remembered,
  type ToldDrift,
  tried,
  withoutDrift,
} from './open-drifts.js';

export interface Episode {
  /** Correlation id that every step of this episode carries. */
  id: string;
  /** Of the drift event that it answers; not there in a state of an earlier release. */
  eventId?: string;
  /** Retrainings for it before; likewise. */
  tries?: number;
  /** Likewise: drift. */
  trigger?: RetrainTrigger;
  /** Why it was begun, as a clause, where it answers no drift. */
  cause?: string;
  /** The version in service that it was begun for; likewise. */
  ofVersion?: number;
  /** Empty where no drift is answered, and so is the detector. */
  feature: string;
  detector: string;
  windowStartMs: number;
  windowEndMs: number;
  startedAtMs: number;
  /** Chosen when the training starts. */
  datasetVersions: readonly string[];
  trainingId: string;
  /** The version the training made; 0 = none yet. */
  version: number;
}

export interface LoopState extends DriftsKnown, DatasetsKnown, Omit<Taught, 'datasets'> {
  phase: LoopPhase;
  /** The version in service; 0 = none. */
  liveVersion: number;
  previousVersion: number;
  /** Of the newest route that it was told. */
  routeRevision: number;
  episode: Episode | null;
  coolUntilMs: number;
  /** Start times of retrainings, for the budget of 24 hours. */
  startedAtMs: readonly number[];
  /** Processing time when the rollout that it waits for was asked for; 0 = it waits for none, or nobody knows. */
  rollingSinceMs: number;
  /** A blessed version that is being rolled out, or waits for its turn or for a person; 0 = none. */
  waitingVersion: number;
  /** The version whose cool-down this is a probation of; 0 = it is none. */
  probationVersion: number;
  /** How often its rollout was given up. */
  rolloutTries: number;
  /** Newest last, at most TRAININGS_MAX: a training is known by its id, so that none comes again. */
  trainingIds: readonly string[];
  /** A version in service that failed its probation and is live still; a route that shows another one ends it. */
  takingBack: TakingBack | null;
  /** Highest version that was decided about: one that a person rolled back must not come again by itself. */
  handledVersion: number;
  history: readonly LoopStep[];
}

export interface TakingBack {
  reason: string;
  correlationId: string;
  /** The route that was judged. */
  routeRevision: number;
}

/** One line of the history, newest last, at most `HISTORY_MAX`. */
export interface LoopStep {
  atMs: number;
  phase: LoopPhase;
  message: string;
  correlationId: string;
}

export type LoopInput =
  | ({ kind: 'drift' } & ToldDrift)
  | { kind: 'drift_ended'; eventId: string }
  | { kind: 'dataset'; dataset: KnownDataset }
  /** Retention has deleted it. */
  | { kind: 'dataset_gone'; id: string }
  | { kind: 'training_failed'; trainingId: string; message: string }
  | { kind: 'model'; version: number; trainingId: string; blessed: boolean; verdict: string }
  | {
      kind: 'route';
      revision: number;
      liveVersion: number;
      previousVersion: number;
      /** Of the rollout; 0 = there was none. */
      rolloutVersion: number;
      phase: RolloutPhase;
      message: string;
    }
  | { kind: 'approve' }
  | { kind: 'stop' }
  | { kind: 'resume' }
  | { kind: 'tick' };

export type LoopEffect =
  | ({ kind: 'start_training'; trainingId: string; trigger: RetrainTrigger } & Pick<
      TrainingRequest,
      'datasetVersions' | 'evaluationShare' | 'warmStartVersion' | 'correlationId'
    >)
  | { kind: 'start_rollout'; version: number; reason: string; correlationId: string }
  /** `expectedRevision`: of the route that is taken back; 0 = whatever is current. */
  | { kind: 'rollback'; reason: string; correlationId: string; expectedRevision: number };

export interface LoopPolicy {
  /** Its name: ids of episodes that answer no event are made of it. */
  project: string;
  retrain: RetrainSpec;
  rolloutAutomatic: boolean;
}

export const HISTORY_MAX = 200;
const MINUTE_MS = 60_000;
/** A router may take an hour to load a version (MILLRACE_ROUTER_LOAD_TIMEOUT), and be away for a while before. */
const ROLLOUT_MS_MAX = 90 * MINUTE_MS;
const ROLLOUTS_MAX = 3;
const TRAININGS_MAX = 256;
/** What the budget of retrainings is counted in. */
export const DAY_MS = 86_400_000;

export function initialLoopState(): LoopState {
  return {
    phase: 'calm',
    liveVersion: 0,
    liveSinceMs: 0,
    previousVersion: 0,
    routeRevision: 0,
    datasets: [],
    episode: null,
    coolUntilMs: 0,
    startedAtMs: [],
    lastBegunAtMs: 0,
    taughtThroughMs: 0,
    waitingVersion: 0,
    rollingSinceMs: 0,
    probationVersion: 0,
    rolloutTries: 0,
    trainingIds: [],
    takingBack: null,
    handledVersion: 0,
    history: [],
    openDrifts: [],
    endedDrifts: [],
  };
}

export interface LoopResult {
  state: LoopState;
  effects: readonly LoopEffect[];
}

/** Applies one input. `nowMs` is processing time. The same state and input always give the same result. */
export function advance(state: LoopState, input: LoopInput, policy: LoopPolicy, nowMs: number): LoopResult {
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
      return state.phase === 'approval' ? startTraining(state, policy, nowMs) : same(state);
    case 'training_failed':
      return onTrainingFailed(state, input, policy, nowMs);
    case 'model':
      return onModel(state, input, policy, nowMs);
    case 'route':
      return onRoute(state, input, policy, nowMs);
    case 'stop':
      return same(
        step({ ...state, phase: 'stopped', episode: null, takingBack: null }, nowMs, 'stopped by the kill switch'),
      );
    case 'resume':
      return state.phase === 'stopped' ? same(step({ ...state, phase: 'calm' }, nowMs, 'resumed')) : same(state);
    case 'tick':
      return onTick(state, policy, nowMs);
  }
}

function same(state: LoopState): LoopResult {
  return { state, effects: [] };
}

function step(state: LoopState, nowMs: number, message: string): LoopState {
  const entry: LoopStep = { atMs: nowMs, phase: state.phase, message, correlationId: state.episode?.id ?? '' };
  return { ...state, history: [...state.history, entry].slice(-HISTORY_MAX) };
}

/**
 * While a new version cools down it is on probation: an alarm that speaks against it (requests that fail at the router,
 * a drop of its AUC) takes it back. Not so a rise of the log loss (a day of bad weather would take back a good version)
 * or of the latency (a training beside it would); each detector of libs/drift says which it is.
 */
function isBadRollout(state: LoopState, drift: Extract<LoopInput, { kind: 'drift' }>): boolean {
  return (
    blamesVersion(drift.detector) &&
    state.phase === 'cooling' &&
    state.probationVersion === state.liveVersion &&
    state.previousVersion > 0 &&
    sameCohort(drift.cohort, cohortOfVersion(state.liveVersion))
  );
}

function takeBack(state: LoopState, drift: Extract<LoopInput, { kind: 'drift' }>, nowMs: number): LoopResult {
  const reason = `version ${state.liveVersion} failed its probation: ${drift.feature} ${drift.detector} ${drift.value.toFixed(3)} against ${drift.threshold}`;
  const correlationId = drift.correlationId || drift.eventId;
  const takingBack: TakingBack = { reason, correlationId, routeRevision: state.routeRevision };
  return {
    state: step({ ...state, takingBack }, nowMs, `rolling back: ${reason}`),
    effects: [{ kind: 'rollback', reason, correlationId, expectedRevision: 0 }],
  };
}

/** What the budget counts. */
export function startedWithinDay(startedAtMs: readonly number[], nowMs: number): number[] {
  return startedAtMs.filter((atMs) => atMs > nowMs - DAY_MS);
}

function onDrift(
  before: LoopState,
  drift: Extract<LoopInput, { kind: 'drift' }>,
  policy: LoopPolicy,
  nowMs: number,
): LoopResult {
  // No training mends software; a slice is not the whole.
  const isAnswered = drift.feature !== SUBJECTS.software.name && drift.cohort.slice === 'all';
  const state = isAnswered ? remembered(before, drift) : before;
  if (isBadRollout(before, drift)) return takeBack(state, drift, nowMs);
  if (state === before) return same(before);
  const begun = answerNext(state, policy, nowMs);
  if (!isUsedUp(begun.state, policy, nowMs)) return begun;
  const { budgetPerDay } = policy.retrain;
  const used = `the budget of ${budgetPerDay} retrainings in 24 hours is used up`;
  return same(step(begun.state, nowMs, `drift of ${drift.feature} seen, but ${used}: it waits`));
}

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

const isUsedUp = (state: LoopState, policy: LoopPolicy, nowMs: number): boolean =>
  nextDrift(state, policy, nowMs) !== undefined && !hasBudget(state, policy, nowMs);

/** Where the loop is calm: begins what is due for no drift, on the rows that there are. */
function beginDue(state: LoopState, policy: LoopPolicy, nowMs: number): LoopResult {
  const due = dueRetraining(state, policy.retrain, nowMs);
  if (due === undefined || !isReady(state, policy) || !hasBudget(state, policy, nowMs)) return same(state);
  const { trigger, cause } = due;
  const episode: Episode = {
    ...{ id: `${policy.project}-${trigger}-${nowMs}`, tries: 0, trigger, cause, ofVersion: state.liveVersion },
    ...{ feature: '', detector: '' },
    ...{ windowStartMs: state.taughtThroughMs, windowEndMs: state.taughtThroughMs },
    ...{ startedAtMs: nowMs, datasetVersions: [], trainingId: '', version: 0 },
  };
  const startedAtMs = startedWithinDay(state.startedAtMs, nowMs);
  return begin({ ...state, phase: 'settling', episode, startedAtMs }, policy, nowMs, cause);
}

/** The newest drift that is open, else what is due without any, as far as the budget goes. */
function answerNext(state: LoopState, policy: LoopPolicy, nowMs: number): LoopResult {
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
function onDriftEnded(before: LoopState, eventId: string, policy: LoopPolicy, nowMs: number): LoopResult {
  const state = withoutDrift(before, eventId);
  const { phase, episode } = state;
  const isWaiting = phase === 'settling' || phase === 'approval';
  if (!isWaiting || episode?.eventId !== eventId) return same(state);
  const over = step(state, nowMs, `drift of ${episode.feature} is over before a retraining began`);
  return answerNext({ ...over, phase: 'calm', episode: null }, policy, nowMs);
}

/** Leaves `settling` once enough versions end after the drifted window. */
function settle(state: LoopState, policy: LoopPolicy, nowMs: number): LoopResult {
  const episode = state.episode;
  if (state.phase !== 'settling' || episode === null) return same(state);
  const after = state.datasets.filter((dataset) => dataset.windowEndMs > episode.windowEndMs);
  // Another try on the same rows would come to the same.
  const wantedRows = episode.tries ? Math.max(1, policy.retrain.settleVersions) : policy.retrain.settleVersions;
  if (after.length < wantedRows) return same(state);
  return begin(state, policy, nowMs, 'data has settled');
}

/** What the episode learns from is there. `message`: what has come. */
function begin(state: LoopState, policy: LoopPolicy, nowMs: number, message: string): LoopResult {
  if (policy.retrain.approval === 'manual')
    return same(step({ ...state, phase: 'approval' }, nowMs, `${message}; waiting for approval`));
  const isDrift = state.episode?.eventId !== undefined;
  return startTraining(isDrift ? state : step(state, nowMs, message), policy, nowMs);
}

function startTraining(state: LoopState, policy: LoopPolicy, nowMs: number): LoopResult {
  const episode = state.episode;
  if (episode === null) return same(state);
  const newest = state.datasets.slice(-policy.retrain.versions);
  const chosen = newest.map((dataset) => dataset.id);
  const trainingId = unusedId(episode.id, state.trainingIds);
  const training: Episode = { ...episode, trainingId, datasetVersions: chosen };
  const trainingIds = [...state.trainingIds, trainingId].slice(-TRAININGS_MAX);
  const next = step(
    {
      ...{ ...state, phase: 'training', episode: training, trainingIds },
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

function trainingEffect(episode: Episode, liveVersion: number, policy: LoopPolicy): LoopEffect {
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

function cool(before: LoopState, policy: LoopPolicy, nowMs: number, message: string): LoopState {
  const { cooldownMs: pauseMs } = policy.retrain;
  const { episode, datasets, openDrifts } = before;
  const used = datasets.filter(({ id }) => episode?.datasetVersions.includes(id));
  const dataThroughMs = Math.max(episode?.windowEndMs ?? 0, ...used.map(({ windowEndMs }) => windowEndMs));
  const drift = openDrifts.find(({ eventId }) => eventId === episode?.eventId);
  // What was open has been answered with it, also where its own drift is over, or it was begun for none.
  const version = episode?.ofVersion ?? drift?.version;
  const state = version === undefined ? before : tried(before, version, { nowMs, pauseMs, dataThroughMs });
  const cooling: LoopState = { ...state, phase: 'cooling', coolUntilMs: nowMs + pauseMs, probationVersion: 0 };
  return { ...step(cooling, nowMs, message), episode: null };
}

function onTrainingFailed(
  state: LoopState,
  input: Extract<LoopInput, { kind: 'training_failed' }>,
  policy: LoopPolicy,
  nowMs: number,
): LoopResult {
  if (state.phase !== 'training' || state.episode?.trainingId !== input.trainingId) return same(state);
  return same(cool(state, policy, nowMs, `the retraining failed: ${input.message}`));
}

function onModel(
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

function rollOut(state: LoopState, version: number, nowMs: number): LoopResult {
  const reason = state.episode ? causeOf(state.episode) : 'a blessed version';
  const correlationId = state.episode?.id ?? `rollout-${version}`;
  const next = step(
    {
      ...state,
      ...{ phase: 'rolling_out', waitingVersion: version, rollingSinceMs: nowMs },
      rolloutTries: version === state.waitingVersion ? state.rolloutTries : 0,
    },
    nowMs,
    `rolling out version ${version}`,
  );
  return { state: next, effects: [{ kind: 'start_rollout', version, reason, correlationId }] };
}

/** The topic is read from its beginning at each start: what stands before the newest that is known is no news. */
function onRoute(
  state: LoopState,
  input: Extract<LoopInput, { kind: 'route' }>,
  policy: LoopPolicy,
  nowMs: number,
): LoopResult {
  if (input.revision < state.routeRevision) return same(state);
  const next = givenUp(routed(state, input, nowMs), nowMs);
  if (next.phase !== 'rolling_out') return same(next);
  if (input.liveVersion === next.waitingVersion) {
    const done = { ...next, waitingVersion: 0, rolloutTries: 0 };
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
  return same(next);
}

/** A retraining that has not begun is none for a version that a person has put in place of the one it is for. */
function givenUp(state: LoopState, nowMs: number): LoopState {
  const { phase, episode, liveVersion } = state;
  const { ofVersion = liveVersion } = episode ?? {};
  if ((phase !== 'settling' && phase !== 'approval') || ofVersion === liveVersion) return state;
  const message = `version ${liveVersion} is in service: the retraining for version ${ofVersion} is given up`;
  return { ...step(state, nowMs, message), phase: 'calm', episode: null };
}

/** The same state where nothing of it changes: each new one is a write. */
function routed(state: LoopState, input: Extract<LoopInput, { kind: 'route' }>, nowMs: number): LoopState {
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
  return { ...decided, liveSinceMs: nowMs, takingBack: null, taughtThroughMs };
}

/** Ends the cool-down, rolls out what had to wait for it, and answers the drift that is open. */
function onTick(state: LoopState, policy: LoopPolicy, nowMs: number): LoopResult {
  if (state.phase === 'rolling_out') return same(rollingOut(state, policy, nowMs));
  if (state.phase === 'cooling' && nowMs >= state.coolUntilMs) {
    const calm: LoopState = { ...state, phase: 'calm', coolUntilMs: 0, probationVersion: 0, takingBack: null };
    return onTick(step(calm, nowMs, 'cool-down over'), policy, nowMs);
  }
  if (state.phase === 'calm' && policy.rolloutAutomatic && state.waitingVersion > state.liveVersion) {
    return rollOut(state, state.waitingVersion, nowMs);
  }
  return answerNext(state, policy, nowMs);
}

/** A router that refuses a rollout says so to who asked, not on the route: nothing would ever come. */
function rollingOut(state: LoopState, policy: LoopPolicy, nowMs: number): LoopState {
  if (state.rollingSinceMs === 0) return { ...state, rollingSinceMs: nowMs };
  if (nowMs - state.rollingSinceMs < ROLLOUT_MS_MAX) return state;
  const { waitingVersion: version } = state;
  const rolloutTries = state.rolloutTries + 1;
  const isLast = rolloutTries >= ROLLOUTS_MAX;
  const message =
    `version ${version} did not come into service within ${ROLLOUT_MS_MAX / MINUTE_MS} min: the router refused it, or ` +
    `was away; ${isLast ? 'it waits for a rollout by hand' : 'it is tried again'}`;
  return cool({ ...state, waitingVersion: isLast ? 0 : version, rolloutTries }, policy, nowMs, message);
}

/** Why the episode was begun, as a clause. */
export const causeOf = ({ cause, feature, detector }: Episode): string => cause ?? `drift of ${feature} (${detector})`;

/** What a restarted trainer must repeat, and after a failure too: what the state says was begun, without a result. */
export function pendingEffects(state: LoopState, policy: LoopPolicy): readonly LoopEffect[] {
  if (state.phase === 'training' && state.episode) return [trainingEffect(state.episode, state.liveVersion, policy)];
  if (state.phase === 'rolling_out' && state.waitingVersion > 0) {
    const correlationId = state.episode?.id ?? `rollout-${state.waitingVersion}`;
    return [{ kind: 'start_rollout', version: state.waitingVersion, reason: 'begun again', correlationId }];
  }
  if (state.phase === 'cooling' && state.takingBack) {
    // The route may have moved since, and a rollback of the new one would bring the bad version back.
    const { reason, correlationId, routeRevision } = state.takingBack;
    return [{ kind: 'rollback', reason, correlationId, expectedRevision: routeRevision }];
  }
  return [];
}
