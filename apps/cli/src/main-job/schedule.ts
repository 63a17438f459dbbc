// Open-loop pacing: when the k-th request is due does not depend on how fast the earlier ones were answered, and its
// latency counts from that moment (no coordinated omission). The rate rises linearly over the first seconds: every
// process on the way compiles its code then, and a client population does not arrive in one millisecond either.
//
// Arrivals by time t of a ramp of R seconds from a to r per second: N(t) = a t + (r - a) t² / 2R up to R, then + r (t -
// R).

import { assert } from '@millrace/domain';

/** The ramp's first rate, as a share of the full one. */
const RAMP_FROM_SHARE = 0.1;

export class Schedule {
  private sentCount = 0;
  private readonly firstRate: number;
  /** Arrivals in the ramp. */
  private readonly rampCount: number;

  /**
   * @param ratePerSecond arrivals per second after the ramp, evenly spaced
   * @param startMs monotonic time of the first one
   * @param rampSeconds 0 = the full rate at once
   */
  constructor(
    private readonly ratePerSecond: number,
    private readonly startMs: number,
    private readonly rampSeconds = 0,
  ) {
    assert(ratePerSecond > 0 && rampSeconds >= 0, 'a rate above 0, a ramp of 0 seconds or more');
    this.firstRate = ratePerSecond * RAMP_FROM_SHARE;
    this.rampCount = ((this.firstRate + ratePerSecond) / 2) * rampSeconds;
  }

  get sent(): number {
    return this.sentCount;
  }

  /** Whether arrival `index` lies in the ramp. */
  isRamp(index: number): boolean {
    return index < this.rampCount;
  }

  /** Monotonic time at which arrival `index` (from 0) is due. */
  dueMs(index: number): number {
    if (!this.isRamp(index)) {
      return this.startMs + 1_000 * (this.rampSeconds + (index - this.rampCount) / this.ratePerSecond);
    }
    const a = this.firstRate;
    const b = (this.ratePerSecond - a) / (2 * this.rampSeconds);
    return this.startMs + (1_000 * (Math.sqrt(a * a + 4 * b * index) - a)) / (2 * b);
  }

  /** How many arrivals are due by `nowMs` and not yet taken; takes them, at most `max`. */
  take(nowMs: number, max: number): number {
    let count = 0;
    while (count < max && this.dueMs(this.sentCount + count) <= nowMs) count++;
    this.sentCount += count;
    return count;
  }
}
