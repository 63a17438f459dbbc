// The answers of one ModelStreamInfer in the order that Triton keeps: an ordinary model's answers in the order of their
// requests, those of a decoupled model as they come. Holds at most the answers of the requests in flight.

export interface Slot {
  held: Uint8Array | undefined;
  settled: boolean;
  /** It was answered in part: it keeps no order. */
  streams: boolean;
  next: Slot | undefined;
}

export class OrderedAnswers {
  private first: Slot | undefined;
  private last: Slot | undefined;
  private count = 0;

  constructor(private readonly write: (message: Uint8Array) => void) {}

  /** Requests that are not settled. */
  get open(): number {
    return this.count;
  }

  begin(): Slot {
    const slot: Slot = { held: undefined, settled: false, streams: false, next: undefined };
    if (this.last) this.last.next = slot;
    else this.first = slot;
    this.last = slot;
    this.count++;
    return slot;
  }

  /** `message` empty = nothing to say. */
  answer(slot: Slot, message: Uint8Array, final: boolean): void {
    if (slot.settled) return;
    if (!final) slot.streams = true;
    if (slot === this.first || slot.streams) this.say(message);
    else slot.held = message;
    if (final) this.settle(slot);
  }

  private settle(slot: Slot): void {
    slot.settled = true;
    this.count--;
    while (this.first?.settled) {
      const { held, next } = this.first;
      // An old one that is done would keep all that came after it alive until the next full collection.
      this.first.next = undefined;
      this.first = next;
      if (held) this.say(held);
    }
    if (!this.first) this.last = undefined;
  }

  private say(message: Uint8Array): void {
    if (message.length > 0) this.write(message);
  }
}
