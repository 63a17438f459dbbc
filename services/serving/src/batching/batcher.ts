// A work-conserving micro-batcher: while the engine runs, jobs queue; when it is free, everything queued goes as one
// batch of at most `batchRowsMax` rows (rows are counted, not requests; a job that is larger goes alone). No timer: an
// idle engine never waits. The queue is bounded in jobs and rows and refuses beyond with `overloaded`. A job that was
// cancelled or whose deadline passed leaves the queue without costing the engine anything.
//
// Cost per job O(1); memory O(queueJobsMax). Single-threaded: submit, cancel and dispatch interleave only between
// turns.

import { type Clock, PlatformError } from '@millrace/domain';
import { expired } from './expired.js';

export interface BatchJob {
  readonly rows: number;
  /** On the monotonic clock; Infinity = none. */
  readonly deadlineAtMs: number;
  /** Where deadlineAtMs may be the request's own `timeout`: the deadline of its call. */
  readonly callDeadlineAtMs?: number;
  /** Set by `cancel`; such a job is never run. */
  cancelled: boolean;
  /** Called instead of running when the job left the queue: deadline_exceeded. */
  refuse(error: PlatformError): void;
}

export interface BatcherLimits {
  batchRowsMax: number;
  queueJobsMax: number;
  queueRowsMax: number;
  /** Batches in the engine at the same time. */
  concurrency: number;
}

export interface BatcherPorts<J extends BatchJob> {
  clock: Clock;
  /** Runs one batch; it answers its jobs itself and must not reject. */
  run(jobs: readonly J[], rows: number): Promise<void>;
  /** Runs a function after the current turn's input was read, so that requests that came together go together. */
  soon(work: () => void): void;
}

export class Batcher<J extends BatchJob> {
  private queue: J[] = [];
  private head = 0;
  private rows = 0;
  private running = 0;
  private scheduled = false;
  private idle: (() => void)[] = [];

  constructor(
    private readonly limits: BatcherLimits,
    private readonly ports: BatcherPorts<J>,
  ) {}

  /** Jobs waiting (cancelled ones included until the next batch). */
  get waiting(): number {
    return this.queue.length - this.head;
  }

  get waitingRows(): number {
    return this.rows;
  }

  get busy(): boolean {
    return this.running > 0 || this.waiting > 0;
  }

  submit(job: J): void {
    const { queueJobsMax, queueRowsMax } = this.limits;
    if (this.waiting >= queueJobsMax) this.compact();
    if (this.waiting >= queueJobsMax || (this.rows > 0 && this.rows + job.rows > queueRowsMax)) {
      throw new PlatformError('overloaded', `the queue is full: ${this.waiting} requests, ${this.rows} rows wait`, {
        facts: { queueJobsMax, queueRowsMax },
      });
    }
    this.queue.push(job);
    this.rows += job.rows;
    this.schedule();
  }

  /** Takes a waiting job out; a job that already runs is not touched, its answer is for the caller to ignore. */
  cancel(job: J): void {
    if (job.cancelled) return;
    job.cancelled = true;
    if (this.queue.indexOf(job, this.head) >= 0) this.rows -= job.rows;
  }

  /** Resolves when nothing waits and nothing runs. */
  async drained(): Promise<void> {
    if (!this.busy) return;
    await new Promise<void>((resolve) => this.idle.push(resolve));
  }

  private schedule(): void {
    if (this.scheduled || this.running >= this.limits.concurrency) return;
    this.scheduled = true;
    this.ports.soon(() => {
      this.scheduled = false;
      this.dispatch();
    });
  }

  private dispatch(): void {
    while (this.running < this.limits.concurrency && this.waiting > 0) {
      const { jobs, rows } = this.take();
      if (jobs.length === 0) continue;
      this.running++;
      this.ports.run(jobs, rows).finally(() => {
        this.running--;
        // At once, not `soon`: what queued while the engine ran has waited long enough.
        this.dispatch();
      });
    }
    if (!this.busy && this.idle.length > 0) {
      for (const resolve of this.idle.splice(0)) resolve();
    }
  }

  private take(): { jobs: J[]; rows: number } {
    const jobs: J[] = [];
    const nowMs = this.ports.clock.monotonicMs();
    let rows = 0;
    while (this.head < this.queue.length) {
      const job = this.queue[this.head] as J;
      if (job.cancelled) {
        this.head++;
        continue;
      }
      if (jobs.length > 0 && rows + job.rows > this.limits.batchRowsMax) break;
      this.head++;
      this.rows -= job.rows;
      if (job.deadlineAtMs <= nowMs) {
        job.refuse(expired((job.callDeadlineAtMs ?? job.deadlineAtMs) <= nowMs));
        continue;
      }
      jobs.push(job);
      rows += job.rows;
    }
    if (this.head === this.queue.length) {
      this.queue = [];
      this.head = 0;
    } else if (this.head > 1024) this.compact();
    return { jobs, rows };
  }

  private compact(): void {
    this.queue = this.queue.slice(this.head).filter((job) => !job.cancelled);
    this.head = 0;
  }
}
