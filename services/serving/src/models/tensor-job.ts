// One request for a model with named tensors on its way through queue and engine. Its tensors are views of the
// request's bytes; they are let go as soon as the job is answered, refused or cancelled.

import type { PlatformError } from '@millrace/domain';
import {
  type InferRequest,
  type InferResponse,
  NO_PARAMETERS,
  type Parameters,
  type Tensor,
} from '@millrace/inference';
import type { AnswerSlot } from '../batching/answer-order.js';
import { newPlace, type QueuedJob } from '../batching/queued-job.js';
import type { PaddedDimension } from '../batching/rows.js';
import type { SequenceStep } from '../runtime/tensor-engine.js';
import type { Answer, CallFacts } from './infer-job.js';
import type { QueueTerms } from './queue-terms.js';
import type { InFlight } from './served-model.js';
import type { CheckedTensors, WantedOutput } from './tensor-request.js';

export interface TensorJobOwner {
  cancel(job: TensorJob): void;
  /** Called once for every job: answered, refused or cancelled. */
  settled(job: TensorJob, error: PlatformError | undefined): void;
}

const NO_TENSORS: readonly Tensor[] = [];

export class TensorJob implements QueuedJob, InFlight {
  readonly id: string;
  readonly parameters: Parameters;
  readonly rows: number;
  readonly bytes: number;
  readonly key: string;
  readonly level: number;
  readonly timeoutAtMs: number;
  readonly timeoutAction: 'reject' | 'delay';
  readonly paddings: readonly PaddedDimension[];
  readonly queue = newPlace();
  cancelled = false;
  /** Among those of its model, in the order they came; 0 = not taken in. */
  number = 0;
  inputs: readonly Tensor[];
  /** Under which the response cache is to keep the answer; '' = not at all. */
  cacheKey = '';
  /** What looking into the cache took. */
  lookupMs = 0;
  /** In the engine now, also after its caller went. */
  running = false;
  /** Ends a decoupled model's work when the caller goes. */
  abort: AbortController | undefined;
  /** Its place among the answers where the model keeps their order. */
  slot: AnswerSlot | undefined;
  private gone = false;
  private onAnswer: Answer | undefined;

  constructor(
    request: InferRequest,
    tensors: CheckedTensors,
    readonly wanted: readonly WantedOutput[],
    readonly sequence: SequenceStep | undefined,
    terms: QueueTerms,
    readonly facts: CallFacts,
    answer: Answer,
    private readonly owner: TensorJobOwner,
  ) {
    this.id = request.id;
    this.parameters = request.parameters ?? NO_PARAMETERS;
    this.inputs = tensors.inputs;
    this.rows = tensors.rows;
    this.bytes = tensors.bytes;
    this.key = tensors.key;
    this.paddings = tensors.paddings;
    this.level = terms.level;
    this.timeoutAtMs = terms.timeoutAtMs;
    this.timeoutAction = terms.timeoutAction;
    this.onAnswer = answer;
  }

  get deadlineAtMs(): number {
    return this.facts.deadlineAtMs;
  }

  get settled(): boolean {
    return this.onAnswer === undefined;
  }

  /** The caller went away: a waiting job leaves the queue, a running one is not answered. */
  cancel(): void {
    this.gone = true;
    if (this.onAnswer && !this.cancelled) this.owner.cancel(this);
  }

  /** Without telling the caller, who went. */
  drop(): void {
    this.cancelled = true;
    this.abort?.abort();
    this.letGo();
    this.slot?.drop();
    this.owner.settled(this, undefined);
  }

  /** One of several answers of a decoupled model. */
  emit(response: InferResponse): void {
    this.onAnswer?.(undefined, response, false);
  }

  answer(response: InferResponse): void {
    const { onAnswer } = this;
    if (!onAnswer) return;
    this.letGo();
    this.tell(() => onAnswer(undefined, response, true));
    this.owner.settled(this, undefined);
  }

  refuse(error: PlatformError): void {
    const { onAnswer } = this;
    if (!onAnswer) return;
    this.letGo();
    this.tell(() => onAnswer(error, undefined, true));
    this.owner.settled(this, error);
  }

  /** In its turn where answers keep their order; the caller may have gone until then. */
  private tell(deliver: () => void): void {
    if (!this.slot) deliver();
    else
      this.slot.done(() => {
        if (!this.gone) deliver();
      });
  }

  private letGo(): void {
    this.onAnswer = undefined;
    this.inputs = NO_TENSORS;
  }
}
