// Codec of topic commands.v1: proto millrace.control.v1.Command, key "<project>". What changes a route is
// libs/routing's affair. A command without an action this release knows is `corrupt`: it must not be taken for a
// done one.

import type { TrainingRequest } from '@millrace/domain';
import type { RouteAction, RouteCommand } from '@millrace/routing';
import type { DatasetVersion } from './dataset-version.codec.js';
import { CommandSchema } from './gen/millrace/control/v1/control_pb.js';
import { messageCodec } from './message-codec.js';

/** The command's own project, correlation id and expected revision hold. */
export interface StartTrainingAction extends Omit<TrainingRequest, 'project' | 'correlationId' | 'projectRevision'> {
  kind: 'startTraining';
}

/** Ingest closes the open spans of the project's live stream. */
export interface CloseDatasetsAction {
  kind: 'closeDatasets';
}

/** Ingest sets the watermark of the project's live stream back. */
export interface ResetWatermarkAction {
  kind: 'resetWatermark';
  /** Event time. */
  toMs: number;
}

/** A bulk load has come to its end. */
export interface EndImportAction {
  kind: 'endImport';
  importId: string;
  /** Its file is in the artifact store; ordinal and parent are the owner's to give. */
  version?: DatasetVersion | undefined;
  /** Set where there is no version. */
  failure: string;
}

/** Ingest deletes what the project's retention does not keep. */
interface CollectDatasetsAction {
  kind: 'collectDatasets';
}

/** The hold's id is the command's. */
interface AddHoldAction {
  kind: 'addHold';
  /** Empty = a model version, or everything. */
  dataset: string;
  /** 0 = a dataset version, or everything. */
  model: number;
  reason: string;
  by: string;
}

interface RemoveHoldAction {
  kind: 'removeHold';
  holdId: string;
  reason: string;
  by: string;
}

export type HoldAction = AddHoldAction | RemoveHoldAction;

/** What ingest's owner of a project carries out. */
export type DatasetAction =
  | CloseDatasetsAction
  | ResetWatermarkAction
  | EndImportAction
  | CollectDatasetsAction
  | HoldAction;

export type CommandAction = StartTrainingAction | DatasetAction | RouteAction;

const OF_DATASETS: readonly CommandAction['kind'][] = [
  ...(['closeDatasets', 'resetWatermark', 'endImport', 'collectDatasets', 'addHold', 'removeHold'] as const),
];
export const isDatasetAction = (action: CommandAction): action is DatasetAction => OF_DATASETS.includes(action.kind);

export interface Command extends Omit<RouteCommand, 'action' | 'issuedBy'> {
  /** Who asked: "cli", "loop", "dashboard", a user name. */
  issuedBy: string;
  /** Where it came from, as it is said; not there = nobody said. */
  address?: string | undefined;
  tool?: string | undefined;
  action: CommandAction;
}

const codec = messageCodec<Command>(CommandSchema, {
  Command: { required: ['id', 'project', 'action'] },
  StartRollout: { required: ['version'] },
  Promote: { required: ['version'] },
  SetWeights: { required: ['weights'] },
  StartExperiment: { required: ['name', 'arms', 'share', 'forMs'] },
  SetExperimentWeights: { required: ['weights'] },
  EndImport: { required: ['importId'] },
  AddHold: { required: ['reason'] },
  RemoveHold: { required: ['holdId', 'reason'] },
  DatasetVersion: { required: ['project', 'id', 'parquetPath'] },
  VersionWeight: { required: ['version'] },
});

export const encodeCommand = codec.encode;
export const decodeCommand = codec.decode;
