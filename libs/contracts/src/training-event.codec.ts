// Codec of topic trainings.v1: proto millrace.training.v1.TrainingEvent, key "<project>/<training id>".

import { TrainingEventSchema } from './gen/millrace/training/v1/training_pb.js';
import { messageCodec } from './message-codec.js';
import type { ModelVersion } from './model-version.codec.js';

export type TrainingStep =
  | { kind: 'requested'; trigger: string; datasetVersions: readonly string[] }
  | { kind: 'started'; workers: number; trainRows: number; evaluationRows: number; steps: number }
  | { kind: 'progress'; step: number; steps: number; loss: number; rowsPerSecond: number }
  | ({ kind: 'finished'; version: number; blessed: boolean } & Pick<ModelVersion, 'verdict' | 'warnings'>)
  | { kind: 'failed'; code: string; message: string };

export interface TrainingEvent {
  project: string;
  trainingId: string;
  atMs: number;
  correlationId: string;
  event: TrainingStep;
}

const codec = messageCodec<TrainingEvent>(TrainingEventSchema, {
  TrainingEvent: { required: ['project', 'trainingId', 'event'] },
  Finished: { required: ['version'] },
});

export const encodeTrainingEvent = codec.encode;
export const decodeTrainingEvent = codec.decode;
