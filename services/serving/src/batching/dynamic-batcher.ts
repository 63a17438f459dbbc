// Queue and batcher of a model with named tensors. Jobs wait in buckets of equal shape (`key`), in each bucket in lanes
// by priority level; a batch takes rows of one bucket, highest level first, oldest first. Rows are counted, not
// requests.
//
// When an engine slot is free, a bucket goes as soon as one of these holds: no delay is set (work-conserving), its rows
// reach a preferred size or a full batch, or its oldest job has waited `maxQueueDelayMs` (timers resolve to 1 ms). Of
// several ready buckets the one with the highest level goes, then the one with the oldest job. With preferred sizes, a
// batch is cut to the largest of them that its jobs reach exactly.
//
// A job whose policy time-out passes is refused at once (`reject`) or moves behind the others of its level (`delay`);
// the caller's own deadline always refuses. The queue is bounded in jobs, rows and bytes, and by level where a policy
// says so. Cost per job O(1) with few buckets, O(buckets) to choose; a pass over the queue happens at most once per
// expiry. Single-threaded: submit, cancel and dispatch interleave only between turns; `refuse` may submit again.

import { type Clock, PlatformError } from '@millrace/domain';
import { Bucket } from './bucket.js';
import { expired } from './expired.js';
import type { DynamicBatcherLimits, QueuedJob } from './queued-job.js';

export interface DynamicBatcherPorts<J extends QueuedJob> {
  clock: Clock;
  /** Runs one batch; it answers its jobs itself and must not reject. */
  run(jobs: readonly J[], rows: number): Promise<void>;
  /** Runs a function after the current turn's input was read, so that requests that came together go together. */
  soon(work: () => void): void;
  /** Runs a function once after a delay; the returned function takes it back. */
  after(delayMs: number, work: () => void): () => void;
}

const NEVER = Number.POSITIVE_INFINITY;

export class DynamicBatcher<J extends QueuedJob> {
  private readonly buckets = new Map<string, Bucket<J>>();
  private readonly levels = new Map<number, number>();
  private jobs = 0;
  private rows = 0;
  private bytes = 0;
  private order = 0;
  private running = 0;
  private scheduled = false;
  /** No job expires before; stale values only cost a pass. */
  private nextExpiryMs = NEVER;
  private wakeAtMs = NEVER;
  private takeBackWake: () => void = () => {};
  private idle: (() => void)[] = [];

  constructor(
    private readonly limits: DynamicBatcherLimits,
    private readonly ports: DynamicBatcherPorts<J>,
  ) {}

  get waiting(): number {
    return this.jobs;
  }

  get waitingRows(): number {
    return this.rows;
  }

  get waitingBytes(): number {
    return this.bytes;
  }

  get busy(): boolean {
    return this.running > 0 || this.jobs > 0;
  }

  /** Throws overloaded beyond the bounds; an empty queue takes any job. */
  submit(job: J): void {
    this.checkRoom(job);
    const nowMs = this.ports.clock.monotonicMs();
    const { queue } = job;
    queue.in = true;
    queue.order = this.order++;
    queue.sinceMs = nowMs;
    queue.delayed = false;
    queue.expiresAtMs = Math.min(job.deadlineAtMs, job.timeoutAtMs);
    if (queue.expiresAtMs < this.nextExpiryMs) this.nextExpiryMs = queue.expiresAtMs;
    this.jobs++;
    this.rows += job.rows;
    this.bytes += job.bytes;
    if (job.level > 0) this.levels.set(job.level, (this.levels.get(job.level) ?? 0) + 1);
    let bucket = this.buckets.get(job.key);
    if (!bucket) {
      bucket = new Bucket<J>(job.key);
      this.buckets.set(job.key, bucket);
    }
    bucket.push(job);
    this.schedule();
  }

  /** Takes a waiting job out; a job that already runs is not touched, its answer is for the caller to ignore. */
  cancel(job: J): void {
    if (job.cancelled) return;
    job.cancelled = true;
    if (!job.queue.in) return;
    const bucket = this.buckets.get(job.key) as Bucket<J>;
    this.leave(job);
    bucket.left(job);
    if (bucket.jobs === 0) this.buckets.delete(bucket.key);
    this.whenIdle();
  }

  /** Resolves when nothing waits and nothing runs. */
  async drained(): Promise<void> {
    if (!this.busy) return;
    await new Promise<void>((resolve) => this.idle.push(resolve));
  }

  private checkRoom(job: J): void {
    const { queueJobsMax, queueRowsMax, queueBytesMax } = this.limits;
    if (this.jobs === 0) return;
    if (
      this.jobs >= queueJobsMax ||
      this.rows + job.rows > queueRowsMax ||
      (job.bytes > 0 && this.bytes + job.bytes > queueBytesMax)
    ) {
      throw new PlatformError(
        'overloaded',
        `the queue is full: ${this.jobs} requests, ${this.rows} rows, ${this.bytes} bytes wait`,
        { facts: { queueJobsMax, queueRowsMax, queueBytesMax } },
      );
    }
    const levelMax = this.limits.levelJobsMax(job.level);
    const inLevel = job.level > 0 ? (this.levels.get(job.level) ?? 0) : this.jobs;
    if (levelMax > 0 && inLevel >= levelMax) {
      const which = job.level > 0 ? ` of priority ${job.level}` : '';
      throw new PlatformError('overloaded', `exceeds maximum queue size: ${inLevel} requests${which} wait`, {
        facts: { maxQueueSize: levelMax },
      });
    }
  }

  /** Bookkeeping of the whole queue; the bucket's own follows in `left` or in `take`. */
  private leave(job: J): void {
    job.queue.in = false;
    this.jobs--;
    this.rows -= job.rows;
    this.bytes -= job.bytes;
    if (job.level === 0) return;
    const rest = (this.levels.get(job.level) as number) - 1;
    if (rest === 0) this.levels.delete(job.level);
    else this.levels.set(job.level, rest);
  }

  private schedule(): void {
    if (this.scheduled) return;
    if (this.running >= this.limits.concurrency) {
      this.wakeAt(this.nextExpiryMs);
      return;
    }
    this.scheduled = true;
    this.ports.soon(() => {
      this.scheduled = false;
      this.dispatch();
    });
  }

  private dispatch(): void {
    let nowMs = this.ports.clock.monotonicMs();
    if (nowMs >= this.nextExpiryMs) this.expire(nowMs);
    let nextReadyMs = NEVER;
    while (this.running < this.limits.concurrency && this.jobs > 0) {
      const { bucket, readyAtMs } = this.choose(nowMs);
      if (!bucket) {
        nextReadyMs = readyAtMs;
        break;
      }
      this.start(bucket);
      nowMs = this.ports.clock.monotonicMs();
    }
    if (this.jobs > 0) this.wakeAt(Math.min(nextReadyMs, this.nextExpiryMs));
    else this.nextExpiryMs = NEVER;
    this.whenIdle();
  }

  private start(bucket: Bucket<J>): void {
    const { jobs, rows } = bucket.take(this.limits);
    for (const job of jobs) this.leave(job);
    if (bucket.jobs === 0) this.buckets.delete(bucket.key);
    this.running++;
    void this.ports.run(jobs, rows).finally(() => {
      this.running--;
      // At once, not `soon`: what queued while the engine ran has waited long enough.
      this.dispatch();
    });
  }

  /** The ready bucket that goes first, or when the next will be ready. */
  private choose(nowMs: number): { bucket: Bucket<J> | undefined; readyAtMs: number } {
    let best: Bucket<J> | undefined;
    let readyAtMs = NEVER;
    for (const bucket of this.buckets.values()) {
      const at = this.readyAt(bucket);
      if (at > nowMs) readyAtMs = Math.min(readyAtMs, at);
      else if (!best || bucket.goesBefore(best)) best = bucket;
    }
    return { bucket: best, readyAtMs };
  }

  private readyAt(bucket: Bucket<J>): number {
    const { maxQueueDelayMs, batchRowsMax, batchJobsMax, preferredRows } = this.limits;
    if (maxQueueDelayMs === 0 || bucket.rows >= batchRowsMax || bucket.jobs >= batchJobsMax) return 0;
    const smallest = preferredRows[0];
    if (smallest !== undefined && bucket.rows >= smallest && bucket.reaches(this.limits)) return 0;
    return bucket.oldestMs() + maxQueueDelayMs;
  }

  /** One pass over the queue: refuses or delays what has expired. */
  private expire(nowMs: number): void {
    const refused: J[] = [];
    let next = NEVER;
    for (const bucket of [...this.buckets.values()]) {
      for (const job of bucket.expired(nowMs)) {
        if (job.timeoutAction === 'delay' && job.deadlineAtMs > nowMs) {
          bucket.delay(job);
          job.queue.expiresAtMs = job.deadlineAtMs;
        } else {
          this.leave(job);
          bucket.left(job);
          refused.push(job);
        }
      }
      if (bucket.jobs === 0) this.buckets.delete(bucket.key);
      else next = Math.min(next, bucket.nextExpiryMs());
    }
    this.nextExpiryMs = next;
    // Last, because a refused caller may submit again.
    for (const job of refused) job.refuse(expired(job.deadlineAtMs <= nowMs));
  }

  private wakeAt(atMs: number): void {
    if (atMs >= this.wakeAtMs || atMs === NEVER) return;
    this.takeBackWake();
    this.wakeAtMs = atMs;
    const delayMs = Math.max(0, atMs - this.ports.clock.monotonicMs());
    this.takeBackWake = this.ports.after(delayMs, () => {
      this.wakeAtMs = NEVER;
      this.takeBackWake = () => {};
      this.dispatch();
    });
  }

  private whenIdle(): void {
    if (this.busy) return;
    this.takeBackWake();
    this.takeBackWake = () => {};
    this.wakeAtMs = NEVER;
    for (const resolve of this.idle.splice(0)) resolve();
  }
}
