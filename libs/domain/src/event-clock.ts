// How far event time has come in one stream, when some of those who send it have wrong clocks.
//
//   reached = the largest event time that is believed; it never goes back by itself.
// A time is believed at once when it is neither ahead of the processing clock by more than `aheadMs`, nor ahead of what
// was reached by more than `jumpMs` and the processing time since. Any other is doubted until a second entity says so
// too: then reached goes to the largest time that two entities have said. One wrong clock moves nothing; two that are
// wrong in the same way are believed, and `reset` takes that back. O(1) a message, DOUBTED_MAX entities remembered.

export interface ClockRules {
  /** Of the processing clock: what the clocks of senders may differ. */
  readonly aheadMs: number;
  /** Between two messages of the stream, beside the time that passed. */
  readonly jumpMs: number;
}

const DOUBTED_MAX = 64;

export class EventClock {
  /** By entity: the largest time that is doubted. */
  private readonly doubted = new Map<string, number>();

  constructor(
    private reached = Number.NEGATIVE_INFINITY,
    /** Processing time of the last message that was believed. */
    private heardAtMs = Number.NEGATIVE_INFINITY,
  ) {}

  /** -Infinity before the first message. */
  get reachedMs(): number {
    return this.reached;
  }

  /** False where the time is doubted. */
  observe(entity: string, eventMs: number, nowMs: number, rules: ClockRules): boolean {
    if (eventMs <= this.reached) {
      this.heardAtMs = Math.max(this.heardAtMs, nowMs);
      return true;
    }
    if (this.isPlausible(eventMs, nowMs, rules)) {
      this.advance(eventMs, nowMs);
      return true;
    }
    if (!this.doubted.has(entity) && this.doubted.size >= DOUBTED_MAX) this.forgetOne();
    this.doubted.set(entity, Math.max(eventMs, this.doubted.get(entity) ?? Number.NEGATIVE_INFINITY));
    if (this.doubted.size < 2) return false;
    const [, second] = [...this.doubted.values()].sort((a, b) => b - a) as [number, number];
    this.advance(second, nowMs);
    return eventMs <= this.reached;
  }

  /** What was believed was wrong. */
  reset(toMs: number): void {
    this.reached = Math.min(this.reached, toMs);
    this.doubted.clear();
  }

  private isPlausible(eventMs: number, nowMs: number, { aheadMs, jumpMs }: ClockRules): boolean {
    if (eventMs > nowMs + aheadMs) return false;
    if (this.reached === Number.NEGATIVE_INFINITY) return true;
    return eventMs <= this.reached + jumpMs + Math.max(0, nowMs - this.heardAtMs);
  }

  private advance(toMs: number, nowMs: number): void {
    this.reached = toMs;
    this.heardAtMs = nowMs;
    for (const [entity, eventMs] of this.doubted) if (eventMs <= toMs) this.doubted.delete(entity);
  }

  /** The one whose time is the least. */
  private forgetOne(): void {
    let least: [string, number] | undefined;
    for (const entry of this.doubted) if (least === undefined || entry[1] < least[1]) least = entry;
    if (least !== undefined) this.doubted.delete(least[0]);
  }
}
