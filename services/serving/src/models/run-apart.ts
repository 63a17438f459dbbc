// Requests that failed together as one batch run alone, one after the other, once: a row that makes the model fail, or
// takes its process down, ends its own request and no neighbour's. Only for faults that a row can cause; an engine that
// was away before fails all of them. Bounded: a request whose deadline has passed does not run, and after
// DEATHS_MAX processes that died at one of them the rest is refused, for each start costs the machine, and a model of a
// repository is given up after five ends in a row.

import type { Clock, PlatformError } from '@millrace/domain';
import { expired } from '../batching/expired.js';
import { diedOf, mayBeOneRequest, sharedError } from './backend-error.js';

/** Beside the one that died at the batch: 50 and 200 ms of back-off. */
export const DEATHS_MAX = 2;

export interface ApartJob {
  /** Answered or refused. */
  readonly settled: boolean;
  readonly cancelled: boolean;
  /** On the monotonic clock. */
  readonly deadlineAtMs: number;
  readonly callDeadlineAtMs?: number;
  refuse(error: PlatformError): void;
}

export interface ApartPorts<J> {
  clock: Clock;
  /** Answers or refuses it; gives the error it was refused with. Never rejects. */
  runAlone(job: J): Promise<PlatformError | undefined>;
  ranApart?(outcome: ApartOutcome): void;
}

/** What became of a request that ran alone. */
export type ApartOutcome = 'answered' | 'refused';

/** `error`: at which all of `jobs` failed. Never rejects. */
export async function runApart<J extends ApartJob>(
  jobs: readonly J[],
  error: PlatformError,
  { clock, runAlone, ranApart }: ApartPorts<J>,
): Promise<void> {
  const shared = sharedError(error, jobs.length);
  let deaths = mayBeOneRequest(error) ? 0 : DEATHS_MAX;
  for (const job of jobs) {
    if (job.settled || job.cancelled) continue;
    const nowMs = clock.monotonicMs();
    if (deaths >= DEATHS_MAX) job.refuse(shared);
    else if (job.deadlineAtMs <= nowMs) job.refuse(expired((job.callDeadlineAtMs ?? job.deadlineAtMs) <= nowMs));
    else {
      const refusedWith = await runAlone(job);
      if (refusedWith !== undefined && diedOf(refusedWith)) deaths++;
      ranApart?.(refusedWith === undefined ? 'answered' : 'refused');
    }
  }
}
