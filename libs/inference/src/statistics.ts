// Counters of one model version as V2's statistics extension states them: requests, rows (inference_count), engine calls
// (execution_count), and nanoseconds in queue, input, engine and output. A batcher can be verified from outside by
// execution_count < inference_count. O(1) per batch or request; batch sizes are bounded by BATCH_SIZES_MAX.

import { LatencyHistogram } from './histogram.js';

/** Distinct batch sizes kept apart; larger batches count under the largest. */
export const BATCH_SIZES_MAX = 256;

export interface DurationStatistic {
  count: number;
  ns: number;
}

export interface BatchStatistic {
  batchSize: number;
  computeInput: DurationStatistic;
  computeInfer: DurationStatistic;
  computeOutput: DurationStatistic;
}

export const FAILURE_REASONS = ['REJECTED', 'CANCELED', 'BACKEND', 'OTHER'] as const;
export type FailureReason = (typeof FAILURE_REASONS)[number];

const zero = (): DurationStatistic => ({ count: 0, ns: 0 });

function add(statistic: DurationStatistic, ms: number, count = 1): void {
  statistic.count += count;
  statistic.ns += ms * 1e6;
}

export class VersionStatistics {
  lastInferenceMs = 0;
  inferenceCount = 0;
  executionCount = 0;
  readonly success = zero();
  readonly fail = zero();
  readonly queue = zero();
  readonly computeInput = zero();
  readonly computeInfer = zero();
  readonly computeOutput = zero();
  readonly failures: Record<FailureReason, number> = { REJECTED: 0, CANCELED: 0, BACKEND: 0, OTHER: 0 };
  readonly latency = new LatencyHistogram();
  private readonly batches: (BatchStatistic | undefined)[] = [];

  /** One engine call over `rows` rows for `requests` requests. */
  batch(rows: number, requests: number, inputMs: number, inferMs: number, outputMs: number): void {
    this.executionCount++;
    this.inferenceCount += rows;
    add(this.computeInput, inputMs * requests, requests);
    add(this.computeInfer, inferMs * requests, requests);
    add(this.computeOutput, outputMs * requests, requests);
    const size = Math.min(rows, BATCH_SIZES_MAX);
    this.batches[size] ??= { batchSize: size, computeInput: zero(), computeInfer: zero(), computeOutput: zero() };
    const statistic = this.batches[size];
    add(statistic.computeInput, inputMs);
    add(statistic.computeInfer, inferMs);
    add(statistic.computeOutput, outputMs);
  }

  succeeded(nowMs: number, totalMs: number, queueMs: number): void {
    this.lastInferenceMs = nowMs;
    add(this.success, totalMs);
    add(this.queue, queueMs);
    this.latency.record(totalMs * 1000);
  }

  failed(totalMs: number, reason: FailureReason): void {
    add(this.fail, totalMs);
    this.failures[reason]++;
  }

  batchStatistics(): BatchStatistic[] {
    return this.batches.filter((batch) => batch !== undefined);
  }
}

/** The JSON of GET /v2/models/{m}/stats for one version. */
export function statisticsJson(name: string, version: string, statistics: VersionStatistics): Record<string, unknown> {
  const duration = (d: DurationStatistic) => ({ count: d.count, ns: Math.round(d.ns) });
  const { success, fail, queue } = statistics;
  return {
    name,
    version,
    last_inference: statistics.lastInferenceMs,
    inference_count: statistics.inferenceCount,
    execution_count: statistics.executionCount,
    inference_stats: {
      success: duration(success),
      fail: duration(fail),
      queue: duration(queue),
      compute_input: duration(statistics.computeInput),
      compute_infer: duration(statistics.computeInfer),
      compute_output: duration(statistics.computeOutput),
      cache_hit: duration(zero()),
      cache_miss: duration(zero()),
    },
    response_stats: {},
    batch_stats: statistics.batchStatistics().map((batch) => ({
      batch_size: batch.batchSize,
      compute_input: duration(batch.computeInput),
      compute_infer: duration(batch.computeInfer),
      compute_output: duration(batch.computeOutput),
    })),
    memory_usage: [],
  };
}
