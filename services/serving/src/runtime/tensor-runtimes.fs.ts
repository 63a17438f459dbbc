// All runtimes of model folders, and which of them runs a given version: the one that its configuration names by
// backend or platform, else the one whose file lies in the version's folder.

import { PlatformError } from '@millrace/domain';
import { firstOf } from './model-files.fs.js';
import { MODULE_FILES, moduleRuntime } from './module-runtime.fs.js';
import { onnxTensorRuntime } from './onnx-tensors.onnx.js';
import type { TensorRuntime } from './tensor-engine.js';
import {
  LAYERS_MODEL_FILES,
  layersModelRuntime,
  SAVED_MODEL_FILES,
  savedModelRuntime,
} from './tensorflow-runtimes.process.js';

interface Entry {
  runtime: TensorRuntime;
  /** A version folder with one of these is run by it. */
  files: readonly string[];
}

const ENTRIES: readonly Entry[] = [
  { runtime: onnxTensorRuntime, files: ['model.onnx'] },
  { runtime: moduleRuntime, files: MODULE_FILES },
  { runtime: savedModelRuntime, files: SAVED_MODEL_FILES },
  { runtime: layersModelRuntime, files: LAYERS_MODEL_FILES },
];

export const TENSOR_RUNTIMES: readonly TensorRuntime[] = ENTRIES.map(({ runtime }) => runtime);

export interface RuntimeChoice {
  name: string;
  /** Of the configuration; '' = not said. */
  backend: string;
  platform: string;
  /** Absolute folder of the version. */
  folder: string;
}

/** Throws corrupt where neither the configuration nor the files say how to run the model. */
export function tensorRuntimeFor({ name, backend, platform, folder }: RuntimeChoice): TensorRuntime {
  for (const [kind, value] of [
    ['backend', backend],
    ['platform', platform],
  ] as const) {
    if (value === '') continue;
    const found = TENSOR_RUNTIMES.find((runtime) => runtime.backends.includes(value) || runtime.platform === value);
    if (found) return found;
    const known = TENSOR_RUNTIMES.flatMap((runtime) => (kind === 'backend' ? runtime.backends : [runtime.platform]));
    throw new PlatformError('corrupt', `model '${name}': no ${kind} '${value}', it can be ${known.join(', ')}`);
  }
  const found = ENTRIES.find(({ files }) => firstOf(folder, files) !== undefined);
  if (found) return found.runtime;
  const wanted = ENTRIES.flatMap(({ files }) => files).join(', ');
  throw new PlatformError('corrupt', `model '${name}': ${folder} has none of ${wanted}, and no backend is named`);
}
