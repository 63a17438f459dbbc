// Answers in the order of their requests (preserve_ordering): an answer that is ready before an earlier one waits for
// it. Errors and cancellations count as answers. At most `slotsMax` requests may be unanswered, so that one slow
// request holds back a bounded number of others. O(1) per request.

import { PlatformError } from '@millrace/domain';

interface Slot {
  done: boolean;
  deliver: (() => void) | undefined;
}

export interface AnswerSlot {
  /** Calls `deliver` once all earlier slots are done; the first call of either counts. */
  done(deliver: () => void): void;
  /** The caller went, or the request was refused at once: nothing is to be delivered. */
  drop(): void;
}

export class AnswerOrder {
  private slots: Slot[] = [];
  private head = 0;
  private flushing = false;

  constructor(private readonly slotsMax: number) {}

  get unanswered(): number {
    return this.slots.length - this.head;
  }

  /** The next place; throws overloaded where too many are unanswered. */
  take(): AnswerSlot {
    if (this.unanswered >= this.slotsMax) {
      throw new PlatformError('overloaded', `${this.unanswered} requests wait for an earlier one to be answered`, {
        facts: { slotsMax: this.slotsMax },
      });
    }
    const slot: Slot = { done: false, deliver: undefined };
    this.slots.push(slot);
    const end = (deliver: (() => void) | undefined) => {
      if (slot.done) return;
      slot.done = true;
      slot.deliver = deliver;
      this.flush();
    };
    return { done: end, drop: () => end(undefined) };
  }

  private flush(): void {
    // A delivery may end another slot: the loop below takes it up.
    if (this.flushing) return;
    this.flushing = true;
    while (this.head < this.slots.length && (this.slots[this.head] as Slot).done) {
      const { deliver } = this.slots[this.head++] as Slot;
      deliver?.();
    }
    this.flushing = false;
    if (this.head === this.slots.length) {
      this.slots = [];
      this.head = 0;
    } else if (this.head > 1024) {
      this.slots = this.slots.slice(this.head);
      this.head = 0;
    }
  }
}
