// One request on its way through the batcher: its raw rows, what the prediction log needs, and whom to answer. It keeps
// no view of the request's bytes, so that a queued or logged prediction does not hold a whole message alive.

import type { PlatformError } from '@millrace/domain';
import type { InferResponse } from '@millrace/inference';
import type { RolloutDraw } from '@millrace/routing';
import type { BatchJob } from '../batching/batcher.js';
import type { RawRows } from '../declaration/signature.js';

/** What an edge knows about a call beside the request's bytes. */
export interface CallFacts {
  /** Version that the route chose; 0 = as the request says. */
  version: number;
  /** Sticky key from a header; the request's parameter wins. */
  entity: string;
  /** W3C traceparent of a sampled trace, else ''. */
  traceparent: string;
  arrivedAtMs: number;
  /** On the monotonic clock; Infinity = none. */
  deadlineAtMs: number;
  /** A copy for a version whose answer no caller sees. */
  shadow?: boolean;
  /** Of the rollout in which the route drew the version. */
  draw?: RolloutDraw | undefined;
  /** Ensembles that the request has come through; endpoints leave it out. */
  depth?: number;
}

/**
 * Called once with either an error or a response, and `final` true. A decoupled model calls it for each of its answers
 * with `final` false, and at the end once more with `final` true: with an error, or with a response without outputs
 * that an endpoint passes on only where the caller asked for an empty final response.
 */
export type Answer = (error: PlatformError | undefined, response: InferResponse | undefined, final: boolean) => void;

/** Who took the job in and keeps its statistics. */
export interface JobOwner {
  cancel(job: InferJob): void;
  failed(job: InferJob, error: PlatformError): void;
}

export class InferJob implements BatchJob {
  cancelled = false;
  /** Top-N of the outputs that are numbers instead of themselves (classification extension); 0 = themselves. */
  classes = 0;
  /** What the request says of each row, for the prediction log. */
  rowIds: readonly string[] | undefined;
  rowEntities: readonly string[] | undefined;
  /** Let go with the answer: a job that waits to be logged must not keep its call, and the call's bytes, alive. */
  private onAnswer: Answer | undefined;

  constructor(
    readonly id: string,
    readonly raw: RawRows,
    readonly facts: CallFacts,
    readonly entity: string,
    /** 0 = not given. */
    readonly eventTimeMs: number,
    /** Names of the outputs asked for; empty = all. */
    readonly outputs: readonly string[],
    onAnswer: Answer,
    private readonly owner: JobOwner,
    readonly deadlineAtMs: number,
  ) {
    this.onAnswer = onAnswer;
  }

  /** Answered or refused: nothing can happen to it any more. */
  get settled(): boolean {
    return this.onAnswer === undefined;
  }

  /** deadlineAtMs may be the request's own `timeout`, which is no deadline of the call. */
  get callDeadlineAtMs(): number {
    return this.facts.deadlineAtMs;
  }

  get rows(): number {
    return this.raw.length;
  }

  /** The caller went away: a waiting job leaves the queue, a running one is not answered. */
  cancel(): void {
    this.owner.cancel(this);
  }

  wants(output: string): boolean {
    return this.outputs.length === 0 || this.outputs.includes(output);
  }

  answer(response: InferResponse): void {
    const { onAnswer } = this;
    if (!onAnswer || this.cancelled) return;
    this.onAnswer = undefined;
    onAnswer(undefined, response, true);
  }

  refuse(error: PlatformError): void {
    const { onAnswer } = this;
    if (!onAnswer) return;
    this.onAnswer = undefined;
    this.owner.failed(this, error);
    if (!this.cancelled) onAnswer(error, undefined, true);
  }

  /** Version 00 traceparent: 00-<32 hex>-<16 hex>-<flags>. */
  get traceId(): string {
    return this.facts.traceparent.length >= 55 ? this.facts.traceparent.slice(3, 35) : '';
  }
}
