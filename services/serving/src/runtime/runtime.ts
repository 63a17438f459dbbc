// What an engine must offer: load a model file once, run it many times over batches. ONNX Runtime is the first; tfjs,
// SavedModel and plain TypeScript modules implement the same two interfaces.

import type { TensorSpec } from '@millrace/inference';

/** A batch's float32 input, row-major, `rows` × width; only the first rows × width elements count. */
export interface MatrixEngine {
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  /** Runs the one input `rows` × `width`; the answer has `rows` × (output width) float32. The input may be reused after. */
  run(input: Float32Array, rows: number, width: number): Promise<Float32Array>;
  close(): Promise<void>;
}

export interface Runtime {
  /** As V2's metadata states it, for example "onnxruntime_onnx". */
  readonly platform: string;
  load(model: Uint8Array): Promise<MatrixEngine>;
}
