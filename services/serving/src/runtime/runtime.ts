// What an engine must offer: load a model file once, run it many times over batches. ONNX Runtime is the first; tfjs,
// SavedModel and plain TypeScript modules implement the same two interfaces.

import { PlatformError } from '@millrace/domain';
import type { TensorSpec } from '@millrace/inference';

/** A batch's float32 input, row-major, `rows` × width; only the first rows × width elements count. */
export interface MatrixEngine {
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  /**
   * Runs the one input `rows` × `width`; the answer has `rows` × (output width) float32. The input may be reused after.
   */
  run(input: Float32Array, rows: number, width: number): Promise<Float32Array>;
  close(): Promise<void>;
}

export interface Runtime {
  /** As V2's metadata states it, for example "onnxruntime_onnx". */
  readonly platform: string;
  /** Files of a model package that it needs; a package that lists them all can be run by it. */
  readonly needs: readonly string[];
  /** `files`: the needed ones by path, their hashes checked. Throws corrupt where they are no model. */
  load(files: ReadonlyMap<string, Uint8Array>): Promise<MatrixEngine>;
}

/** The first that can run a package with these files. */
export function runtimeFor(runtimes: readonly Runtime[], files: Readonly<Record<string, string>>): Runtime {
  const found = runtimes.find(({ needs }) => needs.every((path) => Object.hasOwn(files, path)));
  if (found) return found;
  const wanted = runtimes.map(({ needs }) => needs.join(' + ')).join(' or ');
  throw new PlatformError('corrupt', `model package: no runtime for it, it needs ${wanted}`);
}
