// The event-time clock of one project: how far all its streams have come.
//
//   watermark = min over sources of (largest event time seen), a source being one partition of predictions or labels;
//   it never goes back.
// - A source that has been silent for its stream's idle time (processing time), and has nothing left to read, does not hold
//   the watermark. When all are silent, the largest event time of all is taken.
// - A partition with unread messages in which the project was not seen yet holds the watermark where it is: its messages may
//   be old.
// - Labels advance by the time they became known, so that a passed watermark means "labels due by then are here". Their idle
//   time is longer: while label delivery is interrupted, windows wait instead of closing without labels.

export type Stream = 'predictions' | 'labels';

/** Which partitions still have unread messages, as far as known. */
export interface Backlog {
  behind(): readonly { stream: Stream; partition: number }[];
}

interface Source {
  stream: Stream;
  partition: number;
  maxEventMs: number;
  /** Processing time. */
  lastSeenMs: number;
}

export interface WatermarkState {
  watermarkMs: number | null;
  sources: { stream: Stream; partition: number; maxEventMs: number }[];
}

export class Watermark {
  private readonly sources: Source[] = [];
  private reachedMs = Number.NEGATIVE_INFINITY;

  constructor(private readonly idleMs: Readonly<Record<Stream, number>>) {}

  /** Notes one message; called for each, so it only compares numbers. */
  observe(stream: Stream, partition: number, eventMs: number, nowMs: number): void {
    for (const source of this.sources) {
      if (source.partition === partition && source.stream === stream) {
        if (eventMs > source.maxEventMs) source.maxEventMs = eventMs;
        source.lastSeenMs = nowMs;
        return;
      }
    }
    this.sources.push({ stream, partition, maxEventMs: eventMs, lastSeenMs: nowMs });
  }

  /** Advances and returns the watermark; -Infinity before the first message. */
  advance(nowMs: number, backlog: Backlog): number {
    const behind = backlog.behind();
    const isBehind = (source: Source) =>
      behind.some((b) => b.stream === source.stream && b.partition === source.partition);
    const unseen = behind.some(
      (b) => !this.sources.some((source) => source.stream === b.stream && source.partition === b.partition),
    );
    if (unseen || this.sources.length === 0) return this.reachedMs;
    let lowest = Number.POSITIVE_INFINITY;
    let highest = Number.NEGATIVE_INFINITY;
    for (const source of this.sources) {
      highest = Math.max(highest, source.maxEventMs);
      const idle = nowMs - source.lastSeenMs >= this.idleMs[source.stream] && !isBehind(source);
      if (!idle) lowest = Math.min(lowest, source.maxEventMs);
    }
    const now = lowest === Number.POSITIVE_INFINITY ? highest : lowest;
    if (now > this.reachedMs) this.reachedMs = now;
    return this.reachedMs;
  }

  get currentMs(): number {
    return this.reachedMs;
  }

  state(): WatermarkState {
    return {
      watermarkMs: Number.isFinite(this.reachedMs) ? this.reachedMs : null,
      sources: this.sources.map(({ stream, partition, maxEventMs }) => ({ stream, partition, maxEventMs })),
    };
  }

  /** Sources count as seen now, so that a restart does not take them for idle. */
  restore(state: WatermarkState, nowMs: number): void {
    this.reachedMs = state.watermarkMs ?? Number.NEGATIVE_INFINITY;
    this.sources.length = 0;
    for (const source of state.sources) this.sources.push({ ...source, lastSeenMs: nowMs });
  }
}
