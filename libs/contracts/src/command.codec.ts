// Codec of topic commands.v1: proto millrace.control.v1.Command, key "<project>". What changes a route is libs/routing's
// affair. A command without an action this release knows is `corrupt`: it must not be taken for a done one.

import type { RouteAction, RouteCommand } from '@millrace/routing';
import { CommandSchema } from './gen/millrace/control/v1/control_pb.js';
import { messageCodec } from './message-codec.js';

export interface StartTrainingAction {
  kind: 'startTraining';
  datasetVersions: readonly string[];
  /** Rows with an earlier event time train, later ones evaluate; 0 = the newest `evaluationShare` evaluate. */
  evaluateFromMs: number;
  evaluationShare: number;
  /** Version to start the weights from; 0 = from scratch. */
  warmStartVersion: number;
  /** 0 = as the project file says. */
  workers: number;
  seed: number;
  /** "initial", "drift", "schedule", "manual". */
  trigger: string;
}

export type CommandAction = StartTrainingAction | RouteAction;

export interface Command extends Omit<RouteCommand, 'action'> {
  /** Who asked: "cli", "loop", "dashboard", a user name. */
  issuedBy: string;
  action: CommandAction;
}

const codec = messageCodec<Command>(CommandSchema, {
  Command: { required: ['id', 'project', 'action'] },
  StartRollout: { required: ['version'] },
  Promote: { required: ['version'] },
  SetWeights: { required: ['weights'] },
  VersionWeight: { required: ['version'] },
});

export const encodeCommand = codec.encode;
export const decodeCommand = codec.decode;
