// A batch job: every message of one topic is predicted and its answer written to another, in pieces of `rowsMax`
// messages. Answers of a piece and the position behind it are one transaction: who reads committed messages sees
// exactly one answer for each message, whatever dies on the way. A message that is no row, or that the model refuses,
// is answered with its error; nothing stands still because of it.
//
// What ends it: every partition has been read up to where its end was at the start (unless it follows), `stop`, or a
// fault that is not a row's. What was answered stays answered; the same job again goes on from there.

import { type Clock, PlatformError } from '@millrace/domain';
import type { InferRequest, InferResponse } from '@millrace/inference';
import type { Answer, CallFacts } from '../models/infer-job.js';
import type { ServedModel } from '../models/served-model.js';
import { answerValue, errorValue, rowId, rowRequest } from './topic-row.js';

export interface JobRequest {
  /** Names the consumer group and the transaction: the same name goes on where it stopped. */
  name: string;
  model: string;
  /** '' = the version with the most live traffic, looked up for each piece. */
  version: string;
  /** Topics by their full names. */
  input: string;
  output: string;
  /** Goes on with what comes later instead of ending. */
  follow: boolean;
}

export type JobState = 'starting' | 'running' | 'done' | 'stopped' | 'failed';

export interface JobView extends JobRequest {
  state: JobState;
  /** Messages answered, those with an error included. */
  answered: number;
  refused: number;
  /** Messages that were there at the start and are not answered yet; undefined = not known yet. */
  remaining: number | undefined;
  /** Why it failed; while it runs, what it waits for: '' = nothing. */
  error: string;
  startedAtMs: number;
}

export interface InMessage {
  partition: number;
  offset: number;
  key: Uint8Array | null;
  value: Uint8Array | null;
}

export interface OutMessage {
  /** That of the message it answers; its id where it has none. */
  key: Uint8Array | string;
  value: Uint8Array;
  refused: boolean;
}

export interface BatchJobPorts {
  find(model: string, version: string): ServedModel;
  infer(request: InferRequest, facts: CallFacts, answer: Answer): void;
  pause(ms: number): Promise<void>;
  clock: Clock;
}

/** A queue that is full of other requests, or a model that is away for a moment, is asked again so often. */
const BUSY_PAUSE_MS = 20;
/** And for this long; then the job ends, to be started again. */
const BUSY_MS_MAX = 60_000;

export function rowIdOf(topic: string, { partition, offset }: InMessage): string {
  return rowId({ topic, partition, offset });
}

export class BatchJob {
  state: JobState = 'starting';
  private answered = 0;
  private refused = 0;
  private error = '';
  /** What holds it up at present. */
  private waiting = '';
  /** Where each partition ends for this job; undefined = not known yet. */
  private ends: Map<number, number> | undefined;
  private readonly next = new Map<number, number>();
  private readonly startedAtMs: number;

  constructor(
    readonly request: JobRequest,
    private readonly ports: BatchJobPorts,
  ) {
    this.startedAtMs = ports.clock.nowMs();
  }

  /** Where the partitions end at the start, and where the group goes on in each. */
  begin(ends: ReadonlyMap<number, number>, positions: ReadonlyMap<number, number>): void {
    this.ends = new Map(ends);
    for (const [partition, end] of ends) this.next.set(partition, Math.min(positions.get(partition) ?? 0, end));
    if (this.state === 'starting') this.state = 'running';
    this.checkEnd();
  }

  /** The next offset that has no answer. */
  position(partition: number): number {
    return this.next.get(partition) ?? 0;
  }

  get ended(): boolean {
    return this.state === 'done' || this.state === 'stopped' || this.state === 'failed';
  }

  stop(): void {
    if (!this.ended) this.state = 'stopped';
  }

  fail(error: PlatformError): void {
    if (this.ended) return;
    this.state = 'failed';
    this.error = error.reason;
  }

  /** Shown as the job's error until the next answers are written. */
  waitsFor(error: PlatformError): void {
    this.waiting = error.reason;
  }

  /**
   * One answer a message, in order. Rejects where the fault is not a row's; then nothing of the piece may be written.
   */
  async predict(messages: readonly InMessage[]): Promise<OutMessage[]> {
    const { model, version, input } = this.request;
    const { metadata } = await this.patiently(async () => this.ports.find(model, version));
    return Promise.all(
      messages.map(async (message) => {
        const { key, value } = message;
        const id = rowIdOf(input, message);
        try {
          const request = rowRequest(model, version, metadata.inputs, id, value);
          return {
            key: key ?? id,
            value: answerValue(id, await this.patiently(() => this.once(request))),
            refused: false,
          };
        } catch (thrown) {
          const error = PlatformError.from(thrown);
          if (error.code !== 'invalid_argument') throw error;
          return { key: key ?? id, value: errorValue(id, model, error), refused: true };
        }
      }),
    );
  }

  /** The piece is written, and the partition stands at `next`. */
  written(partition: number, next: number, answers: readonly Pick<OutMessage, 'refused'>[]): void {
    if (answers.length > 0) this.waiting = '';
    this.answered += answers.length;
    this.refused += answers.filter(({ refused }) => refused).length;
    this.next.set(partition, Math.max(next, this.position(partition)));
    this.checkEnd();
  }

  view(): JobView {
    let remaining: number | undefined;
    if (this.ends) {
      remaining = 0;
      for (const [partition, end] of this.ends) remaining += Math.max(0, end - (this.next.get(partition) ?? 0));
    }
    const { state, answered, refused, startedAtMs } = this;
    const error = this.error === '' && !this.ended ? this.waiting : this.error;
    return { ...this.request, state, answered, refused, remaining, error, startedAtMs };
  }

  private checkEnd(): void {
    if (this.request.follow || this.state !== 'running' || !this.ends) return;
    for (const [partition, end] of this.ends) if ((this.next.get(partition) ?? 0) < end) return;
    this.state = 'done';
  }

  private async patiently<T>(ask: () => Promise<T>): Promise<T> {
    const { clock, pause } = this.ports;
    const begunMs = clock.monotonicMs();
    for (;;) {
      try {
        return await ask();
      } catch (thrown) {
        const error = PlatformError.from(thrown);
        // Live requests go first, a row waits for room; an engine that died is started anew.
        const busy = error.code === 'overloaded' || error.code === 'unavailable';
        if (!busy || this.ended || clock.monotonicMs() - begunMs > BUSY_MS_MAX) throw error;
        this.waitsFor(error);
        await pause(BUSY_PAUSE_MS);
      }
    }
  }

  private once(request: InferRequest): Promise<InferResponse> {
    const arrivedAtMs = this.ports.clock.monotonicMs();
    const facts = { version: 0, entity: '', traceparent: '', arrivedAtMs, deadlineAtMs: Number.POSITIVE_INFINITY };
    return new Promise((resolve, reject) => {
      this.ports.infer(request, facts, (error, response) => {
        if (error) reject(error);
        else resolve(response as InferResponse);
      });
    });
  }
}
