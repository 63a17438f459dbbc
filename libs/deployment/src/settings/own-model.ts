// The bounds of a process that runs a model which somebody else made: the trainer's, which judges it, and serving's.

import { defineSettings } from './setting.js';

export const ownModelSettings = defineSettings({
  ownModelMemoryBytes: {
    env: 'MILLRACE_OWN_MODEL_MEMORY',
    type: 'int',
    default: 2_147_483_648,
    min: 134_217_728,
    max: 1_099_511_627_776,
    unit: 'bytes',
    why: 'data of the process that runs a registered model, beside four times its files: ONNX Runtime starts with 0.1 GB, TensorFlow with 0.2; Linux holds a process to it',
  },
  ownModelCallMaxMs: {
    env: 'MILLRACE_OWN_MODEL_TIME',
    type: 'duration',
    default: 30_000,
    min: 100,
    max: 600_000,
    why: 'of one batch of a registered model, then its process is killed: longer waits no caller; the first batch of a SavedModel takes seconds on a busy machine',
  },
});

/**
 * Of the model's files: as they are read, their parsed form, the weights as a runtime lays them out, as much to work.
 */
const FILES_FACTOR = 4;

/** What the process of a model whose files are of so many bytes may take for its data. */
export function ownModelDataBytesMax(
  { ownModelMemoryBytes }: { ownModelMemoryBytes: number },
  filesBytes: number,
): number {
  return ownModelMemoryBytes + FILES_FACTOR * filesBytes;
}
