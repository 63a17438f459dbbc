// How long what comes waits before the router's own event loop gets to it, and so how long an answer will: where the
// loop is the bottleneck, requests queue in sockets, before anything could count them.
//
//   late_i = time between ticks i − 1 and i, less the time that was meant       ms
//   lag    = min(late) over the last TICKS ticks
//
// The minimum, as CoDel has it: one long pause is a burst that passes, a queue that stands makes every tick late. O(1).

const TICKS = 5;

export class LoopLag {
  private readonly late = new Float64Array(TICKS);
  private at = 0;
  private tickedAtMs: number | undefined;

  constructor(private readonly everyMs: number) {}

  ticked(nowMs: number): void {
    if (this.tickedAtMs !== undefined) {
      this.late[this.at] = Math.max(0, nowMs - this.tickedAtMs - this.everyMs);
      this.at = (this.at + 1) % TICKS;
    }
    this.tickedAtMs = nowMs;
  }

  get lagMs(): number {
    return Math.min(...this.late);
  }
}
