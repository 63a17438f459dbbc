// How many requests may be sent again: retries answer a serving that went away, and are the last thing that a serving
// needs that cannot keep up. A bucket of tokens, one for each retry (Finagle's RetryBudget, with a burst of its own):
//
//   tokens  <=  BURST; + SHARE for each request of a caller; + FLOOR_PER_SECOND · s
//
// It begins full, and a burst is as much as may be in flight: a serving that restarts costs each of its requests one
// retry, and none is lost. What goes on beyond that gets a fifth of the traffic on top, and a few a second where there
// is next to no traffic. O(1), no memory.

export const BURST = 8_192;
export const SHARE = 0.2;
const FLOOR_PER_SECOND = 50;

export class RetryBudget {
  private tokens = BURST;
  private filledAtMs = 0;

  /** A request of a caller came. */
  earn(): void {
    if (this.tokens < BURST) this.tokens = Math.min(BURST, this.tokens + SHARE);
  }

  /** Whether one may be sent again; counts it. */
  take(nowMs: number): boolean {
    this.tokens = Math.min(BURST, this.tokens + ((nowMs - this.filledAtMs) / 1_000) * FLOOR_PER_SECOND);
    this.filledAtMs = nowMs;
    if (this.tokens < 1) return false;
    this.tokens -= 1;
    return true;
  }

  /** Whole ones that are there, without what time has brought since the last was taken. */
  get left(): number {
    return Math.floor(this.tokens);
  }
}
