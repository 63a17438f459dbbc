// How long open spans of a project have been held back by senders that lag: some partition has reached the time at
// which a span is due, and another one has not, for its senders send old records or labels, or have clocks that are
// slow. In processing time, counted since this process saw it.

export class HeldSpans {
  private readonly sinceMs = new Map<number, number>();

  /**
   * `open`: start times of all open spans, oldest first; `isReached`: whether some partition has reached the time at
   * which it is due. Bound: one number for each of them.
   */
  note(open: readonly number[], isReached: (spanStartMs: number) => boolean, nowMs: number): void {
    const held = new Set<number>();
    for (const span of open) {
      if (!isReached(span)) break; // nor any later one
      held.add(span);
      if (!this.sinceMs.has(span)) this.sinceMs.set(span, nowMs);
    }
    for (const span of this.sinceMs.keys()) if (!held.has(span)) this.sinceMs.delete(span);
  }

  /** Of the one that is held for the longest time; 0 where none is. */
  longestMs(nowMs: number): number {
    return nowMs - Math.min(nowMs, ...this.sinceMs.values());
  }
}
