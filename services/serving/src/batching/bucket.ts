// Waiting jobs of equal shape, in lanes: for each priority level one, and behind it one for those whose time-out
// delayed them. A lane is first in, first out; jobs that left otherwise stay as gaps until they are passed or outnumber
// the living.

import type { DynamicBatcherLimits, QueuedJob } from './queued-job.js';

/** Gaps a lane may have beyond its living jobs before it is rewritten. */
const GAPS_MAX = 64;

interface Lane<J> {
  /** level × 2, + 1 for delayed. */
  readonly rank: number;
  queue: J[];
  head: number;
  live: number;
}

export class Bucket<J extends QueuedJob> {
  jobs = 0;
  rows = 0;
  /** In the order of rank; only lanes with jobs. */
  private readonly lanes: Lane<J>[] = [];

  constructor(readonly key: string) {}

  push(job: J): void {
    this.jobs++;
    this.rows += job.rows;
    this.append(job, job.level * 2);
  }

  private append(job: J, rank: number): void {
    const { lanes } = this;
    let at = 0;
    while (at < lanes.length && (lanes[at] as Lane<J>).rank < rank) at++;
    let lane = lanes[at];
    if (lane?.rank !== rank) {
      lane = { rank, queue: [], head: 0, live: 0 };
      lanes.splice(at, 0, lane);
    }
    lane.queue.push(job);
    lane.live++;
  }

  /** The job left from its place; `queue.in` is already false. */
  left(job: J): void {
    this.jobs--;
    this.rows -= job.rows;
    this.unlink(job);
  }

  private unlink(job: J): void {
    const rank = job.level * 2 + (job.queue.delayed ? 1 : 0);
    const at = this.lanes.findIndex((lane) => lane.rank === rank);
    const lane = this.lanes[at] as Lane<J>;
    lane.live--;
    if (lane.live === 0) this.lanes.splice(at, 1);
    else if (lane.queue.length - lane.head > 2 * lane.live + GAPS_MAX) {
      lane.queue = lane.queue.slice(lane.head).filter((one) => this.stands(one, lane));
      lane.head = 0;
    }
  }

  /** Whether the job still has its place in this lane. */
  private stands(job: J, lane: Lane<J>): boolean {
    return job.queue.in && (lane.rank & 1) === (job.queue.delayed ? 1 : 0);
  }

  /** Behind the others of its level. */
  delay(job: J): void {
    this.unlink(job);
    job.queue.delayed = true;
    this.append(job, job.level * 2 + 1);
  }

  private first(lane: Lane<J>): J {
    while (!this.stands(lane.queue[lane.head] as J, lane)) lane.head++;
    return lane.queue[lane.head] as J;
  }

  /** Higher level first, then the older head. Both buckets have jobs. */
  goesBefore(other: Bucket<J>): boolean {
    const mine = this.lanes[0] as Lane<J>;
    const its = other.lanes[0] as Lane<J>;
    if (mine.rank !== its.rank) return mine.rank < its.rank;
    return this.first(mine).queue.order < other.first(its).queue.order;
  }

  /** Since when its oldest job waits. */
  oldestMs(): number {
    let oldest = Number.POSITIVE_INFINITY;
    for (const lane of this.lanes) oldest = Math.min(oldest, this.first(lane).queue.sinceMs);
    return oldest;
  }

  /** Whether the jobs from the front reach a preferred size or more rows than a batch holds. */
  reaches(limits: DynamicBatcherLimits): boolean {
    const { jobs, rows } = this.peek(limits);
    return jobs.length < this.jobs || limits.preferredRows.includes(rows);
  }

  /** Takes the jobs of the next batch; the caller marks them as left. */
  take(limits: DynamicBatcherLimits): { jobs: J[]; rows: number } {
    const batch = this.peek(limits);
    let rest = batch.jobs.length;
    this.jobs -= rest;
    this.rows -= batch.rows;
    // The lanes are in the order in which `peek` walked them: the first ones lose all they have, the last one a part.
    while (rest > 0) {
      const lane = this.lanes[0] as Lane<J>;
      if (lane.live <= rest) {
        rest -= lane.live;
        this.lanes.shift();
        continue;
      }
      lane.live -= rest;
      for (; rest > 0; lane.head++) if (this.stands(lane.queue[lane.head] as J, lane)) rest--;
      if (lane.head > GAPS_MAX && lane.head * 2 > lane.queue.length) {
        lane.queue = lane.queue.slice(lane.head);
        lane.head = 0;
      }
    }
    return batch;
  }

  /** Jobs from the front that fit into a batch, cut to the largest preferred size that they reach exactly. */
  private peek({ batchRowsMax, batchJobsMax, preferredRows }: DynamicBatcherLimits): { jobs: J[]; rows: number } {
    const jobs: J[] = [];
    let rows = 0;
    let cutJobs = 0;
    let cutRows = 0;
    walk: for (const lane of this.lanes) {
      for (let at = lane.head; at < lane.queue.length; at++) {
        const job = lane.queue[at] as J;
        if (!this.stands(job, lane)) continue;
        if (jobs.length > 0 && (jobs.length === batchJobsMax || rows + job.rows > batchRowsMax)) break walk;
        jobs.push(job);
        rows += job.rows;
        if (preferredRows.length > 0 && preferredRows.includes(rows)) {
          cutJobs = jobs.length;
          cutRows = rows;
        }
      }
    }
    if (cutJobs === 0 || cutJobs === jobs.length) return { jobs, rows };
    jobs.length = cutJobs;
    return { jobs, rows: cutRows };
  }

  expired(nowMs: number): J[] {
    const found: J[] = [];
    for (const lane of this.lanes) {
      for (let at = lane.head; at < lane.queue.length; at++) {
        const job = lane.queue[at] as J;
        if (this.stands(job, lane) && job.queue.expiresAtMs <= nowMs) found.push(job);
      }
    }
    return found;
  }

  nextExpiryMs(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const lane of this.lanes) {
      for (let at = lane.head; at < lane.queue.length; at++) {
        const job = lane.queue[at] as J;
        if (this.stands(job, lane)) next = Math.min(next, job.queue.expiresAtMs);
      }
    }
    return next;
  }
}
