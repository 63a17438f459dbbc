// Codec of topic metrics.v1: proto millrace.monitoring.v1.WindowMetrics, key "<project>": one closed window.

import { PlatformError } from '@millrace/domain';
import { WindowMetricsSchema } from './gen/millrace/monitoring/v1/monitoring_pb.js';
import { messageCodec } from './message-codec.js';

export interface TestResult {
  /** A raw feature's name, or "@score", "@label", "@software". */
  feature: string;
  /** psi, ks, chi2, missing, unseen ... */
  detector: string;
  statistic: number;
  threshold: number;
  /** NaN where the detector has none. */
  pValue: number;
  alarm: boolean;
  rows: number;
}

export interface QualityMetrics {
  rows: number;
  accuracy: number;
  auc: number;
  logLoss: number;
  positiveShare: number;
  meanProbability: number;
}

export interface SoftwareMetrics {
  requestsPerSecond: number;
  errorShare: number;
  p50Ms: number;
  p99Ms: number;
}

export interface WindowMetrics {
  project: string;
  windowStartMs: number;
  /** Exclusive. */
  windowEndMs: number;
  predictions: number;
  labels: number;
  /** 0 = all versions together. */
  modelVersion: number;
  tests: readonly TestResult[];
  quality?: QualityMetrics | undefined;
  software?: SoftwareMetrics | undefined;
  closedAtMs: number;
}

const codec = messageCodec<WindowMetrics>(WindowMetricsSchema, {
  WindowMetrics: { required: ['project'] },
  TestResult: { required: ['feature', 'detector'] },
});

export const encodeWindowMetrics = codec.encode;

export function decodeWindowMetrics(bytes: Uint8Array): WindowMetrics {
  const window = codec.decode(bytes);
  if (window.windowEndMs <= window.windowStartMs)
    throw new PlatformError(
      'corrupt',
      `WindowMetrics ends at ${window.windowEndMs}, not after its start ${window.windowStartMs}`,
    );
  return window;
}
