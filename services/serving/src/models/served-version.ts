// One loaded model version that answers: raw rows → the version's row model (encoding and engine) → the task's outputs.
// Rows of several jobs go through the engine together; each job gets exactly its own back, and where that fails each
// runs alone once. Nothing here knows the wire, Kafka, what made the model or how it was loaded.

import { type Clock, type ErrorCode, ID_CHARACTERS_MAX, type OutputSpec, PlatformError } from '@millrace/domain';
import type { SignatureInput } from '@millrace/features';
import {
  classify,
  type FailureReason,
  type InferRequest,
  type InferResponse,
  integerParameter,
  type ModelMetadata,
  NO_PARAMETERS,
  ROW_ENTITIES,
  ROW_IDS,
  rowTexts,
  type Tensor,
  textParameter,
  VersionStatistics,
} from '@millrace/inference';
import type { Project } from '@millrace/project';
import { Batcher, type BatcherLimits } from '../batching/batcher.js';
import type { ModelSpec } from '../declaration/model-spec.js';
import {
  derivationsOf,
  inputSpecs,
  outputSpecs,
  RequestReader,
  type StandIn,
  textsMaxOf,
} from '../declaration/signature.js';
import { OnlineJoin, type OnlineJoinPorts } from '../online/online-join.js';
import { JoiningRequest, OpenJoins } from '../online/open-joins.js';
import { backendError } from './backend-error.js';
import { type Answer, type CallFacts, InferJob, type JobOwner } from './infer-job.js';
import { packageSpec } from './package-spec.js';
import type { RowModel } from './row-model.js';
import { type ApartOutcome, runApart } from './run-apart.js';
import type { InFlight, ServedModel } from './served-model.js';
import type { EngineAnswer, TaskHead } from './task-head.js';

export interface AnsweredBatch {
  version: ServedVersion;
  job: InferJob;
  /**
   * What the engine gave for the job's rows, which the version's head reads: a copy, because a waiting prediction must
   * not keep the engine's whole answer alive.
   */
  numbers: readonly number[];
  answeredAtMs: number;
  latencyMs: number;
}

export interface ServedVersionPorts {
  clock: Clock;
  soon(work: () => void): void;
  nextRequestId(): string;
  /** Called for every answered job; must not throw and must not wait. */
  answered(answer: AnsweredBatch): void;
  /** Looks up columns that requests leave out, for projects that ask for it. */
  online?: OnlineJoinPorts;
  /** A request failed because what the model answered is no answer of the task. */
  wrongAnswer?(model: string): void;
  /** A request ran alone, because the batch that it was in failed. */
  ranApart?(model: string, outcome: ApartOutcome): void;
}

export interface ServedVersionFacts {
  project: string;
  version: number;
  modelSha256: string;
  /** What a request brings, in the order of its raw rows. */
  inputs: readonly SignatureInput[];
  model: RowModel;
  head: TaskHead;
}

export class ServedVersion implements ServedModel, JobOwner {
  readonly name: string;
  readonly version: number;
  readonly spec: ModelSpec;
  readonly metadata: Omit<ModelMetadata, 'versions'>;
  readonly statistics = new VersionStatistics();
  private readonly batcher: Batcher<InferJob>;
  private readonly versionText: string;
  private reader: RequestReader;
  /** undefined for most projects: then a request brings every input itself. */
  private online: OnlineJoin | undefined;
  private readonly joins = new OpenJoins();

  constructor(
    readonly facts: ServedVersionFacts,
    project: Project | undefined,
    private readonly limits: BatcherLimits & { requestRowsMax: number },
    private readonly ports: ServedVersionPorts,
  ) {
    const { model, head } = facts;
    const inputs = inputSpecs(facts.inputs);
    this.name = facts.project;
    this.version = facts.version;
    this.metadata = { name: facts.project, platform: model.platform, inputs, outputs: outputSpecs(head.task) };
    this.spec = packageSpec(this.metadata, limits.batchRowsMax);
    this.versionText = String(facts.version);
    this.reader = this.readerFor(project);
    this.online = OnlineJoin.of(project, facts.inputs, ports.online, limits.requestRowsMax);
    this.batcher = new Batcher<InferJob>(limits, {
      clock: ports.clock,
      soon: ports.soon,
      run: (jobs, rows) => this.run(jobs, rows),
    });
  }

  /** Derived and online columns follow the project file as it changes. */
  follow(project: Project): void {
    this.reader = this.readerFor(project);
    this.online = OnlineJoin.of(project, this.facts.inputs, this.ports.online, this.limits.requestRowsMax);
  }

  private readerFor(project: Project | undefined): RequestReader {
    const { inputs } = this.facts;
    const textsMax = textsMaxOf(inputs, project);
    return new RequestReader(inputs, derivationsOf(inputs, project), this.limits.requestRowsMax, textsMax);
  }

  get failure(): string | undefined {
    return this.facts.model.failure;
  }

  get waiting(): number {
    return this.batcher.waiting;
  }

  /**
   * Checks the request and queues it; throws invalid_argument or overloaded. The answer may come in a later turn only.
   */
  submit(request: InferRequest, facts: CallFacts, answer: Answer): InFlight {
    const { online } = this;
    if (online === undefined || !online.concerns(request)) return this.queue(request, facts, answer);
    return this.joinFirst(online, request, facts, answer);
  }

  /** The same once the columns that the request leaves out are looked up; faults go to the answer then. */
  private joinFirst(online: OnlineJoin, request: InferRequest, facts: CallFacts, answer: Answer): InFlight {
    const ended = this.joins.begin();
    const submitted = new JoiningRequest(() => this.countFailure(facts, 'CANCELED'));
    try {
      const eventTimeMs = integerParameter(request.parameters, 'event_time_ms');
      const entity = shortText(textParameter(request.parameters, 'entity') || facts.entity, 'the entity');
      online.start(request, entity, eventTimeMs, (joined) => {
        ended();
        if (submitted.cancelled) return;
        const tell: Answer = (error, response, final) =>
          answer(
            error,
            response && { ...response, parameters: { ...response.parameters, ...joined.parameters } },
            final,
          );
        try {
          submitted.job = this.queue(joined.request, facts, tell, joined.standIn);
        } catch (thrown) {
          answer(PlatformError.from(thrown), undefined, true);
        }
      });
    } catch (thrown) {
      ended();
      this.countFailure(facts, 'OTHER');
      throw PlatformError.from(thrown);
    }
    return submitted;
  }

  private countFailure(facts: CallFacts, reason: FailureReason): void {
    this.statistics.failed(this.ports.clock.monotonicMs() - facts.arrivedAtMs, reason);
  }

  private queue(request: InferRequest, facts: CallFacts, answer: Answer, standIn?: StandIn): InferJob {
    try {
      const eventTimeMs = integerParameter(request.parameters, 'event_time_ms');
      const job = new InferJob(
        shortText(request.id, 'the request id') || this.ports.nextRequestId(),
        this.reader.read(request, eventTimeMs, standIn),
        facts,
        shortText(textParameter(request.parameters, 'entity') || facts.entity, 'the entity'),
        eventTimeMs ?? 0,
        this.requestedOutputs(request),
        answer,
        this,
        deadlineOf(request, facts),
      );
      job.rowIds = rowTexts(request.parameters, ROW_IDS, job.rows, ID_CHARACTERS_MAX);
      job.rowEntities = rowTexts(request.parameters, ROW_ENTITIES, job.rows, ID_CHARACTERS_MAX);
      if (request.outputs.length > 0) job.classes = this.classesOf(request);
      this.batcher.submit(job);
      return job;
    } catch (thrown) {
      const error = PlatformError.from(thrown);
      this.countFailure(facts, error.code === 'overloaded' ? 'REJECTED' : 'OTHER');
      throw error;
    }
  }

  /** The caller went away: a waiting job leaves the queue, a running one is not answered. */
  cancel(job: InferJob): void {
    // Endpoints report the end of a call, too, which comes after its answer.
    if (job.cancelled || job.settled) return;
    this.batcher.cancel(job);
    this.statistics.failed(this.ports.clock.monotonicMs() - job.facts.arrivedAtMs, 'CANCELED');
  }

  /** Called by a job that is refused. */
  failed(job: InferJob, error: PlatformError): void {
    const reason = REASON_BY_CODE[error.code] ?? 'BACKEND';
    if (error.code === 'corrupt') this.ports.wrongAnswer?.(this.name);
    this.statistics.failed(this.ports.clock.monotonicMs() - job.facts.arrivedAtMs, reason);
  }

  private async run(jobs: readonly InferJob[], rows: number): Promise<void> {
    const error = await this.attempt(jobs, rows);
    if (error === undefined) return;
    const { clock, ranApart } = this.ports;
    if (jobs.length === 1) (jobs[0] as InferJob).refuse(error);
    else
      await runApart(jobs, error, {
        clock,
        runAlone: async (job) => {
          const own = await this.attempt([job], job.rows);
          if (own !== undefined) job.refuse(own);
          return own;
        },
        ranApart: (outcome) => ranApart?.(this.name, outcome),
      });
  }

  /** Answers the jobs; else gives the error that is theirs. */
  private async attempt(jobs: readonly InferJob[], rows: number): Promise<PlatformError | undefined> {
    const { clock } = this.ports;
    const { model, head } = this.facts;
    const startMs = clock.monotonicMs();
    try {
      const input = model.encode(jobs, rows);
      const encodedMs = clock.monotonicMs();
      const numbers = await model.infer(input, rows);
      model.release(input);
      const inferredMs = clock.monotonicMs();
      const expected = rows * head.width;
      if (numbers.length < expected) throw new Error(`the engine gave ${numbers.length} of ${expected} numbers`);
      this.answer(jobs, numbers, startMs, inferredMs);
      const doneMs = clock.monotonicMs();
      this.statistics.batch(rows, jobs.length, encodedMs - startMs, inferredMs - encodedMs, doneMs - inferredMs);
      return undefined;
    } catch (thrown) {
      return backendError(thrown);
    }
  }

  private answer(jobs: readonly InferJob[], numbers: Float32Array, startMs: number, inferredMs: number): void {
    const nowMs = this.ports.clock.nowMs();
    const { width } = this.facts.head;
    const bytes = new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength);
    const answered = { numbers, bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength) };
    let at = 0;
    for (let j = 0; j < jobs.length; j++) {
      const job = jobs[j] as InferJob;
      const start = at;
      at += job.rows;
      if (job.cancelled) continue;
      const latencyMs = inferredMs - job.facts.arrivedAtMs;
      this.statistics.succeeded(nowMs, latencyMs, startMs - job.facts.arrivedAtMs);
      job.answer(this.response(job, answered, start));
      const one = job.rows === 1 && width === 1;
      const own = one ? [numbers[start] as number] : Array.from(numbers.subarray(start * width, at * width));
      this.ports.answered({ version: this, job, numbers: own, answeredAtMs: nowMs, latencyMs });
    }
  }

  private response(job: InferJob, answered: EngineAnswer, start: number): InferResponse {
    const { head } = this.facts;
    const outputs: Tensor[] = [];
    for (let i = 0; i < head.task.outputs.length; i++) {
      const { name, datatype } = head.task.outputs[i] as OutputSpec;
      if (!job.wants(name)) continue;
      const tensor = head.tensor(i, answered, start, job.rows);
      outputs.push(job.classes > 0 && datatype !== 'BYTES' ? classify(tensor, job.classes, true) : tensor);
    }
    return {
      modelName: this.facts.project,
      modelVersion: this.versionText,
      id: job.id,
      parameters: NO_PARAMETERS,
      outputs,
    };
  }

  private requestedOutputs({ outputs }: InferRequest): readonly string[] {
    if (outputs.length === 0) return NO_OUTPUTS;
    return outputs.map(({ name }) => {
      this.outputNamed(name);
      return name;
    });
  }

  /** How many classes of the numbers are asked for: each row has one, so that any number above 0 gives "score:0". */
  private classesOf({ outputs }: InferRequest): number {
    let classes = 0;
    for (const { name, parameters } of outputs) {
      const wanted = integerParameter(parameters, 'classification') ?? 0;
      if (wanted < 0) throw new PlatformError('invalid_argument', `classification of output '${name}' is ${wanted}`);
      if (wanted > 0 && this.outputNamed(name).datatype === 'BYTES') {
        throw new PlatformError(
          'invalid_argument',
          `class result not available for output '${name}', its type is BYTES`,
        );
      }
      classes = Math.max(classes, wanted);
    }
    return classes;
  }

  private outputNamed(name: string): OutputSpec {
    const { outputs } = this.facts.head.task;
    const found = outputs.find((output) => output.name === name);
    if (found) return found;
    const known = outputs.map((output) => `'${output.name}'`).join(', ');
    throw new PlatformError('invalid_argument', `unexpected output '${name.slice(0, 64)}', the model has ${known}`);
  }

  warmUp(): Promise<void> {
    return this.facts.model.warmUp(this.facts.head);
  }

  /** Waits for queued and running requests; callers must have stopped submitting. */
  async close(): Promise<void> {
    await this.drained();
    await this.facts.model.close();
  }

  async drained(): Promise<void> {
    await this.joins.ended();
    await this.batcher.drained();
  }
}

/** Which of the protocol's reasons a failure counts under. */
const REASON_BY_CODE: Partial<Record<ErrorCode, FailureReason>> = {
  deadline_exceeded: 'REJECTED',
  invalid_argument: 'OTHER',
};

function shortText(text: string, what: string): string {
  if (text.length <= ID_CHARACTERS_MAX) return text;
  throw new PlatformError(
    'invalid_argument',
    `${what} has ${text.length} characters, at most ${ID_CHARACTERS_MAX} are allowed`,
  );
}

/** The caller's deadline, or its parameter `timeout` in microseconds where that comes earlier. */
function deadlineOf({ parameters }: InferRequest, facts: CallFacts): number {
  if (parameters === NO_PARAMETERS || parameters.timeout === undefined) return facts.deadlineAtMs;
  const timeoutUs = integerParameter(parameters, 'timeout') as number;
  if (timeoutUs < 0)
    throw new PlatformError('invalid_argument', `parameter 'timeout' is ${timeoutUs}, expected >= 0 µs`);
  return timeoutUs === 0 ? facts.deadlineAtMs : Math.min(facts.deadlineAtMs, facts.arrivedAtMs + timeoutUs / 1000);
}

const NO_OUTPUTS: readonly string[] = [];
