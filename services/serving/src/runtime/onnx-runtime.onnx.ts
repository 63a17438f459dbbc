// ONNX Runtime behind the Runtime interface. One thread inside the engine: the models are small, batches come one after
// the other, and the second core belongs to the other services.

import { PlatformError } from '@millrace/domain';
import type { TensorSpec } from '@millrace/inference';
import * as ort from 'onnxruntime-node';
import { onnxSpecs } from './onnx-tensors.onnx.js';
import type { MatrixEngine, Runtime } from './runtime.js';

const MODEL_FILE = 'model.onnx';

class OnnxEngine implements MatrixEngine {
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  private readonly inputName: string;
  private readonly outputName: string;
  private readonly fetches: string[];

  constructor(private readonly session: ort.InferenceSession) {
    this.inputs = onnxSpecs(session.inputMetadata);
    this.outputs = onnxSpecs(session.outputMetadata);
    const [input] = this.inputs;
    const [output] = this.outputs;
    if (this.inputs.length !== 1 || !input || input.datatype !== 'FP32') {
      throw new PlatformError('corrupt', 'the model must have one float32 input');
    }
    if (output?.datatype !== 'FP32') throw new PlatformError('corrupt', 'the model must have a float32 output');
    this.inputName = input.name;
    this.outputName = output.name;
    this.fetches = [output.name];
  }

  async run(input: Float32Array, rows: number, width: number): Promise<Float32Array> {
    const feed = new ort.Tensor('float32', input.subarray(0, rows * width), [rows, width]);
    const results = await this.session.run({ [this.inputName]: feed }, this.fetches);
    return (results[this.outputName] as ort.Tensor).data as Float32Array;
  }

  async close(): Promise<void> {
    await this.session.release();
  }
}

export const onnxRuntime: Runtime = {
  platform: 'onnxruntime_onnx',
  needs: [MODEL_FILE],
  async load(files) {
    try {
      const session = await ort.InferenceSession.create(files.get(MODEL_FILE) as Uint8Array, {
        intraOpNumThreads: 1,
        interOpNumThreads: 1,
        executionMode: 'sequential',
        graphOptimizationLevel: 'all',
        logSeverityLevel: 3,
      });
      return new OnnxEngine(session);
    } catch (cause) {
      if (cause instanceof PlatformError) throw cause;
      throw new PlatformError('corrupt', 'ONNX Runtime cannot load the model', { cause });
    }
  },
};
