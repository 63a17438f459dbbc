// What a configuration puts between requests and an engine: tensors reshaped (Triton's `reshape`), control tensors that
// say where a request stands in its sequence, and states, outputs of one request of a sequence that are inputs of the
// next. The engine behind it may be a pool of processes: states are kept here, so that any of them can take the next
// request.

import { PlatformError } from '@millrace/domain';
import { ELEMENT_BYTES, Tensor, type TensorSpec } from '@millrace/inference';
import type { Adaptation, ModelSpec } from '../declaration/model-spec.js';
import type { EngineCall, SequenceStep, TensorEngine } from './tensor-engine.js';

/** The engine itself where nothing is to be adapted. */
export function adaptedEngine(spec: ModelSpec, engine: TensorEngine): TensorEngine {
  return spec.adaptation ? new AdaptedEngine(spec, spec.adaptation, engine) : engine;
}

class AdaptedEngine implements TensorEngine {
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  readonly stream?: TensorEngine['stream'];
  private readonly batched: boolean;
  /** Input or output name → dims as clients see them. */
  private readonly dims: ReadonlyMap<string, readonly number[]>;
  /** By sequence, in the order of their last request; at the bound the oldest is forgotten. */
  private readonly states = new Map<string, readonly Tensor[]>();

  constructor(
    private readonly spec: ModelSpec,
    private readonly adaptation: Adaptation,
    private readonly engine: TensorEngine,
  ) {
    this.batched = spec.maxBatchSize > 0;
    const full = ({ name, datatype, shape }: TensorSpec) => ({
      name,
      datatype,
      shape: this.batched ? [-1, ...shape] : shape,
    });
    this.inputs = spec.inputs.map(full);
    this.outputs = spec.outputs.map(full);
    this.dims = new Map([...spec.inputs, ...spec.outputs].map(({ name, shape }) => [name, shape]));
    const { stream } = engine;
    if (stream) {
      this.stream = (inputs, call, emit, signal) =>
        stream.call(
          engine,
          this.toEngine(inputs, call),
          this.wanted(call),
          (outputs) => emit(this.fromEngine(outputs, call)),
          signal,
        );
    }
  }

  async run(inputs: readonly Tensor[], call: EngineCall): Promise<readonly Tensor[]> {
    return this.fromEngine(await this.engine.run(this.toEngine(inputs, call), this.wanted(call)), call);
  }

  async each(work: (instance: TensorEngine) => Promise<void>): Promise<void> {
    const { engine, spec, adaptation } = this;
    if (!engine.each) return work(this);
    return engine.each((instance) => work(new AdaptedEngine(spec, adaptation, instance)));
  }

  /** States are needed whatever the caller asked for. */
  private wanted(call: EngineCall): EngineCall {
    const { states } = this.adaptation;
    if (call.outputs.length === 0 || states.length === 0) return call;
    return { ...call, outputs: [...call.outputs, ...states.map(({ output }) => output)] };
  }

  private toEngine(inputs: readonly Tensor[], { sequence }: EngineCall): Tensor[] {
    const { reshapes, controls, states } = this.adaptation;
    const rows = this.batched ? (inputs[0]?.shape[0] ?? 1) : 1;
    const front = this.batched ? [rows] : [];
    const given = inputs.map((tensor) => this.reshaped(tensor, reshapes[tensor.name], rows));
    if (controls.length === 0 && states.length === 0) return given;
    const step = needed(sequence, this.spec.name);
    for (const { input, kind, datatype, off, on } of controls) {
      const value = kind === 'id' ? idValue(step.id, datatype) : isOn(kind, step) ? on : off;
      const values = new Array(rows).fill(datatype === 'BOOL' ? value !== 0 : value);
      given.push(Tensor.of(input, datatype, this.batched ? [rows, 1] : [1], values));
    }
    const kept = step.start ? undefined : this.states.get(step.id);
    for (const [i, { input, datatype, dims }] of states.entries()) {
      const state = kept?.[i];
      if (state) given.push(renamed(state, input));
      else given.push(zeros(input, datatype, [...front, ...dims]));
    }
    return given;
  }

  private fromEngine(outputs: readonly Tensor[], { sequence }: EngineCall): Tensor[] {
    const { reshapes, states } = this.adaptation;
    if (states.length > 0 && sequence) this.keep(sequence, outputs);
    return outputs
      .filter(({ name }) => !states.some(({ output }) => output === name))
      .map((tensor) => {
        if (!reshapes[tensor.name]) return tensor;
        const rows = this.batched ? (tensor.shape[0] ?? 1) : 1;
        return this.reshaped(tensor, this.dims.get(tensor.name), rows);
      });
  }

  private keep({ id, end }: SequenceStep, outputs: readonly Tensor[]): void {
    this.states.delete(id);
    if (end) return;
    const next = this.adaptation.states.map(({ output }) => {
      const found = outputs.find(({ name }) => name === output);
      if (!found) throw new PlatformError('internal', `the model gave no state '${output}'`);
      return Tensor.raw(output, found.datatype, found.shape, new Uint8Array(found.rawBytes()));
    });
    this.states.set(id, next);
    const limit = this.spec.sequences?.maxSequences ?? 1;
    if (this.states.size > limit) this.states.delete(this.states.keys().next().value as string);
  }

  /** `to` without the batch dimension; its one open size follows from the number of elements. */
  private reshaped(tensor: Tensor, to: readonly number[] | undefined, rows: number): Tensor {
    if (!to) return tensor;
    const known = to.reduce((count, size) => count * (size === -1 ? 1 : size), 1) * rows;
    const open = known === 0 ? 0 : tensor.count / known;
    const dims = to.map((size) => (size === -1 ? open : size));
    const bytes = tensor.rawBytes();
    return Tensor.raw(tensor.name, tensor.datatype, this.batched ? [rows, ...dims] : dims, bytes);
  }

  get failure(): string {
    return this.engine.failure ?? '';
  }

  forget(sequenceId: string): void {
    this.states.delete(sequenceId);
    this.engine.forget?.(sequenceId);
  }

  async close(): Promise<void> {
    this.states.clear();
    await this.engine.close();
  }
}

function needed(sequence: SequenceStep | undefined, model: string): SequenceStep {
  if (sequence) return sequence;
  throw new PlatformError('invalid_argument', `model '${model}' keeps sequences: the request needs a sequence_id`);
}

function isOn(kind: 'start' | 'ready' | 'end', step: SequenceStep): boolean {
  return kind === 'ready' || (kind === 'start' ? step.start : step.end);
}

function idValue(id: string, datatype: TensorSpec['datatype']): string | bigint {
  if (datatype === 'BYTES') return id;
  if (/^\d{1,20}$/.test(id)) return BigInt(id);
  throw new PlatformError(
    'invalid_argument',
    `sequence_id '${id.slice(0, 64)}' is no number, the model takes ${datatype}`,
  );
}

function renamed(tensor: Tensor, name: string): Tensor {
  return Tensor.raw(name, tensor.datatype, tensor.shape, tensor.rawBytes());
}

function zeros(name: string, datatype: TensorSpec['datatype'], shape: readonly number[]): Tensor {
  const count = shape.reduce((product, size) => product * size, 1);
  return Tensor.raw(name, datatype, shape, new Uint8Array(count * (ELEMENT_BYTES[datatype] || 4)));
}
