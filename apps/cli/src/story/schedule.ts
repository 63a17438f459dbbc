// Open-loop pacing: when the k-th request is due does not depend on how fast the earlier ones were answered, and its
// latency counts from that moment (no coordinated omission).

import { assert } from '@millrace/domain';

export class Schedule {
  private sentCount = 0;

  /** @param ratePerSecond arrivals per second, evenly spaced; @param startMs monotonic time of the first one */
  constructor(
    private readonly ratePerSecond: number,
    private readonly startMs: number,
  ) {
    assert(ratePerSecond > 0, 'a rate above 0');
  }

  get sent(): number {
    return this.sentCount;
  }

  /** Monotonic time at which arrival `index` (from 0) is due. */
  dueMs(index: number): number {
    return this.startMs + (index * 1_000) / this.ratePerSecond;
  }

  /** How many arrivals are due by `nowMs` and not yet taken; takes them, at most `max`. */
  take(nowMs: number, max: number): number {
    const dueCount = Math.floor(((nowMs - this.startMs) * this.ratePerSecond) / 1_000) + 1;
    const count = Math.max(0, Math.min(max, dueCount - this.sentCount));
    this.sentCount += count;
    return count;
  }
}
