// The body of GET /v1/stats: predictions, the state of the prediction log, and latency by version.

import { LatencyHistogram, type LatencySummary } from '@millrace/statistics';
import type { ServedModel } from './served-model.js';

export interface LogState {
  written: number;
  dropped: number;
  queued: number;
}

export interface ServingStats {
  predictions: number;
  failures: number;
  dropped: number;
  queued: number;
  logged: number;
  latencyMs: LatencySummary;
  byVersion: Record<string, { predictions: number; executions: number; failures: number; latencyMs: LatencySummary }>;
}

export function servingStats(
  versions: readonly Pick<ServedModel, 'name' | 'version' | 'statistics'>[],
  log: LogState,
): ServingStats {
  const all = new LatencyHistogram();
  const stats: ServingStats = {
    predictions: 0,
    failures: 0,
    dropped: log.dropped,
    queued: log.queued,
    logged: log.written,
    latencyMs: all.summary(),
    byVersion: {},
  };
  for (const { name, version, statistics } of versions) {
    all.merge(statistics.latency);
    stats.predictions += statistics.inferenceCount;
    stats.failures += statistics.fail.count;
    stats.byVersion[`${name}/${version}`] = {
      predictions: statistics.inferenceCount,
      executions: statistics.executionCount,
      failures: statistics.fail.count,
      latencyMs: statistics.latency.summary(),
    };
  }
  stats.latencyMs = all.summary();
  return stats;
}
