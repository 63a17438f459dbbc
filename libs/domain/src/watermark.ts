// The event-time clock of what reads several streams: how far all of them have come.
//
//   watermark = min over sources of (largest event time seen), a source being one partition of one stream;
//   it never goes back, and is -Infinity before the first message.
// - A source that has been silent for its stream's idle time, and has nothing left to read, does not hold the
//   watermark.
// - A partition with unread messages in which nothing was seen yet holds the watermark where it is: they may be old.
// Event time and processing time (`nowMs`) are different things. Cost of a message O(sources), of a value the same.

export interface WatermarkRules<S extends string> {
  /** Processing time without a message after which a source no longer holds the watermark, by stream. */
  readonly idleMs: Readonly<Record<S, number>>;
  /**
   * What counts as silence. 'all time': time as it passes. 'busy time': only time in which messages come in at all,
   * gaps longer than BUSY_GAP_MS as that: after an outage of the broker the partition that is fetched first must not
   * run ahead of those that are fetched a moment later.
   */
  readonly silence: 'all time' | 'busy time';
  /** Where the watermark goes when every source is silent: to the largest event time of all, or nowhere. */
  readonly allSilent: 'newest' | 'hold';
}

export interface SourceId<S extends string> {
  readonly stream: S;
  readonly partition: number;
}

export interface WatermarkState<S extends string> {
  watermarkMs: number | null;
  sources: (SourceId<S> & { maxEventMs: number })[];
}

interface Source<S extends string> extends SourceId<S> {
  maxEventMs: number;
  /** On the clock of silence. */
  heardAtMs: number;
}

const BUSY_GAP_MS = 1_000;

export class Watermark<S extends string> {
  private readonly sources: Source<S>[] = [];
  private reachedMs = Number.NEGATIVE_INFINITY;
  private busyMs = 0;
  private lastMessageMs = Number.NaN;

  constructor(private readonly rules: WatermarkRules<S>) {}

  get currentMs(): number {
    return this.reachedMs;
  }

  /** Notes one message; called for each, so it only compares numbers. */
  observe(stream: S, partition: number, eventMs: number, nowMs: number): void {
    if (!Number.isNaN(this.lastMessageMs))
      this.busyMs += Math.min(Math.max(0, nowMs - this.lastMessageMs), BUSY_GAP_MS);
    this.lastMessageMs = nowMs;
    const heardAtMs = this.silenceClock(nowMs);
    for (const source of this.sources) {
      if (source.partition === partition && source.stream === stream) {
        if (eventMs > source.maxEventMs) source.maxEventMs = eventMs;
        source.heardAtMs = heardAtMs;
        return;
      }
    }
    this.sources.push({ stream, partition, maxEventMs: eventMs, heardAtMs });
  }

  /** The sources as they are known to be, for who notes messages elsewhere; of silence as 'all time'. */
  place(sources: readonly (SourceId<S> & { maxEventMs: number; heardAtMs: number })[]): void {
    this.sources.splice(0, this.sources.length, ...sources);
  }

  /**
   * Advances and returns the watermark. `unread`: the partitions that still have unread messages, as far as known;
   * 'some' holds the watermark where it is, whatever was seen in them. `limitMs`: not beyond it, for what was seen
   * since `unread` was known to be all.
   */
  advance(nowMs: number, unread: readonly SourceId<S>[] | 'some', limitMs = Number.POSITIVE_INFINITY): number {
    this.reachedMs = Math.max(this.reachedMs, Math.min(this.ahead(nowMs, unread), limitMs));
    return this.reachedMs;
  }

  /** Where `advance` would put the watermark; nothing changes. */
  ahead(nowMs: number, unread: readonly SourceId<S>[] | 'some'): number {
    return Math.max(this.reachedMs, this.least(this.sources, nowMs, unread));
  }

  /** Where the sources are now, whatever was reached before. */
  ofSources(nowMs: number, unread: readonly SourceId<S>[]): number {
    return this.least(this.sources, nowMs, unread);
  }

  /** The largest event time of one stream, however few partitions have reached it; -Infinity before its first. */
  newestOf(stream: S): number {
    const own = this.sources.filter((source) => source.stream === stream);
    return Math.max(...own.map(({ maxEventMs }) => maxEventMs));
  }

  /** The same of one stream alone, whatever the others hold back. */
  ofStream(stream: S, nowMs: number, unread: readonly SourceId<S>[]): number {
    const own = (id: SourceId<S>) => id.stream === stream;
    return this.least(this.sources.filter(own), nowMs, unread.filter(own));
  }

  /** -Infinity: held where it is. */
  private least(sources: readonly Source<S>[], nowMs: number, unread: readonly SourceId<S>[] | 'some'): number {
    if (unread === 'some' || sources.length === 0) return Number.NEGATIVE_INFINITY;
    const sameAs = (a: SourceId<S>) => (b: SourceId<S>) => a.stream === b.stream && a.partition === b.partition;
    if (unread.some((id) => !sources.some(sameAs(id)))) return Number.NEGATIVE_INFINITY;
    const silenceMs = this.silenceClock(nowMs);
    let lowest = Number.POSITIVE_INFINITY;
    let highest = Number.NEGATIVE_INFINITY;
    for (const source of sources) {
      highest = Math.max(highest, source.maxEventMs);
      const idle = silenceMs - source.heardAtMs >= this.rules.idleMs[source.stream] && !unread.some(sameAs(source));
      if (!idle) lowest = Math.min(lowest, source.maxEventMs);
    }
    if (lowest !== Number.POSITIVE_INFINITY) return lowest;
    return this.rules.allSilent === 'newest' ? highest : Number.NEGATIVE_INFINITY;
  }

  state(): WatermarkState<S> {
    return {
      watermarkMs: Number.isFinite(this.reachedMs) ? this.reachedMs : null,
      sources: this.sources.map(({ stream, partition, maxEventMs }) => ({ stream, partition, maxEventMs })),
    };
  }

  /** Sources count as heard now, so that a restart does not take them for idle. */
  restore(state: WatermarkState<S>, nowMs: number): void {
    this.reachedMs = state.watermarkMs ?? Number.NEGATIVE_INFINITY;
    this.sources.length = 0;
    for (const source of state.sources) this.sources.push({ ...source, heardAtMs: this.silenceClock(nowMs) });
  }

  private silenceClock(nowMs: number): number {
    return this.rules.silence === 'all time' ? nowMs : this.busyMs;
  }
}
