// Open-loop pacing: when the k-th request is due does not depend on how fast the earlier ones were answered, and its
// latency counts from that moment (no coordinated omission). The rate rises linearly over the first seconds: every
// process on the way compiles its code then, and a client population does not arrive in one millisecond either.
//
// Arrivals by time t of a ramp of R seconds from a to r per second: N(t) = a t + (r - a) t² / 2R up to R, then + r (t -
// R). After the ramp the rate may change; arrivals that are due already keep their time.

import { assert } from '@millrace/domain';

/** The ramp's first rate, as a share of the full one. */
const RAMP_FROM_SHARE = 0.1;

export class Schedule {
  private sentCount = 0;
  private readonly firstRate: number;
  /** At the end of the ramp. */
  private readonly fullRate: number;
  /** Arrivals in the ramp. */
  private readonly rampCount: number;
  /** The rate holds from this arrival on, which was due then. */
  private since: { index: number; dueMs: number };

  /**
   * @param ratePerSecond arrivals per second after the ramp, evenly spaced
   * @param startMs monotonic time of the first one
   * @param rampSeconds 0 = the full rate at once
   */
  constructor(
    private ratePerSecond: number,
    private readonly startMs: number,
    private readonly rampSeconds = 0,
  ) {
    assert(ratePerSecond > 0 && rampSeconds >= 0, 'a rate above 0, a ramp of 0 seconds or more');
    this.firstRate = ratePerSecond * RAMP_FROM_SHARE;
    this.rampCount = ((this.firstRate + ratePerSecond) / 2) * rampSeconds;
    this.since = { index: this.rampCount, dueMs: startMs + 1_000 * rampSeconds };
    this.fullRate = ratePerSecond;
  }

  /** The rate from the next arrival on; not within the ramp. */
  set rate(perSecond: number) {
    assert(perSecond > 0 && !this.isRamp(this.sentCount), 'a rate above 0, after the ramp');
    this.since = { index: this.sentCount, dueMs: this.dueMs(this.sentCount) };
    this.ratePerSecond = perSecond;
  }

  get sent(): number {
    return this.sentCount;
  }

  /** Whether arrival `index` lies in the ramp. */
  isRamp(index: number): boolean {
    return index < this.rampCount;
  }

  /** Monotonic time at which arrival `index` is due: one of the ramp, or one from the last change of the rate on. */
  dueMs(index: number): number {
    if (!this.isRamp(index)) {
      return this.since.dueMs + (1_000 * (index - this.since.index)) / this.ratePerSecond;
    }
    const a = this.firstRate;
    const b = (this.fullRate - a) / (2 * this.rampSeconds);
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

/** The slowest traffic of a reserve, as a share of the full rate. */
const RESERVE_SHARE_MIN = 0.01;

/**
 * Share of the full rate at which the reserve (arrivals `from` to `to`, exclusive) is sent while the loop is at work:
 * what is left of it. A machine that is busy with something else needs longer for a retraining, and must not run out of
 * rows meanwhile; one that is not hardly sees it.
 */
export function reservePace(sent: number, { from, to }: { from: number; to: number }): number {
  if (sent < from) return 1;
  return Math.max(RESERVE_SHARE_MIN, (to - sent) / Math.max(1, to - from));
}
