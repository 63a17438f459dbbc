// A model with named tensors that answers: request checked against its configuration → queue → engine → each caller's
// own rows and requested outputs. Where the model batches, rows of several requests go through the engine together;
// when that fails, each request runs alone once, so that a bad neighbour harms nobody. Requests of sequences and of
// decoupled models always run alone. Nothing here knows the wire, files or where the engine runs.

import { type Clock, PlatformError, RisingMap } from '@millrace/domain';
import {
  type InferRequest,
  type ModelMetadata,
  type Parameters,
  type Tensor,
  VersionStatistics,
} from '@millrace/inference';
import { AnswerOrder } from '../batching/answer-order.js';
import { DynamicBatcher } from '../batching/dynamic-batcher.js';
import { SequenceTable } from '../batching/sequences.js';
import { type CachePorts, ModelCache } from '../cache/model-cache.js';
import type { ModelSpec } from '../declaration/model-spec.js';
import type { SequenceStep, TensorEngine } from '../runtime/tensor-engine.js';
import { DRAIN_MAX_MS, drainWithin } from './drain-within.js';
import type { Answer, CallFacts } from './infer-job.js';
import { QueueTermsReader } from './queue-terms.js';
import type { ApartOutcome } from './run-apart.js';
import type { ServedModel } from './served-model.js';
import { AnswerBuilder } from './tensor-answer.js';
import { TensorJob, type TensorJobOwner } from './tensor-job.js';
import { fullShape, sequenceOf, TensorRequestReader } from './tensor-request.js';
import { TensorRuns } from './tensor-runs.js';
import { warmUpOf } from './warm-up.js';

export interface TensorModelLimits {
  /** Requests that may wait. */
  queueJobsMax: number;
  queueRowsMax: number;
  /** Of the waiting requests' tensors. */
  queueBytesMax: number;
  /** Batches in the engine at the same time: the number of its instances. */
  concurrency: number;
  /** How long `close` waits for what is open before it refuses it; 30 s where it is left out. */
  drainMaxMs?: number | undefined;
}

export interface TensorModelPorts {
  clock: Clock;
  /** Runs a function after the current turn's input was read. */
  soon(work: () => void): void;
  /** Runs a function once after a delay; the returned function takes it back. */
  after(delayMs: number, work: () => void): () => void;
  /** For models whose configuration asks for a response cache. */
  cache?: CachePorts | undefined;
  /** A request ran alone, because the batch that it was in failed. */
  ranApart?(model: string, outcome: ApartOutcome): void;
}

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
  private readonly terms: QueueTermsReader;
  private readonly runs: TensorRuns;
  private readonly batcher: DynamicBatcher<TensorJob>;
  private readonly sequences: SequenceTable<SequenceTensorJob> | undefined;
  private readonly order: AnswerOrder | undefined;
  private readonly cache: ModelCache | undefined;
  /** Accepted and not yet answered, refused or cancelled. */
  private readonly open = new RisingMap<TensorJob>();
  private lastNumber = 0;
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
    this.terms = new QueueTermsReader(spec, ports.clock);
    if (batching?.preserveOrdering && !spec.decoupled) this.order = new AnswerOrder(limits.queueJobsMax);
    if (spec.sequences) this.sequences = this.newSequences(spec.sequences);
    // Answers of sequences depend on what came before, decoupled ones are many.
    if (ports.cache && spec.responseCache && !spec.sequences && !spec.decoupled) {
      this.cache = new ModelCache(name, version, ports.cache);
    }
    this.runs = new TensorRuns(spec, engine, this.reader, this.answers, {
      clock: ports.clock,
      statistics: this.statistics,
      cache: this.cache,
      ranApart: (outcome) => ports.ranApart?.(name, outcome),
      left: (job, failed) => this.sequences?.left(job as SequenceTensorJob, failed),
    });
    this.batcher = this.newBatcher();
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
        levelJobsMax: (level) => this.terms.policy(level).maxQueueSize,
        concurrency: limits.concurrency,
      },
      {
        clock: ports.clock,
        soon: ports.soon,
        after: ports.after,
        run: (jobs, rows) => this.runs.run(jobs, rows),
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

  get failure(): string {
    return this.engine.failure ?? '';
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
        this.terms.read(request.parameters),
        facts,
        answer,
        this,
      );
      if (this.order) job.slot = this.order.take();
      this.accept(job, request);
      job.number = ++this.lastNumber;
      this.open.set(job.number, job);
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

  /** Never in the turn of `submit`: endpoints count on that. */
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
    this.open.delete(job.number);
    if (this.open.size === 0) for (const resolve of this.whenSettled.splice(0)) resolve();
  }

  /**
   * Warms every instance of the engine, also those that start later: the samples of the configuration, which throw what
   * the engine throws; without samples one call of zeros each, whose faults are nobody's.
   */
  async warmUp(): Promise<void> {
    const { engine, spec } = this;
    const work = warmUpOf(spec, this.ports);
    await (engine.each ? engine.each(work) : work(engine));
  }

  /** Nothing waits, nothing runs and nothing is being looked up. */
  async drained(): Promise<void> {
    while (this.open.size > 0 || this.batcher.busy) {
      await this.batcher.drained();
      if (this.open.size > 0) await new Promise<void>((resolve) => this.whenSettled.push(resolve));
    }
  }

  async close(): Promise<void> {
    const { limits, ports } = this;
    if (this.open.size > 0 || this.batcher.busy) {
      await drainWithin(this.drained(), this.name, {
        drainMaxMs: limits.drainMaxMs ?? DRAIN_MAX_MS,
        after: ports.after,
        refuseOpen: (error) => this.refuseOpen(error),
      });
    }
    await this.engine.close();
  }

  /** In the order they came: a step of a sequence that the one before it sends to the queue is met after that one. */
  private refuseOpen(error: PlatformError): void {
    for (const job of this.open.values()) {
      job.abort?.abort();
      job.refuse(error);
      if (job.queue.in) this.batcher.cancel(job);
    }
  }
}
