// Labelled rows by cohort and event-time bucket: those of one partition's windows that wait for labels, and those of
// the project's windows that do not any more. What all of them say together is ProjectQuality's. Cohorts of all
// versions are not kept: they are the sum of what is kept of the same slice. Bounded by memory: past `bytesMax` the
// oldest buckets go and are counted; past COHORTS_MAX cohorts the rows of a new one are counted only.

import { COHORTS_MAX, type Cohort, CohortMap, cohortKey, parseCohortKey, sameCohort } from '@millrace/domain';
import type { QualityCounts, TaskTerms } from './task-terms.js';

/** About 64 MiB: 16 million rows as codes, or 500 buckets at their densest. */
const QUALITY_BYTES_MAX = 64 * 1_048_576;

export interface QualityBucketState {
  /** Key. */
  cohort: string;
  startMs: number;
  counts: unknown;
}

type Buckets = Map<number, QualityCounts>;

export class QualityHistory {
  /** By cohort of one version, then by bucket start. */
  private readonly cohorts = new CohortMap<Buckets>(COHORTS_MAX);
  private bytes = 0;
  droppedBuckets = 0;
  /** Rows of cohorts past COHORTS_MAX. */
  droppedRows = 0;

  constructor(
    private readonly terms: TaskTerms,
    private readonly bucketMs: number,
    private readonly bytesMax: number = QUALITY_BYTES_MAX,
  ) {}

  add(cohort: Cohort, eventTimeMs: number, score: number, label: number): void {
    const counts = this.bucket(cohort, Math.floor(eventTimeMs / this.bucketMs) * this.bucketMs);
    if (counts === undefined) {
      this.droppedRows += 1;
      return;
    }
    const before = counts.bytes;
    counts.add(score, label);
    this.bytes += counts.bytes - before;
    if (this.bytes > this.bytesMax) this.dropOldest();
  }

  /** Adds the buckets that start in [fromMs, toMs) to `sum`, which is of the same task. */
  addTo(sum: QualityCounts, cohort: Cohort, fromMs: number, toMs: number): void {
    for (const buckets of this.of(cohort)) {
      for (const [startMs, counts] of buckets) if (startMs >= fromMs && startMs < toMs) sum.merge(counts);
    }
  }

  /** Those that are kept, in their order. */
  list(): Cohort[] {
    return this.cohorts.cohorts();
  }

  /** States of the buckets that start in [fromMs, toMs), for saving. */
  statesBetween(fromMs: number, toMs: number): QualityBucketState[] {
    return this.list().flatMap((cohort) =>
      [...(this.cohorts.get(cohort) as Buckets)]
        .filter(([startMs]) => startMs >= fromMs && startMs < toMs)
        .map(([startMs, counts]) => ({ cohort: cohortKey(cohort), startMs, counts: counts.state() })),
    );
  }

  /** The same, and they are not kept any more. */
  take(fromMs: number, toMs: number): QualityBucketState[] {
    const states = this.statesBetween(fromMs, toMs);
    for (const cohort of this.list()) {
      const buckets = this.cohorts.get(cohort) as Buckets;
      for (const startMs of [...buckets.keys()])
        if (startMs >= fromMs && startMs < toMs) this.drop(cohort, buckets, startMs);
    }
    return states;
  }

  /** What is kept of [fromMs, toMs) is this and nothing else. */
  replace(fromMs: number, toMs: number, states: readonly QualityBucketState[]): void {
    this.take(fromMs, toMs);
    this.restore(states);
  }

  restore(states: readonly QualityBucketState[]): void {
    for (const state of states) {
      const cohort = parseCohortKey(state.cohort);
      const bucket = cohort === undefined ? undefined : this.bucket(cohort, state.startMs);
      if (bucket === undefined) continue;
      const before = bucket.bytes;
      bucket.merge(this.terms.countsFromState(state.counts));
      this.bytes += bucket.bytes - before;
    }
  }

  private of(cohort: Cohort): Buckets[] {
    if (cohort.version !== 'all') {
      const own = this.cohorts.get(cohort);
      return own === undefined ? [] : [own];
    }
    return this.list()
      .filter((kept) => sameCohort({ ...kept, version: 'all' }, cohort))
      .map((kept) => this.cohorts.get(kept) as Buckets);
  }

  private bucket(cohort: Cohort, startMs: number): QualityCounts | undefined {
    let buckets = this.cohorts.get(cohort);
    if (buckets === undefined) {
      buckets = new Map();
      if (!this.cohorts.set(cohort, buckets)) return undefined;
    }
    let counts = buckets.get(startMs);
    if (counts === undefined) {
      counts = this.terms.openCounts();
      buckets.set(startMs, counts);
      this.bytes += counts.bytes;
    }
    return counts;
  }

  private dropOldest(): void {
    let oldest = Number.POSITIVE_INFINITY;
    for (const buckets of this.cohorts.values())
      for (const startMs of buckets.keys()) oldest = Math.min(oldest, startMs);
    for (const cohort of this.list()) {
      const buckets = this.cohorts.get(cohort) as Buckets;
      if (!buckets.has(oldest)) continue;
      this.drop(cohort, buckets, oldest);
      this.droppedBuckets += 1;
    }
  }

  private drop(cohort: Cohort, buckets: Buckets, startMs: number): void {
    this.bytes -= buckets.get(startMs)?.bytes ?? 0;
    buckets.delete(startMs);
    if (buckets.size === 0) this.cohorts.delete(cohort);
  }
}
