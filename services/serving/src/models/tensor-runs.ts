// Batches of a tensor model through its engine: rows joined, run, split, delivered. A batch that fails is run again
// request by request, once, unless the engine itself is away. Requests of sequences and of decoupled models come alone.

import type { Clock, PlatformError } from '@millrace/domain';
import type { InferResponse, ResponseOutcome, Tensor, VersionStatistics } from '@millrace/inference';
import { joinRows } from '../batching/rows.js';
import type { ModelCache } from '../cache/model-cache.js';
import { ownParameters } from '../cache/own-parameters.js';
import type { ModelSpec } from '../declaration/model-spec.js';
import type { EngineCall, TensorEngine } from '../runtime/tensor-engine.js';
import { backendError } from './backend-error.js';
import { type ApartOutcome, runApart } from './run-apart.js';
import type { AnswerBuilder } from './tensor-answer.js';
import type { TensorJob } from './tensor-job.js';
import type { TensorRequestReader } from './tensor-request.js';

export interface TensorRunsPorts {
  clock: Clock;
  statistics: VersionStatistics;
  ranApart: ((outcome: ApartOutcome) => void) | undefined;
  cache: ModelCache | undefined;
  /** A step of a sequence has left the engine. */
  left(job: TensorJob, failed: boolean): void;
}

export class TensorRuns {
  constructor(
    private readonly spec: ModelSpec,
    private readonly engine: TensorEngine,
    private readonly reader: TensorRequestReader,
    private readonly answers: AnswerBuilder,
    private readonly ports: TensorRunsPorts,
  ) {}

  /** Answers or refuses every job; never rejects. */
  async run(jobs: readonly TensorJob[], rows: number): Promise<void> {
    if (jobs.length === 1) {
      await this.runAlone(jobs[0] as TensorJob);
      return;
    }
    try {
      await this.runTogether(jobs, rows);
    } catch (thrown) {
      const { clock, ranApart } = this.ports;
      await runApart(jobs, backendError(thrown), { clock, runAlone: (job) => this.runAlone(job), ranApart });
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
      // The others have the same: they are part of the key.
      parameters: ownParameters(first.parameters),
      sequence: undefined,
    });
    const inferredMs = clock.monotonicMs();
    const responses = this.answers.split(outputs, jobs);
    for (const [i, job] of jobs.entries()) this.deliver(job, responses[i] as InferResponse, startMs);
    const doneMs = clock.monotonicMs();
    this.ports.statistics.batch(rows, jobs.length, joinedMs - startMs, inferredMs - joinedMs, doneMs - inferredMs);
  }

  /** Gives the error that it was refused with. */
  private async runAlone(job: TensorJob): Promise<PlatformError | undefined> {
    let error: PlatformError | undefined;
    job.running = true;
    try {
      await this.runOne(job);
    } catch (thrown) {
      error = backendError(thrown);
      job.refuse(error);
    } finally {
      job.running = false;
      if (job.sequence) this.ports.left(job, error !== undefined);
    }
    return error;
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
    this.ports.statistics.batch(rows, 1, joinedMs - startMs, inferredMs - joinedMs, doneMs - inferredMs);
  }

  /** Any number of answers, then an empty final one. */
  private async runStream(job: TensorJob, inputs: readonly Tensor[], call: EngineCall): Promise<void> {
    const { clock, statistics } = this.ports;
    const startMs = clock.monotonicMs();
    job.abort = new AbortController();
    let index = 0;
    let lastMs = startMs;
    const ended = (outcome: ResponseOutcome): void =>
      statistics.responded(index, job.cancelled ? 'cancel' : outcome, clock.monotonicMs() - lastMs, 0);
    try {
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
    } catch (thrown) {
      ended('fail');
      throw thrown;
    }
    const endMs = clock.monotonicMs();
    // One that was refused on its way, because its model left, has failed.
    ended(job.settled ? 'fail' : 'emptyResponse');
    this.deliver(job, this.answers.empty(job), startMs);
    statistics.batch(job.rows, 1, 0, endMs - startMs, 0);
  }

  private deliver(job: TensorJob, response: InferResponse, startMs: number): void {
    if (job.settled) return;
    const { clock } = this.ports;
    const { arrivedAtMs } = job.facts;
    if (job.cacheKey !== '') this.keep(job, response);
    this.ports.statistics.succeeded(clock.nowMs(), clock.monotonicMs() - arrivedAtMs, startMs - arrivedAtMs);
    job.answer(response);
  }

  private keep(job: TensorJob, response: InferResponse): void {
    const { clock } = this.ports;
    const startMs = clock.monotonicMs();
    this.ports.cache?.keep(job.cacheKey, response.outputs);
    this.ports.statistics.missed(job.lookupMs + clock.monotonicMs() - startMs);
  }
}
