// ONNX Runtime behind the Runtime interface. One thread inside the engine: the models are small, batches come one after the
// other, and the second core belongs to the other services.

import { PlatformError } from '@millrace/domain';
import { type Datatype, isDatatype, type TensorSpec } from '@millrace/inference';
import * as ort from 'onnxruntime-node';
import type { MatrixEngine, Runtime } from './runtime.js';

const MODEL_FILE = 'model.onnx';

const DATATYPE_OF: Readonly<Record<string, Datatype>> = {
  float32: 'FP32',
  float64: 'FP64',
  float16: 'FP16',
  int8: 'INT8',
  int16: 'INT16',
  int32: 'INT32',
  int64: 'INT64',
  uint8: 'UINT8',
  uint16: 'UINT16',
  uint32: 'UINT32',
  uint64: 'UINT64',
  bool: 'BOOL',
  string: 'BYTES',
};

function specs(metadata: readonly ort.InferenceSession.ValueMetadata[]): TensorSpec[] {
  return metadata.map((value) => {
    if (!value.isTensor) throw new PlatformError('unimplemented', `'${value.name}' is no tensor`);
    const datatype = DATATYPE_OF[value.type] ?? '';
    if (!isDatatype(datatype)) throw new PlatformError('unimplemented', `'${value.name}' is of ${value.type}`);
    return { name: value.name, datatype, shape: value.shape.map((size) => (typeof size === 'number' ? size : -1)) };
  });
}

class OnnxEngine implements MatrixEngine {
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  private readonly inputName: string;
  private readonly outputName: string;
  private readonly fetches: string[];

  constructor(private readonly session: ort.InferenceSession) {
    this.inputs = specs(session.inputMetadata);
    this.outputs = specs(session.outputMetadata);
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
