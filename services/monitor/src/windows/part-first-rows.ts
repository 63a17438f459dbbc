// A partition's share of the first rows that versions answered whose packages bring no reference: of each such version
// the least of this partition, among which the project's least ones of it are. OwnReferences makes the reference of the
// shares of all partitions. Memory: OWN_REFERENCES_MAX versions of the wanted rows at most.

import type { PredictionMessage } from '@millrace/contracts';
import type { WatchedInput } from '@millrace/features';
import { type FirstRow, FirstRows } from './first-rows.js';

/** Versions of a project that are collected for or have such a reference; the oldest are forgotten. */
export const OWN_REFERENCES_MAX = 8;

export interface PartFirstRowsState {
  version: number;
  inputs: readonly WatchedInput[];
  rows: readonly FirstRow[];
}

interface Collected {
  inputs: readonly WatchedInput[];
  rows: FirstRows;
}

export class PartFirstRows {
  private readonly byVersion = new Map<number, Collected>();
  /** Newest answer time. */
  private answeredToMs = 0;

  constructor(
    private wanted: number,
    private readonly isComplete: (version: number) => boolean,
  ) {}

  /** How far the partition was read in this life of the process, as answer time; 0: not at all. */
  get readToMs(): number {
    return this.answeredToMs;
  }

  want(rows: number): void {
    this.wanted = rows;
    for (const collected of this.byVersion.values()) collected.rows.want(rows);
  }

  versions(): Iterable<number> {
    return this.byVersion.keys();
  }

  of(version: number): Collected | undefined {
    return this.byVersion.get(version);
  }

  /** A live row. `inputs`: of its version where its package has no reference. */
  see(message: PredictionMessage, score: number, inputs: readonly WatchedInput[] | undefined): void {
    const { answeredAtMs, modelVersion, predictionId, features } = message;
    if (answeredAtMs > this.answeredToMs) this.answeredToMs = answeredAtMs;
    if (inputs === undefined && this.byVersion.size === 0) return;
    const collected = this.byVersion.get(modelVersion) ?? (inputs && this.open(modelVersion, inputs));
    collected?.rows.add({ answeredAtMs, predictionId, features, score });
  }

  /** The version's reference is made, or it is forgotten. */
  forget(version: number): void {
    this.byVersion.delete(version);
  }

  state(): PartFirstRowsState[] {
    return [...this.byVersion].map(([version, { inputs, rows }]) => ({ version, inputs, rows: rows.list }));
  }

  restore(states: readonly PartFirstRowsState[]): void {
    for (const { version, inputs, rows } of states)
      this.byVersion.set(version, { inputs, rows: new FirstRows(this.wanted, [...rows]) });
  }

  private open(version: number, inputs: readonly WatchedInput[]): Collected | undefined {
    if (this.isComplete(version)) return undefined;
    const collected = { inputs, rows: new FirstRows(this.wanted) };
    this.byVersion.set(version, collected);
    if (this.byVersion.size > OWN_REFERENCES_MAX) this.forget(Math.min(...this.byVersion.keys()));
    return collected;
  }
}
