// What became of the requests: counters and latencies by project and version, since start and over the last minute. One
// addition to two histograms per request; memory is bounded by SERIES_MAX. Requests for projects without a route share
// the series of project "" so that a client cannot grow the label set.

import type { Clock } from '@millrace/domain';
import { isFailure } from '@millrace/routing';
import { LatencyHistogram } from '@millrace/statistics';

/** (project, version) pairs; more share the series "". */
const SERIES_MAX = 256;
/** The sliding window is SLOTS slots of SLOT_MS. */
const SLOTS = 6;
const SLOT_MS = 10_000;
/**
 * Upper bounds in seconds of the exported histogram: a quarter octave apart around the 25 ms and 100 ms that are
 * promised.
 */
export const LATENCY_BOUNDS_S: readonly number[] = [
  0.00025, 0.0005, 0.00075, 0.001, 0.0015, 0.002, 0.003, 0.004, 0.005, 0.0075, 0.01, 0.0125, 0.015, 0.02, 0.025, 0.03,
  0.04, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 10, 30,
];

export interface Series {
  project: string;
  version: number;
  /** By gRPC status code 0..16. */
  byStatus: Float64Array;
  /** Counts per bound, the last one is +Inf; not cumulative. */
  buckets: Float64Array;
  sumSeconds: number;
  micros: LatencyHistogram;
  recent: LatencyHistogram[];
}

export interface LatencySummary {
  requests: number;
  p50Ms: number | null;
  p99Ms: number | null;
}

export class Outcomes {
  private readonly series = new Map<string, Map<number, Series>>();
  private readonly failuresByProject = new Map<string, number>();
  private count = 0;
  private slot = 0;

  constructor(private readonly clock: Clock) {}

  record(project: string, version: number, status: number, elapsedMs: number): void {
    const series = this.seriesOf(project, version);
    series.byStatus[status] = (series.byStatus[status] ?? 0) + 1;
    const seconds = elapsedMs / 1000;
    series.sumSeconds += seconds;
    const bucket = bucketOf(seconds);
    series.buckets[bucket] = (series.buckets[bucket] as number) + 1;
    series.micros.record(elapsedMs * 1000);
    this.turnSlot();
    (series.recent[this.slot % SLOTS] as LatencyHistogram).record(elapsedMs * 1000);
    if (isFailure(status)) this.failuresByProject.set(project, this.failures(project) + 1);
  }

  /** Failures of a project since start. */
  failures(project: string): number {
    return this.failuresByProject.get(project) ?? 0;
  }

  all(): Series[] {
    return [...this.series.values()].flatMap((byVersion) => [...byVersion.values()]);
  }

  summary(of: readonly Series[], span: 'start' | 'minute'): LatencySummary {
    this.turnSlot();
    const merged = new LatencyHistogram();
    for (const series of of) {
      if (span === 'start') merged.merge(series.micros);
      else for (const part of series.recent) merged.merge(part);
    }
    const quantile = (q: number) => (merged.count === 0 ? null : merged.quantileUs(q) / 1000);
    return { requests: merged.count, p50Ms: quantile(0.5), p99Ms: quantile(0.99) };
  }

  private seriesOf(project: string, version: number): Series {
    const found = this.series.get(project)?.get(version);
    if (found) return found;
    if (this.count >= SERIES_MAX && project !== '') return this.seriesOf('', 0);
    const made: Series = {
      project,
      version,
      byStatus: new Float64Array(17),
      buckets: new Float64Array(LATENCY_BOUNDS_S.length + 1),
      sumSeconds: 0,
      micros: new LatencyHistogram(),
      recent: Array.from({ length: SLOTS }, () => new LatencyHistogram()),
    };
    this.count += 1;
    const byVersion = this.series.get(project) ?? new Map<number, Series>();
    byVersion.set(version, made);
    this.series.set(project, byVersion);
    return made;
  }

  private turnSlot(): void {
    const slot = Math.floor(this.clock.monotonicMs() / SLOT_MS);
    if (slot === this.slot) return;
    const stale = Math.min(SLOTS, slot - this.slot);
    for (let i = 0; i < stale; i++) {
      for (const series of this.all()) (series.recent[(slot - i) % SLOTS] as LatencyHistogram).reset();
    }
    this.slot = slot;
  }
}

function bucketOf(seconds: number): number {
  let low = 0;
  let high = LATENCY_BOUNDS_S.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (seconds <= (LATENCY_BOUNDS_S[middle] as number)) high = middle;
    else low = middle + 1;
  }
  return low;
}
