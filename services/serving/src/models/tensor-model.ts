// A model with named tensors that answers: request checked against its configuration → queue → engine → each caller's own
// rows and requested outputs. Where the model batches, rows of several requests go through the engine together; when that
// fails, each request runs alone once, so that a bad neighbour harms nobody. Requests of sequences and of decoupled models
// always run alone. Nothing here knows the wire, files or where the engine runs.

import { type Clock, PlatformError } from '@millrace/domain';
import {
  type InferRequest,
  type InferResponse,
  integerParameter,
  type ModelMetadata,
  NO_PARAMETERS,
  type Parameters,
  type Tensor,
  VersionStatistics,
} from '@millrace/inference';
import { AnswerOrder } from '../batching/answer-order.js';
import { DynamicBatcher } from '../batching/dynamic-batcher.js';
import { joinRows } from '../batching/rows.js';
import { SequenceTable } from '../batching/sequences.js';
import { type CachePorts, ModelCache } from '../cache/model-cache.js';
import type { Answer, CallFacts } from '../predict/infer-job.js';
import type { EngineCall, SequenceStep, TensorEngine } from '../runtime/tensor-engine.js';
import type { ModelSpec, QueuePolicy } from './model-spec.js';
import type { ServedModel } from './served-model.js';
import { AnswerBuilder } from './tensor-answer.js';
import { type QueueTerms, TensorJob, type TensorJobOwner } from './tensor-job.js';
import { fullShape, sequenceOf, TensorRequestReader } from './tensor-request.js';
import { warmUpInputs } from './warm-up.js';

export interface TensorModelLimits {
  /** Requests that may wait. */
  queueJobsMax: number;
  queueRowsMax: number;
  /** Of the waiting requests' tensors. */
  queueBytesMax: number;
  /** Batches in the engine at the same time: the number of its instances. */
  concurrency: number;
}

export interface TensorModelPorts {
  clock: Clock;
  /** Runs a function after the current turn's input was read. */
  soon(work: () => void): void;
  /** Runs a function once after a delay; the returned function takes it back. */
  after(delayMs: number, work: () => void): () => void;
  /** For models whose configuration asks for a response cache. */
  cache?: CachePorts | undefined;
}

/** Priorities a model may declare; the queue keeps one lane for each in use. */
const PRIORITY_LEVELS_MAX = 1000;
/** Where the model's configuration says nothing: wait, unless the request's `timeout` says otherwise. */
const PLAIN_POLICY: QueuePolicy = {
  timeoutAction: 'reject',
  defaultTimeoutUs: 0,
  allowTimeoutOverride: true,
  maxQueueSize: 0,
};

/** The engine itself is away: another try would meet the same. */
const NOT_THE_REQUEST: ReadonlySet<string> = new Set(['unavailable', 'deadline_exceeded', 'cancelled', 'overloaded']);

/** `engine` belongs to the model from now on: `close` closes it. Throws invalid_argument where `spec` is impossible. */
export function createTensorModel(
  spec: ModelSpec,
  version: number,
  engine: TensorEngine,
  limits: TensorModelLimits,
  ports: TensorModelPorts,
): ServedModel {
  return new TensorModel(spec, version, engine, limits, ports);
}

type SequenceTensorJob = TensorJob & { readonly sequence: SequenceStep };

class TensorModel implements ServedModel, TensorJobOwner {
  readonly name: string;
  readonly statistics = new VersionStatistics();
  readonly metadata: Omit<ModelMetadata, 'versions'>;
  private readonly reader: TensorRequestReader;
  private readonly answers: AnswerBuilder;
  private readonly batcher: DynamicBatcher<TensorJob>;
  private readonly sequences: SequenceTable<SequenceTensorJob> | undefined;
  private readonly order: AnswerOrder | undefined;
  private readonly cache: ModelCache | undefined;
  /** Accepted and not yet answered, refused or cancelled. */
  private open = 0;
  /** In the shared cache at this moment. */
  private lookups = 0;
  private whenSettled: (() => void)[] = [];

  constructor(
    readonly spec: ModelSpec,
    readonly version: number,
    private readonly engine: TensorEngine,
    private readonly limits: TensorModelLimits,
    private readonly ports: TensorModelPorts,
  ) {
    const { name, platform, batching } = spec;
    if ((batching?.priorityLevels ?? 0) > PRIORITY_LEVELS_MAX) {
      throw new PlatformError(
        'invalid_argument',
        `model '${name}' has ${batching?.priorityLevels} priority levels, at most ${PRIORITY_LEVELS_MAX} are supported`,
      );
    }
    this.name = name;
    const tensors = (declared: ModelSpec['inputs'] | ModelSpec['outputs']) =>
      declared.map((tensor) => ({
        name: tensor.name,
        datatype: tensor.datatype,
        shape: fullShape(spec, tensor.shape),
      }));
    this.metadata = { name, platform, inputs: tensors(spec.inputs), outputs: tensors(spec.outputs) };
    this.reader = new TensorRequestReader(spec);
    this.answers = new AnswerBuilder(spec, version);
    this.batcher = this.newBatcher();
    if (batching?.preserveOrdering && !spec.decoupled) this.order = new AnswerOrder(limits.queueJobsMax);
    if (spec.sequences) this.sequences = this.newSequences(spec.sequences);
    // Answers of sequences depend on what came before, decoupled ones are many.
    if (ports.cache && spec.responseCache && !spec.sequences && !spec.decoupled) {
      this.cache = new ModelCache(name, version, ports.cache);
    }
  }

  private newBatcher(): DynamicBatcher<TensorJob> {
    const { batches, limits, ports } = this;
    const { batching, maxBatchSize } = this.spec;
    return new DynamicBatcher<TensorJob>(
      {
        batchRowsMax: Math.max(1, maxBatchSize),
        batchJobsMax: batches ? Number.MAX_SAFE_INTEGER : 1,
        preferredRows: batches ? (batching?.preferredBatchSizes ?? []) : [],
        maxQueueDelayMs: (batching?.maxQueueDelayUs ?? 0) / 1000,
        queueJobsMax: limits.queueJobsMax,
        queueRowsMax: limits.queueRowsMax,
        queueBytesMax: limits.queueBytesMax,
        levelJobsMax: (level) => this.policy(level).maxQueueSize,
        concurrency: limits.concurrency,
      },
      {
        clock: ports.clock,
        soon: ports.soon,
        after: ports.after,
        run: (jobs, rows) => this.run(jobs, rows),
      },
    );
  }

  private newSequences(limits: NonNullable<ModelSpec['sequences']>): SequenceTable<SequenceTensorJob> {
    const maxIdleMs = limits.maxIdleUs > 0 ? limits.maxIdleUs / 1000 : Number.POSITIVE_INFINITY;
    return new SequenceTable<SequenceTensorJob>(
      this.name,
      { sequencesMax: limits.maxSequences, maxIdleMs },
      {
        clock: this.ports.clock,
        ready: (job) => this.batcher.submit(job),
        forgotten: (id) => this.engine.forget?.(id),
      },
    );
  }

  /** Whether requests share engine calls. */
  private get batches(): boolean {
    const { maxBatchSize, batching, sequences, decoupled } = this.spec;
    return maxBatchSize > 0 && batching !== undefined && !sequences && !decoupled;
  }

  get waiting(): number {
    return this.batcher.waiting + (this.sequences?.waiting ?? 0);
  }

  submit(request: InferRequest, facts: CallFacts, answer: Answer): TensorJob {
    let job: TensorJob | undefined;
    try {
      job = new TensorJob(
        request,
        this.reader.read(request),
        this.reader.wanted(request.outputs),
        this.spec.sequences ? this.sequenceStep(request.parameters) : undefined,
        this.terms(request.parameters),
        facts,
        answer,
        this,
      );
      if (this.order) job.slot = this.order.take();
      this.accept(job, request);
      this.open++;
      return job;
    } catch (thrown) {
      job?.slot?.drop();
      const error = PlatformError.from(thrown);
      this.statistics.failed(this.sinceArrival(facts), error.code === 'overloaded' ? 'REJECTED' : 'OTHER');
      throw error;
    }
  }

  private accept(job: TensorJob, request: InferRequest): void {
    const startMs = this.cache ? this.ports.clock.monotonicMs() : 0;
    const key = this.cache?.keyOf(request, job.inputs) ?? '';
    if (key === '') {
      this.enqueue(job);
      return;
    }
    const cache = this.cache as ModelCache;
    const found = cache.get(key);
    job.lookupMs = this.ports.clock.monotonicMs() - startMs;
    if (found) {
      this.answerSoon(job, found);
      return;
    }
    job.cacheKey = key;
    if (!cache.shared) {
      this.enqueue(job);
      return;
    }
    if (this.waiting + this.lookups >= this.limits.queueJobsMax) {
      throw new PlatformError(
        'overloaded',
        `the queue is full: ${this.waiting} requests wait, ${this.lookups} look-ups`,
      );
    }
    void this.acceptShared(job, cache, startMs);
  }

  /** Never in the turn of `submit`: doors count on that. */
  private answerSoon(job: TensorJob, outputs: readonly Tensor[]): void {
    this.ports.soon(() => {
      if (job.settled) return;
      const { clock } = this.ports;
      this.statistics.hit(clock.nowMs(), this.sinceArrival(job.facts), job.lookupMs);
      job.answer(this.answers.cached(outputs, job));
    });
  }

  private async acceptShared(job: TensorJob, cache: ModelCache, startMs: number): Promise<void> {
    this.lookups++;
    try {
      const found = await cache.getShared(job.cacheKey);
      job.lookupMs = this.ports.clock.monotonicMs() - startMs;
      if (job.settled) return;
      if (found) this.answerSoon(job, found);
      else this.enqueue(job);
    } catch (thrown) {
      job.refuse(PlatformError.from(thrown));
    } finally {
      this.lookups--;
    }
  }

  private enqueue(job: TensorJob): void {
    if (!this.sequences) {
      this.batcher.submit(job);
      return;
    }
    if (this.waiting >= this.limits.queueJobsMax) {
      throw new PlatformError('overloaded', `the queue is full: ${this.waiting} requests wait`);
    }
    this.sequences.enter(job as SequenceTensorJob);
  }

  private sequenceStep(parameters: Parameters): SequenceStep {
    const step = sequenceOf(parameters);
    if (step) return step;
    throw new PlatformError(
      'invalid_argument',
      `inference request to model '${this.name}' must specify a non-zero or non-empty sequence_id`,
    );
  }

  private sinceArrival(facts: CallFacts): number {
    return this.ports.clock.monotonicMs() - facts.arrivedAtMs;
  }

  private policy(level: number): QueuePolicy {
    const { batching } = this.spec;
    return batching ? (batching.policies.get(level) ?? batching.defaultPolicy) : PLAIN_POLICY;
  }

  /** A priority of 0 or beyond the model's levels is its default one, as in Triton. */
  private terms(parameters: Parameters): QueueTerms {
    const levels = this.spec.batching?.priorityLevels ?? 0;
    let level = 0;
    let ownUs = 0;
    if (parameters !== NO_PARAMETERS) {
      level = natural(parameters, 'priority');
      ownUs = natural(parameters, 'timeout');
    }
    if (levels === 0) level = 0;
    else if (level === 0 || level > levels) level = this.spec.batching?.defaultPriorityLevel || 1;
    const { timeoutAction, defaultTimeoutUs, allowTimeoutOverride } = this.policy(level);
    let timeoutUs = defaultTimeoutUs > 0 ? defaultTimeoutUs : Number.POSITIVE_INFINITY;
    // A request may shorten the model's time, never lengthen it.
    if (allowTimeoutOverride && ownUs > 0) timeoutUs = Math.min(timeoutUs, ownUs);
    return { level, timeoutAtMs: this.ports.clock.monotonicMs() + timeoutUs / 1000, timeoutAction };
  }

  /** Called by a job's own `cancel`. */
  cancel(job: TensorJob): void {
    this.batcher.cancel(job);
    this.statistics.failed(this.sinceArrival(job.facts), 'CANCELED');
    job.drop();
  }

  settled(job: TensorJob, error: PlatformError | undefined): void {
    if (error) {
      const reason = error.code === 'deadline_exceeded' || error.code === 'overloaded' ? 'REJECTED' : 'BACKEND';
      this.statistics.failed(this.sinceArrival(job.facts), reason);
    }
    // A step that is in the engine, also for a caller who went, keeps the next one waiting.
    if (job.sequence && !job.running) this.sequences?.left(job as SequenceTensorJob, true);
    this.open--;
    if (this.open === 0) for (const resolve of this.whenSettled.splice(0)) resolve();
  }

  private async run(jobs: readonly TensorJob[], rows: number): Promise<void> {
    if (jobs.length === 1) return this.runAlone(jobs[0] as TensorJob);
    try {
      await this.runTogether(jobs, rows);
    } catch (thrown) {
      const error = backendError(thrown);
      if (NOT_THE_REQUEST.has(error.code)) for (const job of jobs) job.refuse(error);
      else for (const job of jobs) if (!job.settled) await this.runAlone(job);
    }
  }

  private async runTogether(jobs: readonly TensorJob[], rows: number): Promise<void> {
    const { clock } = this.ports;
    const startMs = clock.monotonicMs();
    const first = jobs[0] as TensorJob;
    const inputs = first.inputs.map((tensor, i) =>
      joinRows(
        jobs.map((job) => job.inputs[i] as Tensor),
        this.reader.paddedRow(tensor),
      ),
    );
    const joinedMs = clock.monotonicMs();
    const outputs = await this.engine.run(inputs, {
      outputs: this.answers.neededBy(jobs),
      parameters: NO_PARAMETERS,
      sequence: undefined,
    });
    const inferredMs = clock.monotonicMs();
    const responses = this.answers.split(outputs, jobs);
    for (const [i, job] of jobs.entries()) this.deliver(job, responses[i] as InferResponse, startMs);
    const doneMs = clock.monotonicMs();
    this.statistics.batch(rows, jobs.length, joinedMs - startMs, inferredMs - joinedMs, doneMs - inferredMs);
  }

  private async runAlone(job: TensorJob): Promise<void> {
    let failed = false;
    job.running = true;
    try {
      await this.runOne(job);
    } catch (thrown) {
      failed = true;
      job.refuse(backendError(thrown));
    } finally {
      job.running = false;
      if (job.sequence) this.sequences?.left(job as SequenceTensorJob, failed);
    }
  }

  private async runOne(job: TensorJob): Promise<void> {
    const { clock } = this.ports;
    const { rows, sequence, parameters, paddings } = job;
    const startMs = clock.monotonicMs();
    const inputs =
      paddings.length === 0
        ? job.inputs
        : job.inputs.map((tensor) => joinRows([tensor], this.reader.paddedRow(tensor)));
    const call: EngineCall = { outputs: this.answers.neededBy([job]), parameters, sequence };
    if (this.spec.decoupled && this.engine.stream) return this.runStream(job, inputs, call);
    const joinedMs = clock.monotonicMs();
    const outputs = await this.engine.run(inputs, call);
    const inferredMs = clock.monotonicMs();
    this.deliver(job, this.answers.one(outputs, job), startMs);
    const doneMs = clock.monotonicMs();
    this.statistics.batch(rows, 1, joinedMs - startMs, inferredMs - joinedMs, doneMs - inferredMs);
  }

  /** Any number of answers, then an empty final one. */
  private async runStream(job: TensorJob, inputs: readonly Tensor[], call: EngineCall): Promise<void> {
    const { clock } = this.ports;
    const { statistics } = this;
    const startMs = clock.monotonicMs();
    job.abort = new AbortController();
    let index = 0;
    let lastMs = startMs;
    await this.engine.stream?.(
      inputs,
      call,
      (outputs) => {
        if (job.settled) return;
        const nowMs = clock.monotonicMs();
        if (index === 0) statistics.firstResponse(nowMs - job.facts.arrivedAtMs);
        job.emit(this.answers.one(outputs, job));
        const doneMs = clock.monotonicMs();
        statistics.responded(index++, 'success', nowMs - lastMs, doneMs - nowMs);
        lastMs = doneMs;
      },
      job.abort.signal,
    );
    const endMs = clock.monotonicMs();
    if (!job.settled) statistics.responded(index, 'emptyResponse', endMs - lastMs, 0);
    this.deliver(job, this.answers.empty(job), startMs);
    statistics.batch(job.rows, 1, 0, endMs - startMs, 0);
  }

  private deliver(job: TensorJob, response: InferResponse, startMs: number): void {
    if (job.settled) return;
    const { clock } = this.ports;
    const { arrivedAtMs } = job.facts;
    if (job.cacheKey !== '') this.keep(job, response);
    this.statistics.succeeded(clock.nowMs(), clock.monotonicMs() - arrivedAtMs, startMs - arrivedAtMs);
    job.answer(response);
  }

  private keep(job: TensorJob, response: InferResponse): void {
    const { clock } = this.ports;
    const startMs = clock.monotonicMs();
    this.cache?.keep(job.cacheKey, response.outputs);
    this.statistics.missed(job.lookupMs + clock.monotonicMs() - startMs);
  }

  /** The samples of the configuration; throws what the engine throws. */
  async warmUp(): Promise<void> {
    for (const sample of this.spec.warmUp) {
      const inputs = warmUpInputs(sample, this.spec);
      const call: EngineCall = { outputs: [], parameters: NO_PARAMETERS, sequence: undefined };
      for (let i = 0; i < Math.max(1, sample.count); i++) {
        if (this.spec.decoupled && this.engine.stream) {
          await this.engine.stream(inputs, call, () => {}, new AbortController().signal);
        } else await this.engine.run(inputs, call);
      }
    }
  }

  /** Nothing waits, nothing runs and nothing is being looked up. */
  async drained(): Promise<void> {
    while (this.open > 0 || this.batcher.busy) {
      await this.batcher.drained();
      if (this.open > 0) await new Promise<void>((resolve) => this.whenSettled.push(resolve));
    }
  }

  async close(): Promise<void> {
    await this.drained();
    await this.engine.close();
  }
}

function natural(parameters: Parameters, name: string): number {
  const value = integerParameter(parameters, name) ?? 0;
  if (value >= 0) return value;
  throw new PlatformError('invalid_argument', `parameter '${name}' is ${value}, expected >= 0`);
}

const REASON_CHARACTERS_MAX = 512;

/** What the engine says is passed on: users bring their own models and must see why they fail. */
function backendError(thrown: unknown): PlatformError {
  if (thrown instanceof PlatformError) return thrown;
  const reason = thrown instanceof Error ? thrown.message : String(thrown);
  return new PlatformError('internal', `the model failed: ${reason.slice(0, REASON_CHARACTERS_MAX)}`, {
    cause: thrown,
  });
}
