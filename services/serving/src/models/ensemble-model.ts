// An ensemble answers by asking other models: each step runs as soon as its tensors are there, steps that do not need
// each other at the same time. Tensors go from answer to request as they are, under another name. Its steps batch in
// their own models with everybody else's requests. The first fault ends the request; steps still under way are
// cancelled.

import { type Clock, PlatformError } from '@millrace/domain';
import {
  classify,
  type InferRequest,
  type InferResponse,
  type ModelMetadata,
  NO_PARAMETERS,
  type RequestedOutput,
  type Tensor,
  VersionStatistics,
} from '@millrace/inference';
import type { ModelSpec } from '../declaration/model-spec.js';
import { DRAIN_MAX_MS, drainWithin } from './drain-within.js';
import { checkModels, DEPTH_MAX, type EnsembleGraph, ensembleGraph, type GraphStep } from './ensemble-graph.js';
import type { Answer, CallFacts } from './infer-job.js';
import type { InFlight, ServedModel } from './served-model.js';
import { fullShape, TensorRequestReader, type WantedOutput } from './tensor-request.js';
import { warmUpInputs } from './warm-up.js';

export interface EnsemblePorts {
  clock: Clock;
  /** The model that answers now; '' = its newest ready version. Throws not_found or unavailable. */
  find(model: string, version: string): ServedModel;
  /** Requests under way at the same time; more are refused. */
  requestsMax: number;
  /** How long `close` waits for what is open before it refuses it; 30 s where it is left out. */
  drainMaxMs?: number | undefined;
  /** Runs a function once after a delay; the returned function takes it back. */
  after(delayMs: number, work: () => void): () => void;
}

/** Checks graph and models; throws invalid_argument with the reason, or what `find` throws. */
export function createEnsembleModel(spec: ModelSpec, version: number, ports: EnsemblePorts): ServedModel {
  const graph = ensembleGraph(spec);
  checkModels(spec, (model, wanted) => ports.find(model, wanted).spec);
  return new EnsembleModel(spec, version, graph, ports);
}

class EnsembleModel implements ServedModel {
  readonly name: string;
  readonly metadata: Omit<ModelMetadata, 'versions'>;
  readonly statistics = new VersionStatistics();
  private readonly reader: TensorRequestReader;
  private readonly labels: ReadonlyMap<string, readonly string[]>;
  private readonly runs = new Set<EnsembleRun>();
  private idle: (() => void)[] = [];

  constructor(
    readonly spec: ModelSpec,
    readonly version: number,
    readonly graph: EnsembleGraph,
    readonly ports: EnsemblePorts,
  ) {
    this.name = spec.name;
    const tensors = (declared: ModelSpec['inputs'] | ModelSpec['outputs']) =>
      declared.map(({ name, datatype, shape }) => ({ name, datatype, shape: fullShape(spec, shape) }));
    this.metadata = {
      name: spec.name,
      platform: spec.platform,
      inputs: tensors(spec.inputs),
      outputs: tensors(spec.outputs),
    };
    this.reader = new TensorRequestReader(spec);
    this.labels = new Map(spec.outputs.map(({ name, labels }) => [name, labels]));
  }

  /** Requests wait in the queues of the steps' models. */
  get waiting(): number {
    return 0;
  }

  submit(request: InferRequest, facts: CallFacts, answer: Answer): InFlight {
    try {
      const { inputs, rows } = this.reader.read(request);
      const wanted = this.reader.wanted(request.outputs);
      const { requestsMax } = this.ports;
      if (this.runs.size >= requestsMax) {
        throw new PlatformError('overloaded', `${this.runs.size} requests of ensemble '${this.name}' are under way`, {
          facts: { requestsMax },
        });
      }
      const depth = (facts.depth ?? 0) + 1;
      if (depth > DEPTH_MAX) {
        throw new PlatformError('invalid_argument', `ensembles are nested more than ${DEPTH_MAX} deep`);
      }
      const run = new EnsembleRun(this, request, { ...facts, version: 0, depth }, wanted, rows, answer);
      run.start(inputs);
      this.runs.add(run);
      return run;
    } catch (thrown) {
      const error = PlatformError.from(thrown);
      this.statistics.failed(this.since(facts.arrivedAtMs), error.code === 'overloaded' ? 'REJECTED' : 'OTHER');
      throw error;
    }
  }

  private since(ms: number): number {
    return this.ports.clock.monotonicMs() - ms;
  }

  /** Called once for every run that `submit` took. */
  ended(run: EnsembleRun, outcome: 'answered' | 'cancelled' | PlatformError): void {
    const { statistics } = this;
    const { arrivedAtMs } = run.facts;
    const ms = this.since(arrivedAtMs);
    if (outcome === 'answered') {
      const computeMs = this.since(run.startedAtMs);
      statistics.succeeded(this.ports.clock.nowMs(), ms, run.startedAtMs - arrivedAtMs);
      statistics.batch(run.rows, 1, 0, computeMs, 0);
    } else if (outcome === 'cancelled') statistics.failed(ms, 'CANCELED');
    else {
      const rejected = outcome.code === 'overloaded' || outcome.code === 'deadline_exceeded';
      statistics.failed(ms, rejected ? 'REJECTED' : 'BACKEND');
    }
    this.runs.delete(run);
    if (this.runs.size === 0) for (const resolve of this.idle.splice(0)) resolve();
  }

  response(id: string, tensorOf: (slot: number) => Tensor, wanted: readonly WantedOutput[]): InferResponse {
    const all = wanted.length === 0 ? this.spec.outputs.map(({ name }) => ({ name, classes: 0 })) : wanted;
    const outputs = all.map(({ name, classes }) => {
      const tensor = tensorOf(this.graph.outputSlots.get(name) as number).named(name);
      return classes > 0 ? classify(tensor, classes, this.spec.maxBatchSize > 0, this.labels.get(name)) : tensor;
    });
    return {
      modelName: this.name,
      modelVersion: String(this.version),
      id,
      parameters: NO_PARAMETERS,
      outputs,
    };
  }

  async warmUp(): Promise<void> {
    for (const sample of this.spec.warmUp) {
      for (let i = 0; i < Math.max(1, sample.count); i++) await this.warmUpOnce(warmUpInputs(sample, this.spec));
    }
  }

  private warmUpOnce(inputs: readonly Tensor[]): Promise<void> {
    const request = {
      modelName: this.name,
      modelVersion: '',
      id: '',
      parameters: NO_PARAMETERS,
      inputs,
      outputs: [],
    };
    const arrivedAtMs = this.ports.clock.monotonicMs();
    const facts = { version: 0, entity: '', traceparent: '', arrivedAtMs, deadlineAtMs: Number.POSITIVE_INFINITY };
    return new Promise((resolve, reject) => {
      this.submit(request, facts, (error) => (error ? reject(error) : resolve()));
    });
  }

  async drained(): Promise<void> {
    if (this.runs.size > 0) await new Promise<void>((resolve) => this.idle.push(resolve));
  }

  async close(): Promise<void> {
    if (this.runs.size === 0) return;
    const { drainMaxMs = DRAIN_MAX_MS, after } = this.ports;
    const refuseOpen = (error: PlatformError): void => {
      for (const run of [...this.runs]) run.fail(error);
    };
    await drainWithin(this.drained(), this.name, { drainMaxMs, after, refuseOpen });
  }
}

/** One request on its way through the graph. */
class EnsembleRun implements InFlight {
  readonly startedAtMs: number;
  private readonly tensors: (Tensor | undefined)[];
  /** By step: slots it still waits for. */
  private readonly missing: number[];
  private readonly inFlight = new Map<number, InFlight>();
  private left: number;
  private onAnswer: Answer | undefined;

  constructor(
    private readonly model: EnsembleModel,
    private readonly request: InferRequest,
    readonly facts: CallFacts,
    private readonly wanted: readonly WantedOutput[],
    readonly rows: number,
    answer: Answer,
  ) {
    const { graph, ports } = model;
    this.startedAtMs = ports.clock.monotonicMs();
    this.tensors = new Array<Tensor | undefined>(graph.slots);
    this.missing = graph.steps.map(({ inputs }) => new Set(inputs.map(({ slot }) => slot)).size);
    this.left = graph.steps.length;
    this.onAnswer = answer;
  }

  /** Throws what the first steps' models throw; nothing is under way then. */
  start(inputs: readonly Tensor[]): void {
    try {
      for (const tensor of inputs) this.put(this.model.graph.inputSlots.get(tensor.name) as number, tensor);
    } catch (thrown) {
      this.letGo();
      throw thrown;
    }
  }

  cancel(): void {
    if (!this.onAnswer) return;
    this.letGo();
    this.model.ended(this, 'cancelled');
  }

  private put(slot: number, tensor: Tensor): void {
    this.tensors[slot] = tensor;
    for (const step of this.model.graph.consumers[slot] ?? []) {
      this.missing[step]! -= 1;
      if (this.missing[step] === 0) this.ask(step);
    }
  }

  private ask(index: number): void {
    const step = this.model.graph.steps[index] as GraphStep;
    const request: InferRequest = {
      modelName: step.model,
      modelVersion: step.version,
      id: this.request.id,
      parameters: this.request.parameters,
      inputs: step.inputs.map(({ name, slot }) => (this.tensors[slot] as Tensor).named(name)),
      outputs: step.outputs.map(({ name }): RequestedOutput => ({ name, parameters: NO_PARAMETERS })),
    };
    try {
      const submitted = this.model.ports
        .find(step.model, step.version)
        .submit(request, this.facts, (error, response) => this.answered(index, step, error, response));
      this.inFlight.set(index, submitted);
    } catch (thrown) {
      throw this.fault(step, PlatformError.from(thrown));
    }
  }

  private answered(
    index: number,
    step: GraphStep,
    error: PlatformError | undefined,
    response: InferResponse | undefined,
  ): void {
    if (!this.onAnswer) return;
    this.inFlight.delete(index);
    try {
      if (error) throw this.fault(step, error);
      for (const { name, slot } of step.outputs) {
        const tensor = response?.outputs.find((output) => output.name === name);
        if (!tensor) throw this.fault(step, new PlatformError('internal', `it gave no output '${name}'`));
        this.put(slot, tensor);
      }
    } catch (thrown) {
      this.fail(PlatformError.from(thrown));
      return;
    }
    this.left--;
    if (this.left > 0) return;
    const { onAnswer } = this;
    const built = this.build();
    this.onAnswer = undefined;
    if (built instanceof PlatformError) {
      onAnswer(built, undefined, true);
      this.model.ended(this, built);
    } else {
      onAnswer(undefined, built, true);
      this.model.ended(this, 'answered');
    }
  }

  private build(): InferResponse | PlatformError {
    try {
      return this.model.response(this.request.id, (slot) => this.tensors[slot] as Tensor, this.wanted);
    } catch (thrown) {
      return PlatformError.from(thrown);
    }
  }

  private fault(step: GraphStep, cause: PlatformError): PlatformError {
    const reason = `ensemble '${this.model.name}', model '${step.model}': ${cause.reason}`;
    return new PlatformError(cause.code, reason, { cause, retry: cause.retry });
  }

  fail(error: PlatformError): void {
    const { onAnswer } = this;
    if (!onAnswer) return;
    this.letGo();
    onAnswer(error, undefined, true);
    this.model.ended(this, error);
  }

  private letGo(): void {
    this.onAnswer = undefined;
    for (const submitted of this.inFlight.values()) submitted.cancel();
    this.inFlight.clear();
    this.tensors.length = 0;
  }
}
