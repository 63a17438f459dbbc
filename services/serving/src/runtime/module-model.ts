// What a plain JavaScript or TypeScript model exports, and how it becomes a TensorEngine. The module's default export
// is a factory `(model: ModuleFacts) => ModuleModel | Promise<ModuleModel>`; everything it sees and gives is plain
// data, so that a model folder needs no dependency on Millrace. docs/adding-a-runtime.md shows one.

import { PlatformError } from '@millrace/domain';
import { isDatatype, type Parameters, Tensor, type TensorSpec, type TypedValues } from '@millrace/inference';
import type { EngineCall, ModelSource, SequenceStep, TensorEngine } from './tensor-engine.js';

/** What the factory is told. */
export interface ModuleFacts {
  name: string;
  version: number;
  /** Absolute folder of the version, for files beside the module. */
  folder: string;
  parameters: Readonly<Record<string, string>>;
  /** Whether dimension 0 of every tensor counts rows. */
  batched: boolean;
}

/** An input as the module sees it. */
export interface ModuleTensor {
  name: string;
  datatype: string;
  shape: readonly number[];
  /**
   * Row-major values: a typed array; numbers as Float32Array for FP16 and BF16, 0 or 1 as Uint8Array for BOOL, bigints
   * for 64-bit integers, strings for BYTES (throws invalid_argument where they are no UTF-8). A view of the request,
   * valid until the answer; must not be written to.
   */
  readonly data: TypedValues | readonly string[];
  /** BYTES elements as they came. */
  readonly bytes: readonly Uint8Array[];
}

/** An output of the module; `datatype` may be left out where it is as declared. */
export interface ModuleOutput {
  datatype?: string;
  shape: readonly number[];
  data: TypedValues | readonly (number | bigint | boolean | string | Uint8Array)[];
}

export type ModuleOutputs = Readonly<Record<string, ModuleOutput>>;

export interface ModuleCall {
  parameters: Parameters;
  sequence: SequenceStep | undefined;
  /** Outputs asked for; empty = all. */
  outputs: readonly string[];
  /** Aborted when nobody waits any more. */
  signal: AbortSignal;
}

export interface ModuleModel {
  /** Shapes without the batch dimension, as config.pbtxt's dims; -1 = any size. */
  inputs: readonly TensorSpec[];
  outputs: readonly TensorSpec[];
  run?(inputs: Readonly<Record<string, ModuleTensor>>, call: ModuleCall): ModuleOutputs | Promise<ModuleOutputs>;
  /** Decoupled models: answers as they come. */
  stream?(inputs: Readonly<Record<string, ModuleTensor>>, call: ModuleCall): AsyncIterable<ModuleOutputs>;
  close?(): void | Promise<void>;
}

class InputView implements ModuleTensor {
  constructor(private readonly tensor: Tensor) {}

  get name(): string {
    return this.tensor.name;
  }

  get datatype(): string {
    return this.tensor.datatype;
  }

  get shape(): readonly number[] {
    return this.tensor.shape;
  }

  get data(): TypedValues | readonly string[] {
    const { tensor } = this;
    if (tensor.datatype === 'BYTES') return tensor.texts();
    if (tensor.datatype !== 'FP16' && tensor.datatype !== 'BF16') return tensor.typed();
    return Float32Array.from({ length: tensor.count }, (_, i) => tensor.number(i));
  }

  get bytes(): readonly Uint8Array[] {
    return this.tensor.elements();
  }
}

function declared(source: ModelSource, kind: 'inputs' | 'outputs', specs: unknown): TensorSpec[] {
  const bad = (what: string): never => {
    throw new PlatformError('corrupt', `the module of model '${source.name}' ${what}`);
  };
  if (!Array.isArray(specs) || specs.length === 0) return bad(`declares no ${kind}`);
  return specs.map((spec: Partial<TensorSpec>) => {
    const { name, datatype, shape } = spec ?? {};
    if (typeof name !== 'string' || name === '') return bad(`declares one of its ${kind} without a name`);
    if (typeof datatype !== 'string' || !isDatatype(datatype)) return bad(`declares '${name}' of '${datatype}'`);
    if (!Array.isArray(shape) || !shape.every((size) => Number.isInteger(size) && size >= -1)) {
      return bad(`declares '${name}' with a shape that is no list of sizes`);
    }
    return { name, datatype, shape: source.batched ? [-1, ...shape] : [...shape] };
  });
}

/**
 * A module's error: `code: 'invalid_argument'` on it means that the request was wrong; anything else is the model's
 * fault.
 */
function faultOf(thrown: unknown): PlatformError {
  if (thrown instanceof PlatformError) return thrown;
  const reason = thrown instanceof Error ? thrown.message : String(thrown);
  const code =
    (thrown as { code?: unknown } | undefined)?.code === 'invalid_argument' ? 'invalid_argument' : 'internal';
  return new PlatformError(code, reason, { cause: thrown });
}

const NEVER = new AbortController().signal;

class ModuleEngine implements TensorEngine {
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  readonly stream?: TensorEngine['stream'];

  constructor(
    source: ModelSource,
    private readonly model: ModuleModel,
  ) {
    this.inputs = declared(source, 'inputs', model.inputs);
    this.outputs = declared(source, 'outputs', model.outputs);
    if (model.stream) this.stream = (inputs, call, emit, signal) => this.emitAll(inputs, call, emit, signal);
  }

  async run(inputs: readonly Tensor[], call: EngineCall): Promise<readonly Tensor[]> {
    const { model } = this;
    if (!model.run) throw new PlatformError('unimplemented', 'the model answers in streams only');
    try {
      return this.results(await model.run(views(inputs), { ...call, signal: NEVER }), inputs);
    } catch (thrown) {
      throw faultOf(thrown);
    }
  }

  private async emitAll(
    inputs: readonly Tensor[],
    call: EngineCall,
    emit: (outputs: readonly Tensor[]) => void,
    signal: AbortSignal,
  ): Promise<void> {
    try {
      const answers = (this.model.stream as NonNullable<ModuleModel['stream']>)(views(inputs), { ...call, signal });
      for await (const answer of answers) {
        if (signal.aborted) return;
        emit(this.results(answer, inputs));
      }
    } catch (thrown) {
      if (!signal.aborted) throw faultOf(thrown);
    }
  }

  private results(given: ModuleOutputs, inputs: readonly Tensor[]): Tensor[] {
    const tensors: Tensor[] = [];
    for (const { name, datatype } of this.outputs) {
      const output = given?.[name];
      if (!output) continue;
      try {
        tensors.push(Tensor.of(name, output.datatype ?? datatype, output.shape, owned(output.data, inputs)));
      } catch (cause) {
        // Not the caller's fault, whatever the tensor says of itself.
        throw new PlatformError('internal', `the model's output is none: ${PlatformError.from(cause).reason}`, {
          cause,
        });
      }
    }
    return tensors;
  }

  async close(): Promise<void> {
    await this.model.close?.();
  }
}

function views(inputs: readonly Tensor[]): Record<string, ModuleTensor> {
  const out: Record<string, ModuleTensor> = {};
  for (const tensor of inputs) out[tensor.name] = new InputView(tensor);
  return out;
}

/** An output that is a view of an input (an identity) is copied: the input's bytes may be reused after the answer. */
function owned<T extends ModuleOutput['data']>(data: T, inputs: readonly Tensor[]): T {
  if (!ArrayBuffer.isView(data)) return data;
  const shared = inputs.some((tensor) => tensor.rawBytes().buffer === data.buffer);
  return shared ? ((data as unknown as Float32Array).slice() as unknown as T) : data;
}

/** `exported`: what the module file exports by default. Throws corrupt where it is no model. */
export async function moduleEngine(source: ModelSource, exported: unknown): Promise<TensorEngine> {
  if (typeof exported !== 'function') {
    throw new PlatformError('corrupt', `the module of model '${source.name}' has no default export that is a function`);
  }
  const { name, version, folder, parameters, batched } = source;
  let model: ModuleModel;
  try {
    model = await (exported as (facts: ModuleFacts) => ModuleModel | Promise<ModuleModel>)({
      name,
      version,
      folder,
      parameters,
      batched,
    });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new PlatformError('corrupt', `the module of model '${name}' cannot start: ${reason}`, { cause });
  }
  if (typeof model?.run !== 'function' && typeof model?.stream !== 'function') {
    throw new PlatformError('corrupt', `the module of model '${name}' has neither run nor stream`);
  }
  return new ModuleEngine(source, model);
}
