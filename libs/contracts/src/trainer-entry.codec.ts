// Codec of topic trainer.v1 (compacted): proto millrace.training.v1.TrainerEntry, key "<project>" for the state of a
// loop, "<project>/<training id>" for a training that has not ended. The documents are the trainer's own.

import { TrainerEntrySchema } from './gen/millrace/training/v1/training_pb.js';
import { messageCodec } from './message-codec.js';

export interface TrainerEntry {
  project: string;
  /** When the project of that name was created. */
  projectCreatedAtMs: number;
  /** "" = of the loop. */
  trainingId: string;
  /** JSON. */
  document: string;
}

const codec = messageCodec<TrainerEntry>(TrainerEntrySchema, { TrainerEntry: { required: ['project', 'document'] } });

export const encodeTrainerEntry = codec.encode;
export const decodeTrainerEntry = codec.decode;
