// Keeps the view of progress.v1 as the topic is: each entry once and in its order, whoever wrote it. What this process
// writes is in the view as soon as it is committed; when the reader of the topic brings it, it is known by its
// transaction. So the view is right also for a number that another process held meanwhile, and after a transaction of
// which it was not known whether it was committed.
//
// Memory: of each partition the transactions that were not brought yet. Compaction may have taken entries of one away:
// it goes when a later one is brought.

import type { Progress } from '@millrace/contracts';
import type { OpenSpans } from './open-spans.js';
import type { ProgressEntry } from './progress-entry.js';

export class ProgressFollower {
  /** By partition: the offset after the last entry that was brought. */
  private readonly through = new Map<number, number>();
  /** By partition: entries of transactions of this process that are in the view and were not brought yet, in order. */
  private readonly ahead = new Map<number, Map<string, number>>();

  constructor(private readonly spans: OpenSpans) {}

  /** A transaction of this process is committed. */
  committed(partition: number, transaction: string, entries: readonly ProgressEntry[]): void {
    const ahead = this.ahead.get(partition) ?? new Map<string, number>();
    this.ahead.set(partition, ahead);
    if (entries.length > 0) ahead.set(transaction, entries.length);
    for (const entry of entries) this.spans.put(entry);
  }

  /** What the reader of the topic brings; `progress`: null = the key is gone. */
  brought(partition: number, offset: number, key: string, progress: Progress | null, transaction: string): void {
    // The topic is read from its beginning again.
    if (offset < (this.through.get(partition) ?? 0)) return;
    this.through.set(partition, offset + 1);
    const ahead = this.ahead.get(partition);
    const left = ahead?.get(transaction);
    if (ahead === undefined || left === undefined) {
      this.spans.put(progress ?? { kind: 'gone', key });
      return;
    }
    for (const earlier of ahead.keys()) {
      if (earlier === transaction) break;
      ahead.delete(earlier);
    }
    if (left === 1) ahead.delete(transaction);
    else ahead.set(transaction, left - 1);
  }

  /** Transactions of which something was not brought yet. */
  get transactionsAhead(): number {
    return [...this.ahead.values()].reduce((sum, { size }) => sum + size, 0);
  }
}
