// Codec of topic trainings.v1: proto millrace.training.v1.TrainingEvent, key "<project>/<training id>".

import type { TrainingStepKind } from '@millrace/domain';
import { TrainingEventSchema } from './gen/millrace/training/v1/training_pb.js';
import { messageCodec } from './message-codec.js';
import type { ModelVersion } from './model-version.codec.js';

interface StepFacts {
  requested: { trigger: string; datasetVersions: readonly string[] };
  started: { workers: number; trainRows: number; evaluationRows: number; steps: number };
  progress: { step: number; steps: number; loss: number; rowsPerSecond: number };
  finished: { version: number; blessed: boolean } & Pick<ModelVersion, 'verdict' | 'warnings'>;
  failed: { code: string; message: string };
}

export type TrainingStep = { [Kind in TrainingStepKind]: { kind: Kind } & StepFacts[Kind] }[TrainingStepKind];

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
