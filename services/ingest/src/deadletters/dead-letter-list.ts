// The newest dead letters, kept in memory from deadletter.v1 for listing and redriving, and which of them were taken in
// again since. Bounded by number and by payload bytes: the oldest leave first and stay on the topic only. Counts by
// project go on for all of them.

import type { DeadLetter } from '@millrace/contracts';

export interface DeadLetterBounds {
  entriesMax: number;
  payloadBytesMax: number;
}

/** Ids remembered to recognise a redelivery of the same bad message: about 20 MB. */
const IDS_MAX = 200_000;

export class DeadLetterList {
  private readonly entries = new Map<string, DeadLetter>();
  private readonly ids = new Set<string>();
  private readonly counts = new Map<string, number>();
  private readonly redriven = new Map<string, number>();
  private payloadBytes = 0;

  constructor(private readonly bounds: DeadLetterBounds) {}

  /** False when the same bad message was here before, or where it says that one was taken in again. */
  add(letter: DeadLetter): boolean {
    if (letter.redrivenAtMs > 0) return this.mark(letter);
    if (this.ids.has(letter.id)) return this.reopen(letter);
    this.ids.add(letter.id);
    if (this.ids.size > IDS_MAX) this.ids.delete(this.ids.values().next().value as string);
    this.counts.set(letter.project, (this.counts.get(letter.project) ?? 0) + 1);
    this.entries.set(letter.id, letter);
    this.payloadBytes += letter.payload.length;
    while (this.entries.size > this.bounds.entriesMax || this.payloadBytes > this.bounds.payloadBytesMax) {
      const [id, oldest] = this.entries.entries().next().value as [string, DeadLetter];
      this.entries.delete(id);
      this.payloadBytes -= oldest.payload.length;
    }
    return true;
  }

  private mark({ id, redrivenAtMs }: DeadLetter): false {
    const known = this.entries.get(id);
    if (known === undefined) return false;
    if (known.redrivenAtMs === 0) this.countRedriven(known.project, 1);
    this.entries.set(id, { ...known, redrivenAtMs });
    return false;
  }

  /** What was refused once more after it had been taken in waits for somebody again. */
  private reopen({ id, failedAtMs }: DeadLetter): false {
    const known = this.entries.get(id);
    if (known === undefined || known.redrivenAtMs === 0 || failedAtMs <= known.redrivenAtMs) return false;
    this.countRedriven(known.project, -1);
    this.entries.set(id, { ...known, failedAtMs, redrivenAtMs: 0 });
    return false;
  }

  private countRedriven(project: string, more: number): void {
    this.redriven.set(project, this.redrivenCount(project) + more);
  }

  /** By id, or by the beginning of one; at most `limit`. */
  matching(id: string, limit: number): DeadLetter[] {
    const exact = this.entries.get(id);
    if (exact !== undefined) return [exact];
    const found: DeadLetter[] = [];
    for (const [known, letter] of this.entries) {
      if (found.length >= limit) break;
      if (known.startsWith(id)) found.push(letter);
    }
    return found;
  }

  /** Newest first; of one project where it is named; with those that were taken in again, or without. */
  list(project: string | null, limit: number, withRedriven: boolean): DeadLetter[] {
    const found: DeadLetter[] = [];
    for (const letter of [...this.entries.values()].reverse()) {
      if (found.length >= limit) break;
      if (letter.redrivenAtMs > 0 && !withRedriven) continue;
      if (project === null || letter.project === project) found.push(letter);
    }
    return found;
  }

  count(project: string): number {
    return this.counts.get(project) ?? 0;
  }

  /** Of those, taken in again. */
  redrivenCount(project: string): number {
    return this.redriven.get(project) ?? 0;
  }

  projects(): string[] {
    return [...this.counts.keys()];
  }
}
