// The event-time watermark of one project over the partitions of records.v1 and labels.v1: the minimum, over partitions
// that have traffic, of the newest event time seen. It never goes back.
//
// A partition without traffic for `idleAfterMs` does not hold it back. That time is counted only while messages come in at
// all (gaps longer than `gapMaxMs` count as `gapMaxMs`): after an outage of the broker the partition that is fetched first
// must not run ahead of those that are fetched a moment later. A partition that has not yet been read up to where its end
// was when reading began holds everything back (the caller says so with `ready`).
// Cost O(partitions) per value.

export class Watermark {
  private readonly partitions = new Map<string, { newestMs: number; seenAt: number }>();
  private current = Number.NEGATIVE_INFINITY;
  private activeMs = 0;
  private lastMs = Number.NaN;

  constructor(
    private readonly idleAfterMs: number,
    private readonly gapMaxMs = 1_000,
  ) {}

  /** Event time (for labels: the time it became known) of a message of one partition; `nowMs` is processing time. */
  observe(partition: string, eventTimeMs: number, nowMs: number): void {
    this.tick(nowMs);
    const seen = this.partitions.get(partition);
    if (seen === undefined) this.partitions.set(partition, { newestMs: eventTimeMs, seenAt: this.activeMs });
    else {
      if (eventTimeMs > seen.newestMs) seen.newestMs = eventTimeMs;
      seen.seenAt = this.activeMs;
    }
  }

  /** Time in which messages came in; call it with every batch. */
  tick(nowMs: number): void {
    if (!Number.isNaN(this.lastMs)) this.activeMs += Math.min(Math.max(0, nowMs - this.lastMs), this.gapMaxMs);
    this.lastMs = nowMs;
  }

  /** The watermark; -Infinity while nothing is known. */
  value(ready: boolean): number {
    if (!ready) return this.current;
    let minimum = Number.POSITIVE_INFINITY;
    for (const { newestMs, seenAt } of this.partitions.values()) {
      if (this.activeMs - seenAt <= this.idleAfterMs) minimum = Math.min(minimum, newestMs);
    }
    if (minimum !== Number.POSITIVE_INFINITY && minimum > this.current) this.current = minimum;
    return this.current;
  }
}
