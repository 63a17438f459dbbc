// What the main job and its traffic process say to each other.

import type { ReplaySpec } from '@millrace/project';
import type { Addresses } from '../client/addresses.js';
import type { LatencySummary } from './latency.js';
import type { RowRange } from './replay-rows.duckdb.js';

export interface TrafficSettings {
  /** The project file as canonical JSON. */
  document: string;
  sourceFile: string;
  ranges: readonly RowRange[];
  seed: number;
  ratePerSecond: number;
  /** Index of the first shifted row; Infinity = none. */
  shiftFrom: number;
  operations: NonNullable<ReplaySpec['shift']>['operations'];
  addresses: Addresses;
  /** Every n-th row carries a sampled traceparent; 0 = none. */
  traceEvery: number;
  /** Rows that are sent ever slower while the loop is at work. */
  reserve: { from: number; to: number };
}

export interface TrafficStatus {
  sent: number;
  requests: number;
  failures: number;
  labelsSent: number;
  /** Version that answered the newest answered row; 0 = none yet. */
  newestVersion: number;
}

export interface TrafficResult {
  /** Processing time of the first request. */
  startedAtMs: number;
  sent: number;
  requests: number;
  failures: number;
  labelsSent: number;
  recordsAccepted: number;
  errors: string[];
  failedAtSeconds: number[];
  /** By row: the version that answered (0 = failed), and its probability. */
  versions: Int32Array;
  probabilities: Float64Array;
  latencies: Record<string, LatencySummary>;
  /** 99th percentile of the sender's own event-loop delay: latencies contain it. */
  clientStallP99Ms: number;
}

export type ToTraffic =
  | { kind: 'start'; settings: TrafficSettings }
  | { kind: 'phase'; phase: string; paced: boolean }
  | { kind: 'stop' };

export type FromTraffic =
  | ({ kind: 'status' } & TrafficStatus)
  | { kind: 'result'; result: TrafficResult }
  | { kind: 'failed'; message: string };
