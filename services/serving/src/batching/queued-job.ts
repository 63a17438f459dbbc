// A job that waits for a batch, where it stands in the queue, and the limits of that queue. The rules are
// dynamic-batcher.ts.

import type { PlatformError } from '@millrace/domain';

export interface QueuedJob {
  readonly rows: number;
  /** Of the request's tensors, which wait with it. */
  readonly bytes: number;
  /** Jobs of equal keys may share a batch. */
  readonly key: string;
  /** 0 where the model has no priorities, else 1 (highest) and up. */
  readonly level: number;
  /** The caller's deadline on the monotonic clock; Infinity = none. */
  readonly deadlineAtMs: number;
  /** Until when it may wait by the queue policy, on the monotonic clock; Infinity = for ever. */
  readonly timeoutAtMs: number;
  readonly timeoutAction: 'reject' | 'delay';
  /** Set by `cancel`; such a job is never run. */
  cancelled: boolean;
  /** Kept by the batcher. */
  queue: QueuePlace;
  /** Called instead of running when the job left the queue: deadline_exceeded. */
  refuse(error: PlatformError): void;
}

/** Where a job stands in the queue; `in` = waiting. */
export interface QueuePlace {
  in: boolean;
  order: number;
  sinceMs: number;
  /** When the policy's time-out or the caller's deadline acts on it. */
  expiresAtMs: number;
  delayed: boolean;
}

export const newPlace = (): QueuePlace => ({
  in: false,
  order: 0,
  sinceMs: 0,
  expiresAtMs: Number.POSITIVE_INFINITY,
  delayed: false,
});

export interface DynamicBatcherLimits {
  /** Rows of a batch; a job that is larger goes alone. */
  batchRowsMax: number;
  /** Jobs of a batch: 1 = batching is off. */
  batchJobsMax: number;
  /** Ascending; empty = none. */
  preferredRows: readonly number[];
  maxQueueDelayMs: number;
  queueJobsMax: number;
  queueRowsMax: number;
  queueBytesMax: number;
  /** Jobs of one level that may wait; 0 = only the bounds of the whole queue. */
  levelJobsMax(level: number): number;
  /** Batches in the engine at the same time. */
  concurrency: number;
}
