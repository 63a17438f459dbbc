// Which serving said "not yet" of which version, and until when that is believed. Pure; at MARKS_MAX all are forgotten,
// which costs a question more.

/** A version loads within seconds; asking again costs one resent request. */
const UNREADY_MS = 1_000;
const MARKS_MAX = 1_024;

export class UnreadyVersions {
  private readonly untilMs = new Map<string, number>();
  private lastUntilMs = Number.NEGATIVE_INFINITY;

  /** Whether no mark is believed any more. */
  isEmpty(nowMs: number): boolean {
    if (this.lastUntilMs <= nowMs) this.untilMs.clear();
    return this.untilMs.size === 0;
  }

  mark(target: string, model: string, version: number, nowMs: number): void {
    if (this.untilMs.size >= MARKS_MAX) this.untilMs.clear();
    this.lastUntilMs = nowMs + UNREADY_MS;
    this.untilMs.set(keyOf(target, model, version), this.lastUntilMs);
  }

  isMarked(target: string, model: string, version: number, nowMs: number): boolean {
    if (this.untilMs.size === 0) return false;
    const key = keyOf(target, model, version);
    const untilMs = this.untilMs.get(key);
    if (untilMs === undefined) return false;
    if (untilMs > nowMs) return true;
    this.untilMs.delete(key);
    return false;
  }
}

const keyOf = (target: string, model: string, version: number): string => `${target} ${version} ${model}`;
