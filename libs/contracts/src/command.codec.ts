// Codec of topic commands.v1: proto millrace.control.v1.Command, key "<project>". What changes a route is
// libs/routing's affair. A command without an action this release knows is `corrupt`: it must not be taken for a done
// one.

import type { TrainingRequest } from '@millrace/domain';
import type { RouteAction, RouteCommand } from '@millrace/routing';
import { CommandSchema } from './gen/millrace/control/v1/control_pb.js';
import { messageCodec } from './message-codec.js';

/** The command's own project, correlation id and expected revision hold. */
export interface StartTrainingAction extends Omit<TrainingRequest, 'project' | 'correlationId' | 'projectRevision'> {
  kind: 'startTraining';
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
