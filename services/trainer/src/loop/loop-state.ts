// What the closed loop of one project knows, is told and may do: its state, its inputs and its effects. What it does
// with them is in loop-advance.ts.

import type { Cohort, LoopPhase, TrainingRequest } from '@millrace/domain';
import type { ProbationSpec, RetrainSpec } from '@millrace/project';
import type { RolloutPhase } from '@millrace/routing';
import { COST_UNKNOWN, type CostKnown, type Judged } from './cost-known.js';
import type { Episode } from './episode.js';
import type { DatasetsKnown, KnownDataset } from './known-datasets.js';
import type { ComparedRows, Probation } from './loop-probation.js';
import type { RetrainTrigger, Taught } from './loop-triggers.js';
import type { WindowLoss } from './loss-change.js';
import type { DriftsKnown, ToldDrift } from './open-drifts.js';
import type { InSteps } from './rollout-in-steps.js';

export interface LoopState extends DriftsKnown, DatasetsKnown, InSteps, Omit<Taught, 'datasets'> {
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
  /** Processing time when the training that it waits for was begun; 0 = it waits for none, or nobody knows. */
  trainingSinceMs: number;
  /** Newest last, at most TRAININGS_MAX: trainings of before a stop. What they make is left to a person. */
  leftTrainings: readonly string[];
  /** Processing time when the rollout that it waits for was asked for; 0 = it waits for none, or nobody knows. */
  rollingSinceMs: number;
  /** A blessed version that is being rolled out, or waits for its turn or for a person; 0 = none. */
  waitingVersion: number;
  /** Whose rollout is under way by the newest route, loading or in steps; 0 = none. */
  loadingVersion: number;
  /** A blessed version that came while another one was being rolled out; 0 = none. */
  nextVersion: number;
  /** Processing time since when people are asked about the retraining; 0 = they are not, or nobody knows. */
  askedSinceMs: number;
  /** Likewise about the rollout of the waiting version. */
  waitingSinceMs: number;
  approvals: readonly Approval[];
  /** The last question that was not approved; not there = there was none. */
  answered?: AnsweredQuestion | undefined;
  /** For those who follow the topic: what people are asked, as it was when this was saved. */
  asked?: AskedQuestion | null | undefined;
  /** The version whose cool-down this is a probation of; 0 = it is none. */
  probationVersion: number;
  /** How often its rollout was given up. */
  rolloutTries: number;
  /** Newest last, at most TRAININGS_MAX: a training is known by its id, so that none comes again. */
  trainingIds: readonly string[];
  /** A version in service that failed its probation and is live still; a route that shows another one ends it. */
  takingBack: TakingBack | null;
  /** That speaks against the version that is on its way; null = none does. */
  earlyAlarm: Extract<LoopInput, { kind: 'drift' }> | null;
  /** Of the version in service against the one before it; null = it is on none, or has stood it. */
  probation: Probation | null;
  /** Highest version that was decided about: one that a person rolled back must not come again by itself. */
  handledVersion: number;
  history: readonly LoopStep[];
  /** What a retraining is weighed by (policy cost). */
  cost: CostKnown;
}

export interface Approval {
  /** What it is about; one episode, or one version. */
  key: string;
  by: string;
  reason: string;
  atMs: number;
}

export interface AnsweredQuestion {
  about: string;
  what: string;
  outcome: 'refused' | 'expired';
  /** Empty where it expired. */
  by: string;
  reason: string;
  atMs: number;
}

export interface AskedQuestion {
  about: string;
  what: string;
  sinceMs: number;
  expiresAtMs: number | null;
  approvers: number;
  wanted: number;
  given: { by: string; reason: string; atMs: number }[];
}

export interface TakingBack {
  reason: string;
  correlationId: string;
  /** The route that was judged. */
  routeRevision: number;
  /** Processing time; not there in a state of an earlier release. */
  sinceMs?: number;
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
  | { kind: 'model'; version: number; trainingId: string; blessed: boolean; verdict: string; judged?: Judged }
  /** A window whose labels are there. */
  | ({ kind: 'quality' } & WindowLoss)
  | {
      kind: 'route';
      revision: number;
      liveVersion: number;
      previousVersion: number;
      /** Of the rollout; 0 = there was none. */
      rolloutVersion: number;
      phase: RolloutPhase;
      message: string;
      /** Of the newest commands that made the route; not there = nobody knows. */
      commandIds?: readonly string[];
    }
  | { kind: 'compared'; version: number; datasetVersion: string; rows: ComparedRows }
  /** `skip`: not on these rows; `again`: not for now; `end`: the two cannot be compared. */
  | { kind: 'not_compared'; version: number; datasetVersion: string; outcome: 'skip' | 'again' | 'end'; reason: string }
  /** `about`: the question that is answered; not there = whatever is asked. */
  | { kind: 'approve'; by: string; reason: string; about?: string | undefined }
  | { kind: 'reject'; by: string; reason: string; about?: string | undefined }
  /** `by` and `reason`: empty, or not there = nobody said. */
  | { kind: 'stop'; by?: string; reason?: string }
  | { kind: 'resume'; by?: string; reason?: string }
  /** The clock on the wall: times that are kept were told by it before; `fromMs`: those from then on alone. */
  | { kind: 'set_back'; byMs: number; fromMs?: number | undefined }
  /** Likewise, and since when it was behind. */
  | { kind: 'set_ahead'; byMs: number; fromMs: number }
  | { kind: 'tick' };

export type LoopEffect =
  | ({ kind: 'start_training'; trainingId: string; trigger: RetrainTrigger } & Pick<
      TrainingRequest,
      'datasetVersions' | 'evaluationShare' | 'warmStartVersion' | 'correlationId'
    >)
  | { kind: 'start_rollout'; version: number; reason: string; correlationId: string }
  /** Both versions on the labelled rows of a dataset version; one that is asked for twice is the same one. */
  | { kind: 'compare'; version: number; against: number; datasetVersion: string; share: number }
  /** `expectedRevision`: of the route that is taken back. */
  | { kind: 'rollback'; reason: string; correlationId: string; expectedRevision: number };

export interface LoopPolicy {
  /** Its name: ids of episodes that answer no event are made of it. */
  project: string;
  retrain: RetrainSpec;
  rolloutAutomatic: boolean;
  probation: ProbationSpec;
  /** That decides between two versions. */
  metric: string;
}

export const HISTORY_MAX = 200;
/** What a receiver says may be of any length; the state has to fit into a message. */
const MESSAGE_CHARACTERS_MAX = 1_000;
export const TRAININGS_MAX = 256;
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
    loadingVersion: 0,
    askedSinceMs: 0,
    waitingSinceMs: 0,
    approvals: [],
    nextVersion: 0,
    trainingSinceMs: 0,
    leftTrainings: [],
    rollingSinceMs: 0,
    probationVersion: 0,
    rolloutTries: 0,
    trainingIds: [],
    takingBack: null,
    earlyAlarm: null,
    probation: null,
    handledVersion: 0,
    history: [],
    cost: COST_UNKNOWN,
    openDrifts: [],
    endedDrifts: [],
  };
}

export interface LoopResult {
  state: LoopState;
  effects: readonly LoopEffect[];
}

export function same(state: LoopState): LoopResult {
  return { state, effects: [] };
}

export function step(state: LoopState, nowMs: number, told: string): LoopState {
  const message = told.length > MESSAGE_CHARACTERS_MAX ? `${told.slice(0, MESSAGE_CHARACTERS_MAX)}…` : told;
  const entry: LoopStep = { atMs: nowMs, phase: state.phase, message, correlationId: state.episode?.id ?? '' };
  return { ...state, history: [...state.history, entry].slice(-HISTORY_MAX) };
}

/** Where nothing is under way: what is left of the pause is kept, also over a stop. */
export const resting = ({ coolUntilMs }: LoopState, nowMs: number): 'cooling' | 'calm' =>
  coolUntilMs > nowMs ? 'cooling' : 'calm';

/** What the budget counts. */
export function startedWithinDay(startedAtMs: readonly number[], nowMs: number): number[] {
  return startedAtMs.filter((atMs) => atMs > nowMs - DAY_MS);
}
