// Whether a consumer is a member of its group still. kafkajs forgets who it was when the group does not know it any
// more; where the join that follows fails (after an outage nobody coordinates the group yet) it goes on fetching as
// nobody: it asks the group nothing, commits nothing, and never joins again.

import type { Clock } from '@millrace/domain';

/** After each fetch a member asks, once its time is over. */
const FETCHES_UNHEARD_MAX = 3;

export class Pulse {
  private heardAtMs = Number.NEGATIVE_INFINITY;
  private fetchesUnheard = 0;

  constructor(
    /** After so long without a word the group gives to others what a member has. */
    private readonly timeoutMs: number,
    private readonly clock: Clock,
  ) {}

  /** The group has answered this member. */
  heard(): void {
    this.heardAtMs = this.clock.monotonicMs();
    this.fetchesUnheard = 0;
  }

  get isOver(): boolean {
    return this.clock.monotonicMs() - this.heardAtMs >= this.timeoutMs;
  }

  /** To be told of each fetch. Gives true where the consumer reads on and is no member. */
  fetched(): boolean {
    if (this.isOver) this.fetchesUnheard += 1;
    return this.fetchesUnheard > FETCHES_UNHEARD_MAX;
  }
}
