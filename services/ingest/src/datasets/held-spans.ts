// How long open spans of a project have been held back by senders that lag: some partition has reached the time at
// which a span is due, and another one has not, for its senders send old records or labels, or have clocks that are
// slow. In processing time, counted since this process saw it.

export class HeldSpans {
  private readonly sinceMs = new Map<number, number>();

  /**
   * Whether one of them has been held for `mostMs`. `open`: start times of all open spans; `waitsMs`: after its start a
   * span is due; `reachedMs`: event time that some partition has reached. A partition whose clock is ahead
   * says nothing of spans that are not over. Bound: one number for each of them.
   */
  areTooLong(
    open: readonly number[],
    { waitsMs, reachedMs, nowMs, mostMs }: { waitsMs: number; reachedMs: number; nowMs: number; mostMs: number },
  ): boolean {
    const dueMs = Math.min(reachedMs, nowMs) - waitsMs;
    const held = new Set(open.filter((spanStartMs) => spanStartMs <= dueMs));
    for (const span of this.sinceMs.keys()) if (!held.has(span)) this.sinceMs.delete(span);
    for (const span of held) if (!this.sinceMs.has(span)) this.sinceMs.set(span, nowMs);
    return [...this.sinceMs.values()].some((sinceMs) => nowMs - sinceMs >= mostMs);
  }
}
