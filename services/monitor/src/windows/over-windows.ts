// Windows that the judge of a project has retired, and that a part may have to count again: whoever takes a number over
// begins at its newest checkpoint, and what that one has not counted of them is read again. Of each stands where it was
// closed and where it was over, by partition, until every part that had some of it says that a checkpoint knows it as
// over. Bound: OVER_WINDOWS_MAX; past it the oldest go, and rows that are read again of them are late.

import type { JudgedWindow } from './judged-window.js';
import type { Part } from './part.js';

/** Of windows of a minute the time in which 16 h of checkpoints fail. */
export const OVER_WINDOWS_MAX = 1_000;

export class OverWindows {
  /** In the order of event time. */
  private readonly windows = new Map<number, JudgedWindow>();

  constructor(private readonly windowMs: number) {}

  clear(): void {
    this.windows.clear();
  }

  /** Gives the starts of those that go for it. */
  add(window: JudgedWindow): number[] {
    this.windows.set(window.startMs, window);
    const starts = [...this.windows.keys()];
    const gone = starts.slice(0, Math.max(0, starts.length - OVER_WINDOWS_MAX));
    for (const startMs of gone) this.windows.delete(startMs);
    return gone;
  }

  get(startMs: number): JudgedWindow | undefined {
    return this.windows.get(startMs);
  }

  list(): JudgedWindow[] {
    return [...this.windows.values()];
  }

  /** Tells a part, which may have to count them again. */
  brief(part: Part): void {
    for (const window of this.windows.values()) {
      const end = window.endIn(part.partition);
      if (end === undefined) continue;
      const cut = window.cutOf(part.partition);
      part.over(window.startMs, cut, window.revision > 0 ? (cut?.labels ?? 0) : undefined, end);
    }
  }

  /** Forgets those that are over in a checkpoint of every part that had some of them; gives their starts. */
  forgetSaved(parts: readonly Part[]): number[] {
    if (this.windows.size === 0) return [];
    const savedThroughMs = new Map(parts.map((part) => [part.partition, part.savedThroughMs]));
    const isSaved = ({ startMs, ends }: JudgedWindow) =>
      ends.every(
        ({ partition }) => (savedThroughMs.get(partition) ?? Number.NEGATIVE_INFINITY) >= startMs + this.windowMs,
      );
    const saved = this.list().filter(isSaved);
    for (const { startMs } of saved) this.windows.delete(startMs);
    return saved.map(({ startMs }) => startMs);
  }
}
