// Which sequences of a stateful model are under way, and their steps one after the other: a step goes to the queue only
// when the one before it was answered. A sequence begins with a step marked as start and ends with one marked as end,
// with a failed start, or when it had no step for `maxIdleMs`. Bounded: at most `sequencesMax` sequences, and steps
// that wait here count in `waiting`, which the owner bounds. O(1) per step; idle sequences go from the front of the
// least recently used.

import { type Clock, PlatformError } from '@millrace/domain';
import type { SequenceStep } from '../runtime/tensor-engine.js';

export interface SequenceJob {
  readonly sequence: SequenceStep;
  refuse(error: PlatformError): void;
}

export interface SequenceLimits {
  sequencesMax: number;
  /** Infinity = for ever. */
  maxIdleMs: number;
}

export interface SequencePorts<J> {
  clock: Clock;
  /** Queues a step; may throw. */
  ready(job: J): void;
  /** The sequence ended without its last step: what the engine keeps of it can go. */
  forgotten(id: string): void;
}

interface Sequence<J> {
  readonly id: string;
  current: J | undefined;
  waiting: J[];
  /** The step submitted last was marked as end. */
  ended: boolean;
  usedAtMs: number;
}

export class SequenceTable<J extends SequenceJob> {
  /** Least recently used first. */
  private readonly sequences = new Map<string, Sequence<J>>();
  private steps = 0;

  constructor(
    private readonly model: string,
    private readonly limits: SequenceLimits,
    private readonly ports: SequencePorts<J>,
  ) {}

  get size(): number {
    return this.sequences.size;
  }

  /** Steps that wait for an earlier one of their sequence. */
  get waiting(): number {
    return this.steps;
  }

  /** Throws invalid_argument for a step of no sequence under way, overloaded where the table is full. */
  enter(job: J): void {
    const { id, start, end } = job.sequence;
    this.dropIdle();
    let sequence = this.sequences.get(id);
    if (!start && (!sequence || sequence.ended)) throw this.notStarted(id);
    const fresh = !sequence;
    if (!sequence) {
      if (this.sequences.size >= this.limits.sequencesMax) {
        throw new PlatformError('overloaded', `model '${this.model}' has ${this.sequences.size} sequences under way`, {
          facts: { sequencesMax: this.limits.sequencesMax },
        });
      }
      sequence = { id, current: undefined, waiting: [], ended: false, usedAtMs: 0 };
    }
    if (sequence.current) {
      sequence.waiting.push(job);
      this.steps++;
    } else {
      // Throws where the queue is full: then nothing has changed.
      this.ports.ready(job);
      sequence.current = job;
    }
    sequence.ended = end;
    if (!fresh) this.sequences.delete(id);
    this.sequences.set(id, sequence);
    sequence.usedAtMs = this.ports.clock.monotonicMs();
  }

  /**
   * The step was answered, refused or cancelled; `failed` = it had no effect on the model that later steps can build
   * on.
   */
  left(job: J, failed: boolean): void {
    const { id, start } = job.sequence;
    const sequence = this.sequences.get(id);
    if (!sequence) return;
    if (sequence.current !== job) {
      const at = sequence.waiting.indexOf(job);
      if (at < 0) return;
      sequence.waiting.splice(at, 1);
      this.steps--;
      if (start) this.refuseOrphans(sequence, at);
      return;
    }
    sequence.current = undefined;
    sequence.usedAtMs = this.ports.clock.monotonicMs();
    if (failed && start) {
      this.refuseOrphans(sequence, 0);
      if (sequence.waiting.length === 0) this.end(sequence, true);
    }
    this.next(sequence);
    if (!sequence.current && sequence.ended) this.end(sequence, failed);
  }

  private next(sequence: Sequence<J>): void {
    while (!sequence.current && sequence.waiting.length > 0) {
      const job = sequence.waiting.shift() as J;
      this.steps--;
      sequence.current = job;
      try {
        this.ports.ready(job);
      } catch (thrown) {
        sequence.current = undefined;
        job.refuse(PlatformError.from(thrown));
        if (job.sequence.start) this.refuseOrphans(sequence, 0);
      }
    }
  }

  /** Without their start, the steps up to the next start mean nothing. */
  private refuseOrphans(sequence: Sequence<J>, from: number): void {
    let to = from;
    while (to < sequence.waiting.length && !(sequence.waiting[to] as J).sequence.start) to++;
    const orphans = sequence.waiting.splice(from, to - from);
    this.steps -= orphans.length;
    if (sequence.waiting.length === from) sequence.ended = true;
    for (const orphan of orphans) orphan.refuse(this.notStarted(sequence.id));
  }

  private end(sequence: Sequence<J>, forget: boolean): void {
    if (this.sequences.get(sequence.id) !== sequence) return;
    this.sequences.delete(sequence.id);
    if (forget) this.ports.forgotten(sequence.id);
  }

  private dropIdle(): void {
    const limitMs = this.ports.clock.monotonicMs() - this.limits.maxIdleMs;
    for (const sequence of this.sequences.values()) {
      // In the order of their last submission, which is never later than their last use.
      if (sequence.usedAtMs > limitMs) return;
      if (!sequence.current) this.end(sequence, true);
    }
  }

  private notStarted(id: string): PlatformError {
    return new PlatformError(
      'invalid_argument',
      `inference request for sequence ${id} to model '${this.model}' must specify the START flag on the first request of the sequence`,
    );
  }
}
