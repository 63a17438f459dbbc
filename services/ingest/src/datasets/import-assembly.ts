// Sequence keeping of bulk loads: batches 0, 1, 2 … last of one import, at least once each, in order within their
// partition. Says of each batch whether it is the next, a repeated one, or out of place, and how far offsets may be
// committed while imports are open. Bounded: at most `openMax` open imports; one that has not moved for
// `abandonAfterMs` of processing time is given up (its process died for good), so that it cannot hold the log back for
// ever.

export type BatchPlace = 'first' | 'next' | 'repeated' | 'gap' | 'refused';

interface OpenImport {
  next: number;
  partition: number;
  firstOffset: number;
  lastOffset: number;
  movedAtMs: number;
}

export class ImportAssembly {
  private readonly open = new Map<string, OpenImport>();

  constructor(private readonly bounds: { openMax: number; abandonAfterMs: number }) {}

  /** Places a batch. `repeated` and `gap` batches have no effect. */
  offer(importId: string, sequence: number, partition: number, offset: number, nowMs: number): BatchPlace {
    const known = this.open.get(importId);
    if (known === undefined) {
      // Batches of an import that is already done or whose start was given up.
      if (sequence !== 0) return 'gap';
      if (this.open.size >= this.bounds.openMax) return 'refused';
      this.open.set(importId, { next: 1, partition, firstOffset: offset, lastOffset: offset, movedAtMs: nowMs });
      return 'first';
    }
    known.movedAtMs = nowMs;
    if (sequence < known.next) return 'repeated';
    if (sequence > known.next) return 'gap';
    known.next += 1;
    known.lastOffset = offset;
    return 'next';
  }

  range(importId: string): { partition: number; first: number; last: number } | null {
    const known = this.open.get(importId);
    return known === undefined
      ? null
      : { partition: known.partition, first: known.firstOffset, last: known.lastOffset };
  }

  done(importId: string): void {
    this.open.delete(importId);
  }

  abandoned(nowMs: number): string[] {
    return [...this.open].filter(([, known]) => nowMs - known.movedAtMs > this.bounds.abandonAfterMs).map(([id]) => id);
  }

  /** The first offset of the partition that an open import needs; null when none does. */
  floor(partition: number): number | null {
    let floor: number | null = null;
    for (const known of this.open.values()) {
      if (known.partition === partition && (floor === null || known.firstOffset < floor)) floor = known.firstOffset;
    }
    return floor;
  }
}
