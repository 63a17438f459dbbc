// What becomes of a batch that Kafka will never take (a row larger than a message may be): its items are written again
// one by one, so that only the bad one is lost, and neither the rest nor its neighbours are held up.

import { PlatformError } from '@millrace/domain';

/** What the log does after a write that failed. */
export interface AfterFailure {
  /** The item is the bad one: it is given up. */
  readonly drop: boolean;
  /** The broker is left alone for a while. */
  readonly pause: boolean;
}

export class RefusedBatch {
  /** Items at the head that were refused together and are written one by one now. */
  private left = 0;

  get oneByOne(): boolean {
    return this.left > 0;
  }

  /** `items`: how many the write held. */
  failed(error: unknown, items: number): AfterFailure {
    if (PlatformError.from(error, 'unavailable').retry !== 'never') return { drop: false, pause: true };
    // Refused together they have paused already: one pause a batch, not one an item.
    const pause = !this.oneByOne;
    if (items === 1) return { drop: true, pause };
    this.left = items;
    return { drop: false, pause };
  }

  /** One item is written or given up. */
  passed(): void {
    if (this.left > 0) this.left--;
  }

  reset(): void {
    this.left = 0;
  }
}
