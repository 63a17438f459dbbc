// References that a project's versions get from their own first rows, because their packages bring none: collected row
// by row, complete once no partition can bring an earlier one, and kept with the rest of the project's state. Windows
// that were opened before are counted, not judged: they hold the rows of the reference itself.
//
// Complete means: enough rows, and each partition has been read past the last of them, or is read to its end and the
// time that a silent partition is waited for has passed since.

import type { PredictionMessage } from '@millrace/contracts';
import type { WatchedInput } from '@millrace/features';
import { buildReferenceProfile } from '@millrace/statistics';
import { type FirstRow, FirstRows } from './first-rows.js';
import type { Backlog } from './positions.js';
import { prepareReference, type VersionReference } from './profile.js';

/** Versions of a project that are collected for or have such a reference; the oldest are forgotten. */
const OWN_REFERENCES_MAX = 8;

export interface OwnReferenceState {
  version: number;
  inputs: readonly WatchedInput[];
  wanted: number;
  complete: boolean;
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
  rows: FirstRows;
  /** undefined: not complete. */
  reference: VersionReference | undefined;
  /** Processing time since which there are enough rows: what was sent beside them may still be on its way. */
  enoughSinceMs: number | undefined;
}

export class OwnReferences {
  private readonly byVersion = new Map<number, Own>();
  /** Newest answer time by partition. */
  private readonly readToMs = new Map<number, number>();
  /** Versions not complete: nearly always none, which is all that most rows ask. */
  private collecting = 0;

  constructor(
    private readonly scoreName: string,
    /** How long a silent partition is waited for. */
    private readonly idleMs: number,
    private wanted: number,
  ) {}

  /** From now on; a reference that is complete stays what it is. */
  want(rows: number): void {
    this.wanted = rows;
    for (const own of this.byVersion.values()) if (own.reference === undefined) own.rows.want(rows);
  }

  of(version: number): VersionReference | undefined {
    return this.byVersion.get(version)?.reference;
  }

  /** undefined for a version that has its reference from its package, or answered nothing yet. */
  progress(version: number): OwnReferenceProgress | undefined {
    const own = this.byVersion.get(version);
    if (own === undefined) return undefined;
    return { rows: own.rows.list.length, wanted: own.rows.wanted, complete: own.reference !== undefined };
  }

  /** A live row. `inputs`: of its version where its package has no reference. */
  see(message: PredictionMessage, score: number, partition: number, inputs: readonly WatchedInput[] | undefined): void {
    if (inputs === undefined && this.collecting === 0) return;
    const { answeredAtMs, modelVersion, predictionId, features } = message;
    this.readToMs.set(partition, Math.max(answeredAtMs, this.readToMs.get(partition) ?? 0));
    const own = this.byVersion.get(modelVersion) ?? (inputs && this.open(modelVersion, inputs));
    if (own === undefined || own.reference !== undefined) return;
    own.rows.add({ answeredAtMs, predictionId, features, score });
  }

  /** Whether one would become complete, as far as the ends of the partitions are known. */
  isDue(nowMs: number, backlog: Backlog): boolean {
    return this.collecting > 0 && this.complete(nowMs, backlog).length > 0;
  }

  /** How many became complete. */
  settle(nowMs: number, backlog: Backlog): number {
    if (this.collecting === 0) return 0;
    const complete = this.complete(nowMs, backlog);
    for (const [version, own] of complete) this.make(version, own);
    return complete.length;
  }

  state(): OwnReferenceState[] {
    return [...this.byVersion].map(([version, { inputs, rows, reference }]) => ({
      version,
      inputs,
      wanted: rows.wanted,
      complete: reference !== undefined,
      rows: rows.list,
    }));
  }

  /** Into a fresh one. The profile is made of the same rows again. */
  restore(states: readonly OwnReferenceState[]): void {
    for (const { version, inputs, wanted, complete, rows } of states) {
      const own = this.open(version, inputs, new FirstRows(complete ? wanted : this.wanted, [...rows]));
      if (complete) this.make(version, own);
    }
  }

  private open(version: number, inputs: readonly WatchedInput[], rows = new FirstRows(this.wanted)): Own {
    const own: Own = { inputs, rows, reference: undefined, enoughSinceMs: undefined };
    this.byVersion.set(version, own);
    this.collecting += 1;
    if (this.byVersion.size > OWN_REFERENCES_MAX) this.forget(Math.min(...this.byVersion.keys()));
    return own;
  }

  private forget(version: number): void {
    if (this.byVersion.get(version)?.reference === undefined) this.collecting -= 1;
    this.byVersion.delete(version);
  }

  private complete(nowMs: number, backlog: Backlog): [number, Own][] {
    return [...this.byVersion].filter(([, own]) => {
      const lastMs = own.rows.lastAtMs;
      if (own.reference !== undefined || lastMs === undefined) return false;
      own.enoughSinceMs ??= nowMs;
      return !this.mayComeBefore(lastMs, nowMs < own.enoughSinceMs + this.idleMs, backlog);
    });
  }

  private make(version: number, own: Own): void {
    const rows = own.rows.list;
    const profile = buildReferenceProfile({
      features: own.inputs.map(({ name, kind }, i) => ({
        name,
        kind,
        values: rows.map(({ features }) => features[i] ?? null),
      })),
      scoreName: this.scoreName,
      scores: rows.map(({ score }) => score),
      positiveShare: Number.NaN,
    });
    const names = own.inputs.map(({ name }) => name);
    own.reference = prepareReference(version, profile, names);
    this.collecting -= 1;
  }

  /** Whether a row that was answered before `lastMs` may still be unread. `waits`: for partitions that say nothing. */
  private mayComeBefore(lastMs: number, waits: boolean, backlog: Backlog): boolean {
    const behind = new Set(
      backlog.behind().flatMap(({ stream, partition }) => (stream === 'predictions' ? [partition] : [])),
    );
    return backlog.partitions('predictions').some((partition) => {
      const isPast = (this.readToMs.get(partition) ?? 0) > lastMs;
      return !isPast && (waits || behind.has(partition));
    });
  }
}
