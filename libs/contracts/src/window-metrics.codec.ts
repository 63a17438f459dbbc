// Codec of topic metrics.v1: proto millrace.monitoring.v1.WindowMetrics, key "<project>": one judgement of one closed
// window of one cohort. Bytes of release 0.1.0 have a model version instead, 0 for all.

import { type Cohort, PlatformError, type Slice } from '@millrace/domain';
import type { Evaluation } from '@millrace/evaluation';
import { metricsFromWire, metricsToWire, type WireMetrics } from './evaluation.codec.js';
import { WindowMetricsSchema } from './gen/millrace/monitoring/v1/monitoring_pb.js';
import { messageCodec } from './message-codec.js';

export interface TestResult {
  /** A raw feature's name, or "@score", "@quality", "@software". */
  feature: string;
  /** psi, ks, chi2, missing, unseen ... */
  detector: string;
  statistic: number;
  threshold: number;
  /** Corrected for all tests of the window and version; NaN where the detector has none. */
  pValue: number;
  alarm: boolean;
  rows: number;
}

export interface SoftwareMetrics {
  requestsPerSecond: number;
  /** Counted at the router while the window was answered; 0 = no data. */
  requests: number;
  /** Of `requests`; NaN = no data. */
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
  cohort: Cohort;
  tests: readonly TestResult[];
  /** Of the labelled rows that were answered in the window. */
  quality?: Evaluation | undefined;
  software?: SoftwareMetrics | undefined;
  /** Processing time of this judgement. */
  closedAtMs: number;
  /** 0: software, inputs and scores; 1: quality; 2 and on: quality again, because late labels changed it. */
  revision: number;
  /** Event time until which quality waits for labels; 0 = the project has none. */
  labelsDueMs: number;
}

/** The window's own times stand for its rows'. */
interface WireQuality extends WireMetrics {
  rows: number;
  positiveShare: number;
  meanProbability: number;
}

/** Version 0 = all. */
interface WireCohort {
  version: number;
  slice?: Slice | undefined;
}

interface WireWindow extends Omit<WindowMetrics, 'quality' | 'cohort'> {
  quality?: WireQuality | undefined;
  cohort?: WireCohort | undefined;
  modelVersion: number;
}

const codec = messageCodec<WireWindow>(WindowMetricsSchema, {
  WindowMetrics: { required: ['project'] },
  TestResult: { required: ['feature', 'detector'] },
  Slice: { required: ['column'] },
});

function qualityToWire({ rows, positiveShare, meanScore, metrics }: Evaluation): WireQuality {
  return { rows, positiveShare, meanProbability: meanScore ?? Number.NaN, ...metricsToWire(metrics) };
}

export function encodeWindowMetrics(window: WindowMetrics): Uint8Array {
  return codec.encode({
    ...window,
    quality: window.quality && qualityToWire(window.quality),
    cohort: cohortToWire(window.cohort),
    modelVersion: 0,
  });
}

function cohortToWire({ version, slice }: Cohort): WireCohort {
  return { version: version === 'all' ? 0 : version, ...(slice === 'all' ? {} : { slice: { ...slice } }) };
}

function cohortFromWire({ version, slice }: WireCohort): Cohort {
  if (version < 0) throw new PlatformError('corrupt', `Cohort of version ${version}`);
  return {
    version: version === 0 ? 'all' : version,
    slice: slice === undefined ? 'all' : { column: slice.column, value: slice.value },
  };
}

export function decodeWindowMetrics(bytes: Uint8Array): WindowMetrics {
  const { quality, cohort, modelVersion, ...rest } = codec.decode(bytes);
  const window = { ...rest, cohort: cohortFromWire(cohort ?? { version: modelVersion }) };
  const { windowStartMs, windowEndMs } = window;
  if (windowEndMs <= windowStartMs)
    throw new PlatformError('corrupt', `WindowMetrics ends at ${windowEndMs}, not after its start ${windowStartMs}`);
  if (quality === undefined) return window;
  const { rows, positiveShare, meanProbability } = quality;
  const span = { eventTimeFromMs: windowStartMs, eventTimeToMs: windowEndMs };
  const metrics = metricsFromWire(quality);
  return { ...window, quality: { rows, positiveShare, meanScore: meanProbability, metrics, ...span } };
}
