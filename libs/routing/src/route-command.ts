// What may be asked of a route, what becomes of it, and why not.

import type { ExperimentAction, ExperimentFaultReason } from './experiment.js';
import type { Route, Share } from './route.js';

/** The commands that change a route. */
export type RouteAction =
  /** `force`: also where the version was judged and is not blessed; the command says who asks. */
  | { kind: 'startRollout'; version: number; force?: boolean }
  /** All traffic to a loaded version. */
  | { kind: 'promote'; version: number }
  /** All traffic to the previous version. */
  | { kind: 'rollback' }
  /** At most TARGETS_MAX loaded versions; whole percents that add up to 100. Pauses a rollout in steps. */
  | { kind: 'setWeights'; weights: readonly Share[] }
  /** Copies of `share` percent of the requests to each of `versions`, which are loaded; none: no copies. */
  | { kind: 'setShadows'; versions: readonly number[]; share: number }
  /** Of a rollout: `version` is the one that it brings in, 0 = whichever it is. The next step now. */
  | { kind: 'advance'; version: number }
  /** No step comes by itself. */
  | { kind: 'pause'; version: number }
  | { kind: 'resume'; version: number }
  /** The rollout has failed: its version gets nothing, and stays loaded until the next rollout. */
  | { kind: 'abort'; version: number }
  | ExperimentAction;

export interface RouteCommand {
  id: string;
  project: string;
  issuedAtMs: number;
  /** 0 = whatever is current. */
  expectedRevision: number;
  correlationId: string;
  reason: string;
  /** Who asks. */
  issuedBy?: string;
  action: RouteAction;
}

/** Why a command is not applied; `decide` gives all but the last ones, which take knowledge of versions. */
export type RejectionReason =
  | 'expired'
  | 'revision_conflict'
  | 'invalid_version'
  | 'invalid_weights'
  | 'not_loaded'
  | 'already_live'
  | 'nothing_to_roll_back'
  | 'rollout_in_progress'
  | 'load_superseded'
  /** A later release has written the route, and this one does not know all that it says. */
  | 'newer_route'
  | 'invalid_shadows'
  /** The step that was due has come, or its rollout has ended. */
  | 'step_superseded'
  /** What was to be unloaded has work again, or is unloaded. */
  | 'keep_superseded'
  | 'no_rollout'
  /** The command names the version of another rollout than the one under way. */
  | 'other_rollout'
  | 'paused'
  | 'not_paused'
  /** A version of a server elsewhere and one that is run here: their clients speak of other tensors. */
  | 'other_origin'
  /** Retention has deleted it. */
  | 'version_deleted'
  /** Nobody has announced it. */
  | 'unknown_version'
  /** It was judged and is not blessed, and the command does not say that it goes live all the same. */
  | 'not_blessed'
  | ExperimentFaultReason;

export interface Rejected {
  kind: 'rejected';
  reason: RejectionReason;
  message: string;
}

export type Decision =
  | { kind: 'changed'; route: Route }
  /** The command was applied before. */
  | { kind: 'unchanged'; route: Route }
  | Rejected;

/** `revision` is the one at which loading began, so that a late outcome is recognised. */
export type LoadOutcome =
  | { kind: 'ready'; version: number; revision: number }
  /** Also when the caller's time for it is up. */
  | { kind: 'failed'; version: number; revision: number; message: string };

/** What became of a step whose time is up, or of a bandit; `revision` is the one at which that was seen. */
export type StepOutcome =
  /** `reason`: of a bandit, whose end may come before its time is up. */
  | { kind: 'next'; version: number; revision: number; reason?: string }
  /** Of a bandit: its version has another share. */
  | { kind: 'weight'; version: number; revision: number; weight: number; reason: string }
  | { kind: 'abort' | 'pause'; version: number; revision: number; by: string; reason: string };
