// Labelled rows by model version and event-time bucket, for "how good was version v between two event times" at any range of
// buckets. Bounded by memory: past `bytesMax` the oldest buckets go and are counted.

import { type Evaluation, evaluateMerged, ScoreQuality, type ScoreQualityState } from '@millrace/evaluation';

/** About 64 MiB: 16 million rows as codes, or 500 buckets at their densest. */
export const QUALITY_BYTES_MAX = 64 * 1_048_576;

export interface QualityBucketState {
  version: number;
  startMs: number;
  quality: ScoreQualityState;
}

export class QualityBook {
  /** By version, then by bucket start. */
  private readonly versions = new Map<number, Map<number, ScoreQuality>>();
  private bytes = 0;
  droppedBuckets = 0;

  constructor(
    readonly bucketMs: number,
    private readonly bytesMax: number = QUALITY_BYTES_MAX,
  ) {}

  add(version: number, eventTimeMs: number, probability: number, outcome: number): void {
    const quality = this.bucket(version, Math.floor(eventTimeMs / this.bucketMs) * this.bucketMs);
    const before = quality.bytes;
    quality.add(probability, outcome);
    this.bytes += quality.bytes - before;
    if (this.bytes > this.bytesMax) this.dropOldest();
  }

  /** Buckets that start in [fromMs, toMs), merged. */
  figures(version: number, fromMs: number, toMs: number): Evaluation {
    const sum = new ScoreQuality();
    const buckets = this.versions.get(version);
    if (buckets !== undefined) {
      for (const [startMs, quality] of buckets) if (startMs >= fromMs && startMs < toMs) sum.merge(quality);
    }
    return evaluateMerged(sum, { eventTimeFromMs: fromMs, eventTimeToMs: toMs });
  }

  /** All versions together. */
  figuresOfAll(fromMs: number, toMs: number): Evaluation {
    const sum = new ScoreQuality();
    for (const buckets of this.versions.values()) {
      for (const [startMs, quality] of buckets) if (startMs >= fromMs && startMs < toMs) sum.merge(quality);
    }
    return evaluateMerged(sum, { eventTimeFromMs: fromMs, eventTimeToMs: toMs });
  }

  versionNumbers(): number[] {
    return [...this.versions.keys()].sort((a, b) => a - b);
  }

  rows(version: number): number {
    let rows = 0;
    for (const quality of this.versions.get(version)?.values() ?? []) rows += quality.rows;
    return rows;
  }

  /** States of the buckets that start in [fromMs, toMs), for saving. */
  statesBetween(fromMs: number, toMs: number): QualityBucketState[] {
    const states: QualityBucketState[] = [];
    for (const [version, buckets] of this.versions) {
      for (const [startMs, quality] of buckets) {
        if (startMs >= fromMs && startMs < toMs) states.push({ version, startMs, quality: quality.state() });
      }
    }
    return states;
  }

  restore(states: readonly QualityBucketState[]): void {
    for (const { version, startMs, quality } of states) {
      const bucket = this.bucket(version, startMs);
      const before = bucket.bytes;
      bucket.merge(ScoreQuality.fromState(quality));
      this.bytes += bucket.bytes - before;
    }
  }

  private bucket(version: number, startMs: number): ScoreQuality {
    let buckets = this.versions.get(version);
    if (buckets === undefined) {
      buckets = new Map();
      this.versions.set(version, buckets);
    }
    let quality = buckets.get(startMs);
    if (quality === undefined) {
      quality = new ScoreQuality();
      buckets.set(startMs, quality);
      this.bytes += quality.bytes;
    }
    return quality;
  }

  private dropOldest(): void {
    let oldest = Number.POSITIVE_INFINITY;
    for (const buckets of this.versions.values())
      for (const startMs of buckets.keys()) oldest = Math.min(oldest, startMs);
    for (const buckets of this.versions.values()) {
      const quality = buckets.get(oldest);
      if (quality === undefined) continue;
      this.bytes -= quality.bytes;
      buckets.delete(oldest);
      this.droppedBuckets += 1;
    }
  }
}
