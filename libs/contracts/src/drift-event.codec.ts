// Codec of topic drift.v1: a CloudEvents 1.0 event in JSON structured mode, so that anyone can read it: drift that was
// found, that it is over, or a correction of what was said of a window, because late labels changed it. Refuses what is
// not of our types and version, and data without project, feature, detector, window or cohort; unknown attributes are
// left alone. Release 0.1.0 said `modelVersion` (0 for all) instead of the cohort; it stays beside it, for those who
// read it.

import { ALL, type Cohort, cohortOfVersion, PlatformError } from '@millrace/domain';

export const DRIFT_EVENT_TYPE = 'dev.millrace.drift.detected.v1';
/** Late labels changed what was said of a window's quality: no new alarm. */
export const DRIFT_CORRECTION_TYPE = 'dev.millrace.drift.corrected.v1';
/** A window was calm again, or late labels took back the one that an alarm rested on. */
export const DRIFT_ENDED_TYPE = 'dev.millrace.drift.ended.v1';
export const DRIFT_CONTENT_TYPE = 'application/cloudevents+json; charset=utf-8';

/** A histogram of reference and live values on the same bins. */
export interface DriftHistogram {
  /** Bin labels: upper edges or values. */
  bins: readonly string[];
  reference: readonly number[];
  live: readonly number[];
}

export interface DriftData {
  project: string;
  /** A raw feature's name, or "@score", "@quality", "@software". */
  feature: string;
  detector: string;
  value: number;
  threshold: number;
  /** Corrected for all tests of the window and version; null where the detector has none. */
  pValue: number | null;
  /** Event time, [startMs, endMs). */
  window: { startMs: number; endMs: number };
  rows: number;
  /** Of "@quality": the share of `rows` that are labelled. */
  coverage?: number | undefined;
  cohort: Cohort;
  correlationId: string;
  /**
   * Id of the event before of the same drift, which has no end of its own: its version had no traffic for a window, has
   * some again, and drifts on.
   */
  continues?: string | undefined;
  histogram?: DriftHistogram | undefined;
  /** One sentence for people. */
  message?: string | undefined;
}

export interface CorrectionData extends DriftData {
  /** Id of the drift event that was made of the window before; null where none was, because it was calm. */
  corrects: string | null;
  /** What holds now. */
  alarming: boolean;
  /** Of the judgement, as in metrics.v1. */
  revision: number;
}

const END_REASONS = ['calm', 'corrected'] as const;

/** `window`, `value` and what is beside them are of the window that ended it. */
export interface EndData extends DriftData {
  /** Id of the drift event; its correlation id is this one's, too. */
  ends: string;
  reason: (typeof END_REASONS)[number];
  /** That it lasted. */
  windows: number;
}

interface Envelope<T extends string, D> {
  specversion: '1.0';
  type: T;
  /** Unique per (source, id); the same finding gets the same id again. */
  id: string;
  /** "/millrace/monitor/<project>". */
  source: string;
  /** The feature. */
  subject: string;
  /** RFC 3339, processing time. */
  time: string;
  datacontenttype: 'application/json';
  /** W3C trace context of the window's closing, where it was traced. */
  traceparent?: string | undefined;
  data: D;
}

export type DriftEvent = Envelope<typeof DRIFT_EVENT_TYPE, DriftData>;
export type DriftCorrection = Envelope<typeof DRIFT_CORRECTION_TYPE, CorrectionData>;

export type DriftEnd = Envelope<typeof DRIFT_ENDED_TYPE, EndData>;
/** Everything on drift.v1. */
export type AnyDriftEvent = DriftEvent | DriftCorrection | DriftEnd;

export function encodeDriftEvent(event: AnyDriftEvent): Uint8Array {
  const { version } = event.data.cohort;
  const data = { ...event.data, modelVersion: version === 'all' ? 0 : version };
  return new TextEncoder().encode(JSON.stringify({ ...event, data }));
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function decodeDriftEvent(bytes: Uint8Array): AnyDriftEvent {
  let parsed: unknown;
  try {
    parsed = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    throw new PlatformError('corrupt', 'drift event is not JSON', { cause: error });
  }
  if (!isObject(parsed)) throw new PlatformError('corrupt', 'drift event is not an object');
  const isCorrection = parsed.type === DRIFT_CORRECTION_TYPE;
  const isEnd = parsed.type === DRIFT_ENDED_TYPE;
  if (parsed.specversion !== '1.0' || !(isCorrection || isEnd || parsed.type === DRIFT_EVENT_TYPE))
    throw new PlatformError('corrupt', `drift event of type ${String(parsed.type)} ${String(parsed.specversion)}`);
  for (const field of ['id', 'source', 'subject', 'time'])
    if (typeof parsed[field] !== 'string' || parsed[field] === '')
      throw new PlatformError('corrupt', `drift event without ${field}`);
  const data = parsed.data;
  if (!isObject(data)) throw new PlatformError('corrupt', 'drift event without data');
  for (const field of ['project', 'feature', 'detector'])
    if (typeof data[field] !== 'string' || data[field] === '')
      throw new PlatformError('corrupt', `drift event data without ${field}`);
  for (const field of ['value', 'threshold', 'rows'])
    if (typeof data[field] !== 'number') throw new PlatformError('corrupt', `drift event data without ${field}`);
  const window = data.window;
  if (!isObject(window) || !Number.isSafeInteger(window.startMs) || !Number.isSafeInteger(window.endMs))
    throw new PlatformError('corrupt', 'drift event data without window');
  if (isEnd && !hasEnded(data)) throw new PlatformError('corrupt', 'drift end of nothing');
  if (isCorrection && !isCorrected(data)) throw new PlatformError('corrupt', 'drift correction of nothing');
  if (data.continues !== undefined && (typeof data.continues !== 'string' || data.continues === ''))
    throw new PlatformError('corrupt', 'drift event that goes on from nothing');
  const { modelVersion, ...rest } = data;
  const cohort = data.cohort === undefined ? cohortOfNumber(modelVersion) : cohortOf(data.cohort);
  if (cohort === undefined) throw new PlatformError('corrupt', 'drift event data without cohort');
  return { ...parsed, data: { ...rest, cohort } } as unknown as AnyDriftEvent;
}

function hasEnded({ ends, reason, windows }: Record<string, unknown>): boolean {
  const isNamed = typeof ends === 'string' && ends !== '' && END_REASONS.some((known) => known === reason);
  return isNamed && Number.isSafeInteger(windows);
}

function isCorrected({ corrects, alarming, revision }: Record<string, unknown>): boolean {
  const isKnown = corrects === null || (typeof corrects === 'string' && corrects !== '');
  return isKnown && typeof alarming === 'boolean' && Number.isSafeInteger(revision);
}

function cohortOf(value: unknown): Cohort | undefined {
  if (!isObject(value)) return undefined;
  const { version, slice } = value;
  if (version !== 'all' && !(typeof version === 'number' && Number.isSafeInteger(version) && version > 0))
    return undefined;
  if (slice === 'all') return { version, slice };
  if (!isObject(slice) || typeof slice.column !== 'string' || typeof slice.value !== 'string') return undefined;
  return slice.column === '' ? undefined : { version, slice: { column: slice.column, value: slice.value } };
}

/** As release 0.1.0 wrote it. */
function cohortOfNumber(version: unknown): Cohort | undefined {
  if (typeof version !== 'number' || !Number.isSafeInteger(version) || version < 0) return undefined;
  return version === 0 ? ALL : cohortOfVersion(version);
}
