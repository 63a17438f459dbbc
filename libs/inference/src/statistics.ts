// Counters of one model version as V2's statistics extension states them: requests, rows (inference_count), engine
// calls (execution_count), and nanoseconds in queue, input, engine and output. A batcher can be verified from outside
// by execution_count < inference_count. O(1) per batch or request; batch sizes
// are bounded by BATCH_SIZES_MAX, answers of decoupled models by RESPONSE_INDEXES_MAX.

import { LatencyHistogram } from '@millrace/statistics';

/** Distinct batch sizes kept apart; larger batches count under the largest. */
const BATCH_SIZES_MAX = 256;

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

/** Answers of one request that are kept apart (decoupled models); later ones count under the last. */
const RESPONSE_INDEXES_MAX = 64;
/** Upper edges of nv_inference_first_response_histogram_ms, as Triton has them. */
export const FIRST_RESPONSE_EDGES_MS = [100, 500, 2000, 5000] as const;

/** Of the n-th answers of a decoupled model's requests. */
export interface ResponseStatistic {
  computeInfer: DurationStatistic;
  computeOutput: DurationStatistic;
  success: DurationStatistic;
  fail: DurationStatistic;
  emptyResponse: DurationStatistic;
  cancel: DurationStatistic;
}

export type ResponseOutcome = 'success' | 'fail' | 'emptyResponse' | 'cancel';

export const FAILURE_REASONS = ['REJECTED', 'CANCELED', 'BACKEND', 'OTHER'] as const;
export type FailureReason = (typeof FAILURE_REASONS)[number];

const zero = (): DurationStatistic => ({ count: 0, ns: 0 });

function add(statistic: DurationStatistic, ms: number, count = 1): void {
  statistic.count += count;
  statistic.ns += ms * 1e6;
}

function sum(into: DurationStatistic, { count, ns }: DurationStatistic): void {
  into.count += count;
  into.ns += ns;
}

const noResponses = (): ResponseStatistic => ({
  computeInfer: zero(),
  computeOutput: zero(),
  success: zero(),
  fail: zero(),
  emptyResponse: zero(),
  cancel: zero(),
});

const PHASES = [
  'success',
  'fail',
  'queue',
  'computeInput',
  'computeInfer',
  'computeOutput',
  'cacheHit',
  'cacheMiss',
] as const;
const HISTOGRAMS = [
  'latency',
  'queueLatency',
  'computeInputLatency',
  'computeInferLatency',
  'computeOutputLatency',
] as const;
const RESPONSE_PARTS = ['computeInfer', 'computeOutput', 'success', 'fail', 'emptyResponse', 'cancel'] as const;
const BATCH_PARTS = ['computeInput', 'computeInfer', 'computeOutput'] as const;

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
  /** Answered from the cache: the time of the look-up. Hits are no inferences and no executions. */
  readonly cacheHit = zero();
  /** Not found: look-up and keeping the answer afterwards. */
  readonly cacheMiss = zero();
  readonly failures: Record<FailureReason, number> = { REJECTED: 0, CANCELED: 0, BACKEND: 0, OTHER: 0 };
  readonly latency = new LatencyHistogram();
  readonly queueLatency = new LatencyHistogram();
  readonly computeInputLatency = new LatencyHistogram();
  readonly computeInferLatency = new LatencyHistogram();
  readonly computeOutputLatency = new LatencyHistogram();
  /** Requests of a decoupled model by the time of their first answer: one count for each edge, one for above. */
  readonly firstResponses: number[] = new Array<number>(FIRST_RESPONSE_EDGES_MS.length + 1).fill(0);
  firstResponseMs = 0;
  private readonly responses: (ResponseStatistic | undefined)[] = [];
  private readonly batches: (BatchStatistic | undefined)[] = [];

  /** One engine call over `rows` rows for `requests` requests. */
  batch(rows: number, requests: number, inputMs: number, inferMs: number, outputMs: number): void {
    this.executionCount++;
    this.inferenceCount += rows;
    add(this.computeInput, inputMs * requests, requests);
    add(this.computeInfer, inferMs * requests, requests);
    add(this.computeOutput, outputMs * requests, requests);
    this.computeInputLatency.record(inputMs * 1000, requests);
    this.computeInferLatency.record(inferMs * 1000, requests);
    this.computeOutputLatency.record(outputMs * 1000, requests);
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
    this.queueLatency.record(queueMs * 1000);
  }

  /** Answered from the response cache. */
  hit(nowMs: number, totalMs: number, lookupMs: number): void {
    this.lastInferenceMs = nowMs;
    add(this.success, totalMs);
    add(this.cacheHit, lookupMs);
    this.latency.record(totalMs * 1000);
  }

  missed(ms: number): void {
    add(this.cacheMiss, ms);
  }

  /**
   * The answer number `index` (from 0) of a decoupled model's request; `sinceLastMs` in the engine, `outputMs` building
   * it.
   */
  responded(index: number, outcome: ResponseOutcome, sinceLastMs: number, outputMs: number): void {
    const at = Math.min(index, RESPONSE_INDEXES_MAX - 1);
    this.responses[at] ??= noResponses();
    const statistic = this.responses[at];
    add(statistic[outcome], sinceLastMs + outputMs);
    if (outcome === 'cancel') return;
    add(statistic.computeInfer, sinceLastMs);
    if (outcome === 'success') add(statistic.computeOutput, outputMs);
  }

  /** Time from arrival to the first answer of a decoupled model's request. */
  firstResponse(ms: number): void {
    let at = 0;
    while (at < FIRST_RESPONSE_EDGES_MS.length && ms > (FIRST_RESPONSE_EDGES_MS[at] as number)) at++;
    this.firstResponses[at]! += 1;
    this.firstResponseMs += ms;
  }

  responseStatistics(): { index: number; statistic: ResponseStatistic }[] {
    return this.responses.flatMap((statistic, index) => (statistic ? [{ index, statistic }] : []));
  }

  failed(totalMs: number, reason: FailureReason): void {
    add(this.fail, totalMs);
    this.failures[reason]++;
  }

  /**
   * Adds what another process counted under the same name and version. `other` may be a copy without methods, as it
   * comes out of a structured clone.
   */
  merge(other: VersionStatistics): void {
    this.lastInferenceMs = Math.max(this.lastInferenceMs, other.lastInferenceMs);
    this.inferenceCount += other.inferenceCount;
    this.executionCount += other.executionCount;
    for (const phase of PHASES) sum(this[phase], other[phase]);
    for (const reason of FAILURE_REASONS) this.failures[reason] += other.failures[reason];
    for (const histogram of HISTOGRAMS) this[histogram].merge(other[histogram]);
    for (const [at, count] of other.firstResponses.entries()) this.firstResponses[at]! += count;
    this.firstResponseMs += other.firstResponseMs;
    for (const [at, theirs] of other.responses.entries()) {
      if (!theirs) continue;
      this.responses[at] ??= noResponses();
      for (const outcome of RESPONSE_PARTS) sum(this.responses[at][outcome], theirs[outcome]);
    }
    for (const [size, theirs] of other.batches.entries()) {
      if (!theirs) continue;
      this.batches[size] ??= { batchSize: size, computeInput: zero(), computeInfer: zero(), computeOutput: zero() };
      for (const part of BATCH_PARTS) sum(this.batches[size][part], theirs[part]);
    }
  }

  batchStatistics(): BatchStatistic[] {
    return this.batches.filter((batch) => batch !== undefined);
  }
}

/** The JSON of GET /v2/models/{m}/stats for one version. */
export function statisticsJson(name: string, version: string, statistics: VersionStatistics): Record<string, unknown> {
  const duration = (d: DurationStatistic) => ({ count: d.count, ns: Math.round(d.ns) });
  const { success, fail, queue, cacheHit, cacheMiss } = statistics;
  return {
    name,
    version,
    last_inference: Math.round(statistics.lastInferenceMs),
    inference_count: statistics.inferenceCount,
    execution_count: statistics.executionCount,
    inference_stats: {
      success: duration(success),
      fail: duration(fail),
      queue: duration(queue),
      compute_input: duration(statistics.computeInput),
      compute_infer: duration(statistics.computeInfer),
      compute_output: duration(statistics.computeOutput),
      cache_hit: duration(cacheHit),
      cache_miss: duration(cacheMiss),
    },
    response_stats: Object.fromEntries(
      statistics.responseStatistics().map(({ index, statistic }) => [
        index,
        {
          compute_infer: duration(statistic.computeInfer),
          compute_output: duration(statistic.computeOutput),
          success: duration(statistic.success),
          fail: duration(statistic.fail),
          empty_response: duration(statistic.emptyResponse),
          cancel: duration(statistic.cancel),
        },
      ]),
    ),
    batch_stats: statistics.batchStatistics().map((batch) => ({
      batch_size: batch.batchSize,
      compute_input: duration(batch.computeInput),
      compute_infer: duration(batch.computeInfer),
      compute_output: duration(batch.computeOutput),
    })),
    memory_usage: [],
  };
}
