// Budgets against peers that make work without asking for anything: a token bucket by time.

import type { Clock } from '@millrace/domain';

export class Budget {
  private left: number;
  private filledAtMs: number;

  constructor(
    private readonly clock: Clock,
    private readonly burst: number,
    private readonly perSecond: number,
  ) {
    this.left = burst;
    this.filledAtMs = clock.monotonicMs();
  }

  /** False = more than the budget allows. */
  take(): boolean {
    if (this.left < 1) {
      const nowMs = this.clock.monotonicMs();
      this.left = Math.min(this.burst, this.left + ((nowMs - this.filledAtMs) / 1000) * this.perSecond);
      this.filledAtMs = nowMs;
      if (this.left < 1) return false;
    }
    this.left--;
    return true;
  }

  /** The peer asked for something real. */
  refill(): void {
    this.left = this.burst;
  }
}
