// Time for tests that stands still until it is moved.

import type { Clock } from '@millrace/domain';

/** Time that stands still until it is moved, and who sleeps in it. */
export class Time {
  nowMs = 1_000_000;
  private sleepers: { atMs: number; wake(): void }[] = [];
  readonly clock = { nowMs: () => this.nowMs, monotonicMs: () => this.nowMs } as Clock;

  readonly sleep = (ms: number): Promise<void> =>
    new Promise((wake) => this.sleepers.push({ atMs: this.nowMs + ms, wake }));

  /** To the end of what can happen in it. */
  async pass(ms: number): Promise<void> {
    const endMs = this.nowMs + ms;
    await turn();
    for (;;) {
      const next = Math.min(...this.sleepers.map(({ atMs }) => atMs));
      if (next > endMs) break;
      this.nowMs = Math.max(this.nowMs, next);
      const due = this.sleepers.filter(({ atMs }) => atMs <= this.nowMs);
      this.sleepers = this.sleepers.filter(({ atMs }) => atMs > this.nowMs);
      for (const { wake } of due) wake();
      await turn();
    }
    this.nowMs = endMs;
  }
}

/** Everything that can happen without time passing. */
export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
