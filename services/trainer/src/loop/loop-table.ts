// The loop's state machine as data: which input leads from which phase to which, what it has begun then, and how long
// each phase lasts. loop-simulation.spec.ts holds loop-advance.ts to it, both ways: what the machine does stands here,
// and what stands here is done. docs/the-loop.md is drawn from it.

import type { LoopPhase } from '@millrace/domain';
import type { RetrainSpec } from '@millrace/project';
import { TRAINING_MS_MAX } from './loop-retraining.js';
import { ROLLOUT_MS_MAX } from './loop-rollout.js';
import type { LoopEffect, LoopInput } from './loop-state.js';

/** `compare` and `rollback` are the probation's, which is in no phase (probation-steps.ts). */
type Begun = Extract<LoopEffect['kind'], 'start_training' | 'start_rollout'>;

export interface Transition {
  from: LoopPhase;
  on: LoopInput['kind'];
  to: LoopPhase;
  /** What it begins; '' = nothing. */
  begins: Begun | '';
  when: string;
}

type Row = readonly [from: LoopPhase, on: LoopInput['kind'], to: LoopPhase, begins: Begun | '', string];

const DUE = 'drift is open, or the schedule or enough new rows make a retraining due';
const ANSWERED = 'the drift that it was begun for is over, and another one is open';

const APPROVED = 'people approve the rollout of the version that waits (`rollout.automatic: false`)';

const ROWS: readonly Row[] = [
  ['calm', 'drift', 'settling', '', 'drift is open, and rows from after it are still to come'],
  ['calm', 'drift', 'approval', '', 'drift is open, its rows are there, and a person is to approve'],
  ['calm', 'drift', 'training', 'start_training', 'drift is open, and its rows are there'],
  ['calm', 'tick', 'settling', '', 'drift is open since before, and rows from after it are still to come'],
  ['calm', 'tick', 'approval', '', `${DUE}, and a person is to approve`],
  ['calm', 'tick', 'training', 'start_training', DUE],
  ['calm', 'tick', 'rolling_out', 'start_rollout', 'a blessed version had to wait'],
  ['calm', 'model', 'rolling_out', 'start_rollout', 'a version is blessed that the loop did not ask for'],
  ['calm', 'approve', 'rolling_out', 'start_rollout', APPROVED],

  ['settling', 'dataset', 'approval', '', 'the rows are there, and a person is to approve'],
  ['settling', 'dataset', 'training', 'start_training', 'the rows are there'],
  ['settling', 'tick', 'approval', '', 'the budget has room again, and a person is to approve'],
  ['settling', 'tick', 'training', 'start_training', 'the budget has room again'],
  ['settling', 'drift_ended', 'calm', '', 'the drift is over'],
  ['settling', 'drift_ended', 'training', 'start_training', ANSWERED],
  ['settling', 'drift_ended', 'approval', '', `${ANSWERED}; a person is to approve`],
  ['settling', 'route', 'calm', '', 'another version is in service'],

  ['approval', 'approve', 'training', 'start_training', 'as many people as `retrain.approvers` says approve'],
  ['approval', 'reject', 'cooling', '', 'a person rejects it'],
  ['approval', 'tick', 'cooling', '', 'it did not begin within `retrain.approvalExpires`'],
  [
    'approval',
    'tick',
    'training',
    'start_training',
    'the project file asks nobody any more, or the budget has room again',
  ],
  ['approval', 'drift_ended', 'calm', '', 'the drift is over'],
  ['approval', 'drift_ended', 'settling', '', `${ANSWERED}: its rows are still to come`],
  ['approval', 'drift_ended', 'training', 'start_training', `${ANSWERED}; the project file asks nobody any more`],
  ['approval', 'route', 'calm', '', 'another version is in service'],

  ['training', 'model', 'rolling_out', 'start_rollout', 'its version is blessed'],
  ['training', 'model', 'cooling', '', 'its version is not blessed, was decided about before, or waits for a person'],
  ['training', 'training_failed', 'cooling', '', 'it failed, or was refused'],
  ['training', 'tick', 'cooling', '', 'nothing was heard of its end in time'],

  ['rolling_out', 'route', 'cooling', '', 'the version of a retraining is in service and on probation; or it failed'],
  ['rolling_out', 'route', 'calm', '', 'a version that the loop did not ask for is in service'],
  ['rolling_out', 'tick', 'cooling', '', 'it did not come into service in time: twice more, then a person has to'],

  ['cooling', 'model', 'rolling_out', 'start_rollout', 'a version is blessed that the loop did not ask for'],
  ['cooling', 'approve', 'rolling_out', 'start_rollout', APPROVED],
  ['cooling', 'tick', 'calm', '', 'the pause is over'],
  ['cooling', 'tick', 'settling', '', 'the pause is over, and drift is open: rows from after it are still to come'],
  ['cooling', 'tick', 'approval', '', `the pause is over; ${DUE}, and a person is to approve`],
  ['cooling', 'tick', 'training', 'start_training', `the pause is over; ${DUE}`],
  ['cooling', 'tick', 'rolling_out', 'start_rollout', 'the pause is over, and a blessed version had to wait'],

  ['calm', 'stop', 'stopped', '', 'a person stops it'],
  ['settling', 'stop', 'stopped', '', 'a person stops it: the retraining is given up'],
  ['approval', 'stop', 'stopped', '', 'a person stops it: the retraining is given up'],
  ['training', 'stop', 'stopped', '', 'a person stops it: what the training makes is left to a person'],
  ['rolling_out', 'stop', 'stopped', '', 'a person stops it: the version is left to a person'],
  ['cooling', 'stop', 'stopped', '', 'a person stops it'],
  ['stopped', 'resume', 'calm', '', 'a person resumes it'],
  ['stopped', 'resume', 'cooling', '', 'a person resumes it within the pause'],
];

export const TRANSITIONS: readonly Transition[] = ROWS.map(([from, on, to, begins, when]) => ({
  ...{ from, on, to, begins, when },
}));

export interface PhaseTerm {
  /** After which it ends by itself, in processing time; null = only what it waits for ends it. */
  longestMs(retrain: RetrainSpec): number | null;
  /** The same in words. */
  longest: string;
  /** For what, and for whom. */
  waitsFor: string;
}

const MINUTE_MS = 60_000;
const OPEN = { longestMs: () => null, longest: 'until it comes' };

export const PHASE_TERMS: Record<LoopPhase, PhaseTerm> = {
  calm: { ...OPEN, waitsFor: 'what makes a retraining due; where only a person can go on, `waits` says so' },
  settling: { ...OPEN, waitsFor: 'whoever sends rows and labels; or the budget' },
  approval: {
    longestMs: ({ approvalExpiresMs }) => approvalExpiresMs ?? null,
    longest: '`retrain.approvalExpires`, where it is set',
    waitsFor: 'as many people as `retrain.approvers` says, or the budget',
  },
  training: {
    longestMs: () => TRAINING_MS_MAX,
    longest: `${TRAINING_MS_MAX / MINUTE_MS / 60} h`,
    waitsFor: 'the training to end',
  },
  rolling_out: {
    longestMs: () => ROLLOUT_MS_MAX,
    longest: `${ROLLOUT_MS_MAX / MINUTE_MS} min; one in steps as long as they take`,
    waitsFor: 'the route to show the version, or that it failed',
  },
  cooling: { longestMs: ({ cooldownMs }) => cooldownMs, longest: '`retrain.cooldown`', waitsFor: 'the pause to end' },
  stopped: { ...OPEN, waitsFor: 'a person to resume it' },
};
