// Time and turns of the event loop that pass when a test says so: a clock, what was put off to the end of the turn, and
// timers that fire with the clock.

import { ManualClock } from '@millrace/domain';

interface Timer {
  atMs: number;
  work: () => void;
}

export class ManualTurns {
  readonly clock: ManualClock;
  /** That have not fired. */
  readonly timers = new Set<Timer>();
  private readonly put: (() => void)[] = [];

  constructor(startMs = 0) {
    this.clock = new ManualClock(startMs);
  }

  readonly soon = (work: () => void): void => {
    this.put.push(work);
  };

  /** Gives what cancels it. */
  readonly after = (delayMs: number, work: () => void): (() => void) => {
    const timer = { atMs: this.clock.monotonicMs() + delayMs, work };
    this.timers.add(timer);
    return () => void this.timers.delete(timer);
  };

  /** Ends the turn. */
  readonly turn = (): void => {
    for (const work of this.put.splice(0)) work();
  };

  /** Turns with a promise's step after each, more than any test needs. */
  readonly settle = async (turns = 200): Promise<void> => {
    for (let i = 0; i < turns; i++) {
      this.turn();
      await Promise.resolve();
    }
  };

  /** Lets time pass and fires what is due then. */
  readonly pass = (ms: number): void => {
    this.clock.advance(ms);
    for (const timer of [...this.timers]) {
      if (timer.atMs <= this.clock.monotonicMs() && this.timers.delete(timer)) timer.work();
    }
  };
}
