// Any ONNX file behind TensorRuntime: its declared inputs and outputs, every V2 datatype that ONNX Runtime's Node
// binding knows (BF16 and 4-bit integers it does not), any rank, symbolic dimensions as -1. Weights beside the file
// (external data) are found, because the session is made from the path.
//
// The binding's run() computes inside setImmediate on the calling thread (onnxruntime-node 1.30, dist/backend.js;
// upstream issue onnxruntime#26968): a model holds the event loop for as long as it computes. placement.ts decides by
// measurement which models may stay in the process that speaks the wire.

import { PlatformError } from '@millrace/domain';
import { type Datatype, Tensor, type TensorSpec, type TypedValues } from '@millrace/inference';
import { logger } from '@millrace/telemetry';
import * as ort from 'onnxruntime-node';
import { inVersion, modelFileOf } from './model-files.fs.js';
import type { EngineCall, ModelSource, TensorEngine, TensorRuntime } from './tensor-engine.js';

const log = logger('onnx');

type OrtType = Exclude<ort.Tensor.Type, 'uint4' | 'int4'>;

const V2_DATATYPE: Readonly<Record<OrtType, Datatype>> = {
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

const ORT_TYPE = Object.fromEntries(
  Object.entries(V2_DATATYPE).map(([type, datatype]) => [datatype, type]),
) as Readonly<Partial<Record<Datatype, OrtType>>>;

/** The binding asks for tensors by keys of an object, in which this one means something else. */
const NO_KEY = '__proto__';

/** Declared tensors; throws unimplemented naming one of a kind, or a name, that V2 or the binding does not have. */
export function onnxSpecs(metadata: readonly ort.InferenceSession.ValueMetadata[]): TensorSpec[] {
  return metadata.map((value) => {
    if (value.name === NO_KEY)
      throw new PlatformError(
        'unimplemented',
        `a tensor is called '${NO_KEY}', which ONNX Runtime's Node binding cannot be asked for: export the model with another name`,
      );
    if (!value.isTensor) {
      throw new PlatformError('unimplemented', `'${value.name}' is a sequence or map; only tensors can be served`);
    }
    const datatype = V2_DATATYPE[value.type as OrtType];
    if (!datatype) throw new PlatformError('unimplemented', `'${value.name}' is of ${value.type}, which V2 has not`);
    return { name: value.name, datatype, shape: value.shape.map((size) => (typeof size === 'number' ? size : -1)) };
  });
}

/** The binding takes FP16 as Float16Array where this JavaScript has one, else as its bits. */
const Half = (
  globalThis as { Float16Array?: new (buffer: ArrayBufferLike, at: number, length: number) => ArrayBufferView }
).Float16Array;

function toOrt(tensor: Tensor): ort.Tensor {
  const type = ORT_TYPE[tensor.datatype];
  if (!type) {
    throw new PlatformError(
      'unimplemented',
      `input '${tensor.name}' is of ${tensor.datatype}, which ONNX Runtime's Node binding cannot take`,
    );
  }
  if (type === 'string') {
    // A string tensor of ONNX holds texts: bytes that are no UTF-8 are refused by texts(), and the binding would
    // silently cut a text at a zero byte.
    const texts = tensor.texts();
    if (texts.some((text) => text.includes('\0'))) {
      throw new PlatformError('invalid_argument', `input '${tensor.name}' has a text with a zero byte`);
    }
    return new ort.Tensor('string', texts as string[], tensor.shape);
  }
  let data: ArrayBufferView = tensor.typed();
  if (type === 'float16' && Half) data = new Half(data.buffer, data.byteOffset, tensor.count);
  return new ort.Tensor(type, data as never, tensor.shape);
}

function fromOrt(name: string, value: ort.Tensor): Tensor {
  const datatype = V2_DATATYPE[value.type as OrtType];
  if (!datatype) throw new PlatformError('unimplemented', `output '${name}' is of ${value.type}, which V2 has not`);
  if (datatype === 'BYTES') return Tensor.of(name, datatype, value.dims, value.data as string[]);
  if (datatype === 'BOOL') {
    const bytes = value.data as Uint8Array;
    return Tensor.raw(name, datatype, value.dims, new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length));
  }
  let data = value.data as ArrayBufferView;
  if (datatype === 'FP16') data = new Uint16Array(data.buffer, data.byteOffset, data.byteLength / 2);
  return Tensor.of(name, datatype, value.dims, data as TypedValues);
}

/**
 * Outputs that can be served. Sequences and maps (scikit-learn's ZipMap) are left out and never fetched: the file's
 * other outputs are worth serving. Throws unimplemented where none is left.
 */
function servedOutputs(metadata: readonly ort.InferenceSession.ValueMetadata[], model: string): TensorSpec[] {
  const tensors = metadata.filter(({ isTensor }) => isTensor);
  const others = metadata.filter(({ isTensor }) => !isTensor).map(({ name }) => name);
  if (tensors.length === 0) {
    const names = others.map((name) => `'${name}'`).join(', ');
    throw new PlatformError('unimplemented', `no output is a tensor: ${names} are sequences or maps`);
  }
  if (others.length > 0) {
    log.info('outputs left out: sequences and maps are not served', { model, outputs: others.join(', ') });
  }
  return onnxSpecs(tensors);
}

/** Faults of the request that only ONNX Runtime sees, by its words: wrong sizes, ranks, types, names. */
const OF_THE_REQUEST =
  /invalid dimensions|invalid rank|unexpected input data type|is missing in 'feeds'|invalid input name/i;

class OnnxTensorEngine implements TensorEngine {
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  private readonly all: readonly string[];

  constructor(
    private readonly session: ort.InferenceSession,
    model: string,
  ) {
    this.inputs = onnxSpecs(session.inputMetadata);
    this.outputs = servedOutputs(session.outputMetadata, model);
    this.all = this.outputs.map(({ name }) => name);
  }

  async run(inputs: readonly Tensor[], call: EngineCall): Promise<readonly Tensor[]> {
    const feeds: Record<string, ort.Tensor> = {};
    for (const tensor of inputs) feeds[tensor.name] = toOrt(tensor);
    const fetches = call.outputs.length === 0 ? this.all : call.outputs;
    let results: ort.InferenceSession.OnnxValueMapType;
    try {
      results = await this.session.run(feeds, fetches);
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new PlatformError(OF_THE_REQUEST.test(reason) ? 'invalid_argument' : 'internal', reason, { cause });
    }
    return fetches.map((name) => fromOrt(name, results[name] as ort.Tensor));
  }

  async close(): Promise<void> {
    await this.session.release();
  }
}

function threads(source: ModelSource, key: string): number {
  const text = source.parameters[key];
  if (text === undefined) return 1;
  const count = Number(text);
  // 0 = as many as ONNX Runtime finds cores, as its own setting means it.
  if (Number.isInteger(count) && count >= 0 && count <= 256) return count;
  throw new PlatformError('corrupt', `parameter '${key}' of model '${source.name}' is '${text}', expected 0 to 256`);
}

function sessionOptions(source: ModelSource): ort.InferenceSession.SessionOptions {
  return {
    // One thread unless the configuration says more: the other core belongs to the other services. The names are those
    // of Triton's ONNX Runtime backend.
    intraOpNumThreads: threads(source, 'intra_op_thread_count'),
    interOpNumThreads: threads(source, 'inter_op_thread_count'),
    executionMode: source.parameters.execution_mode === '1' ? 'parallel' : 'sequential',
    graphOptimizationLevel: 'all',
    logSeverityLevel: 3,
    // Engine processes see one GPU (CUDA_VISIBLE_DEVICES), so it is always device 0.
    ...(source.gpu === undefined ? {} : { executionProviders: [{ name: 'cuda', deviceId: 0 }, 'cpu'] }),
  };
}

export const onnxTensorRuntime: TensorRuntime = {
  platform: 'onnxruntime_onnx',
  backends: ['onnxruntime'],
  defaultFile: 'model.onnx',
  mayStayInside: true,
  declaresBatch: true,
  async load(source) {
    const path = inVersion(source, modelFileOf(source, 'model.onnx'));
    if (source.gpu !== undefined && !ort.listSupportedBackends().some(({ name }) => name === 'cuda')) {
      throw new PlatformError(
        'unavailable',
        `model '${source.name}' asks for GPU ${source.gpu}, but this onnxruntime-node has no CUDA provider; use KIND_CPU`,
      );
    }
    try {
      return new OnnxTensorEngine(await ort.InferenceSession.create(path, sessionOptions(source)), source.name);
    } catch (cause) {
      if (cause instanceof PlatformError) throw cause;
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new PlatformError('corrupt', `ONNX Runtime cannot load '${path}': ${reason}`, { cause });
    }
  },
};
