// References that a project's versions get from their own first rows, because their packages bring none: made of the
// rows that the partitions collected, complete once no partition can bring an earlier one, and kept with the rest of
// the project's state. Windows from before are counted, not judged: they hold the rows of the reference itself.
//
// Complete means: enough rows, and each partition has been read past the last of them, or is read to its end and the
// time that a silent partition is waited for has passed since.

import type { WatchedInput } from '@millrace/features';
import { buildReferenceProfile } from '@millrace/statistics';
import { type FirstRow, FirstRows } from './first-rows.js';
import type { Part } from './part.js';
import { OWN_REFERENCES_MAX } from './part-first-rows.js';
import type { Backlog } from './positions.js';
import { prepareReference, type VersionReference } from './profile.js';

/** Of a complete one. */
export interface OwnReferenceState {
  version: number;
  inputs: readonly WatchedInput[];
  rows: readonly FirstRow[];
}

interface OwnReferenceProgress {
  rows: number;
  wanted: number;
  /** Also of enough rows it may not be: others may have been answered earlier. */
  complete: boolean;
}

interface Own {
  inputs: readonly WatchedInput[];
  rows: readonly FirstRow[];
  reference: VersionReference;
}

interface Collected {
  version: number;
  inputs: readonly WatchedInput[];
  rows: FirstRows;
}

export class OwnReferences {
  private readonly complete = new Map<number, Own>();
  private readonly fresh: OwnReferenceState[] = [];
  /** Processing time since which a version has enough rows: what was sent beside them may still be on its way. */
  private readonly enoughSinceMs = new Map<number, number>();

  constructor(
    private readonly scoreName: string,
    /** How long a silent partition is waited for. */
    private readonly idleMs: number,
    private wanted: number,
    /** By partition. */
    private readonly shares: () => ReadonlyMap<number, Part['firstRows']>,
  ) {}

  /** From now on; a reference that is complete stays what it is. */
  want(rows: number): void {
    this.wanted = rows;
  }

  of(version: number): VersionReference | undefined {
    return this.complete.get(version)?.reference;
  }

  isComplete(version: number): boolean {
    return this.complete.has(version);
  }

  /** undefined for a version that has its reference from its package, or answered nothing yet. */
  progress(version: number): OwnReferenceProgress | undefined {
    const own = this.complete.get(version);
    if (own !== undefined) return { rows: own.rows.length, wanted: own.rows.length, complete: true };
    const rows = this.collected(version)?.rows.list.length;
    return rows === undefined ? undefined : { rows, wanted: this.wanted, complete: false };
  }

  /** Whether one would become complete, as far as the ends of the partitions are known. */
  isDue(nowMs: number, backlog: Backlog): boolean {
    return this.completing(nowMs, backlog).length > 0;
  }

  /** How many became complete. */
  settle(nowMs: number, backlog: Backlog): number {
    const completing = this.completing(nowMs, backlog);
    for (const { version, inputs, rows } of completing) {
      this.make(version, inputs, rows.list);
      this.fresh.push({ version, inputs, rows: rows.list });
    }
    return completing.length;
  }

  /** Those that became complete here since they were last taken. */
  drainFresh(): OwnReferenceState[] {
    return this.fresh.splice(0);
  }

  state(): OwnReferenceState[] {
    return [...this.complete].map(([version, { inputs, rows }]) => ({ version, inputs, rows }));
  }

  /** The profile is made of the same rows again. */
  restore(states: readonly OwnReferenceState[]): void {
    for (const { version, inputs, rows } of states) if (!this.isComplete(version)) this.make(version, inputs, rows);
  }

  /** The first rows of all partitions together. */
  private collected(version: number): Collected | undefined {
    let sum: Collected | undefined;
    for (const share of this.shares().values()) {
      const own = share.of(version);
      if (own === undefined) continue;
      sum ??= { version, inputs: own.inputs, rows: new FirstRows(this.wanted) };
      for (const row of own.rows.list) sum.rows.add(row);
    }
    return sum;
  }

  private completing(nowMs: number, backlog: Backlog): Collected[] {
    const versions = new Set<number>();
    for (const share of this.shares().values()) for (const version of share.versions()) versions.add(version);
    return [...versions].flatMap((version) => {
      if (this.rowsOf(version) < this.wanted) return [];
      const collected = this.collected(version);
      const lastMs = collected?.rows.lastAtMs;
      if (collected === undefined || lastMs === undefined) return [];
      const sinceMs = this.enoughSinceMs.get(version) ?? nowMs;
      this.enoughSinceMs.set(version, sinceMs);
      return this.mayComeBefore(lastMs, nowMs < sinceMs + this.idleMs, backlog.behind(), backlog) ? [] : [collected];
    });
  }

  private rowsOf(version: number): number {
    let rows = 0;
    for (const share of this.shares().values()) rows += share.of(version)?.rows.list.length ?? 0;
    return rows;
  }

  private make(version: number, inputs: readonly WatchedInput[], rows: readonly FirstRow[]): void {
    const profile = buildReferenceProfile({
      features: inputs.map(({ name, kind }, i) => ({
        name,
        kind,
        values: rows.map(({ features }) => features[i] ?? null),
      })),
      scoreName: this.scoreName,
      scores: rows.map(({ score }) => score),
      positiveShare: Number.NaN,
    });
    const names = inputs.map(({ name }) => name);
    this.complete.set(version, { inputs, rows, reference: prepareReference(version, profile, names) });
    if (this.complete.size > OWN_REFERENCES_MAX) this.complete.delete(Math.min(...this.complete.keys()));
    this.enoughSinceMs.delete(version);
    for (const share of this.shares().values()) share.forget(version);
  }

  /** Whether a row that was answered before `lastMs` may still be unread. `waits`: for partitions that say nothing. */
  private mayComeBefore(
    lastMs: number,
    waits: boolean,
    unread: ReturnType<Backlog['behind']>,
    backlog: Backlog,
  ): boolean {
    const behind = new Set(unread.flatMap(({ stream, partition }) => (stream === 'predictions' ? [partition] : [])));
    return backlog.partitions('predictions').some((partition) => {
      const isPast = (this.shares().get(partition)?.readToMs ?? 0) > lastMs;
      return !isPast && (waits || behind.has(partition));
    });
  }
}
