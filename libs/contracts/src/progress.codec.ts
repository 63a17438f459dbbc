// Codec of topic progress.v1: proto millrace.progress.v1.Progress, keys by its part (as the proto says). Written by
// ingest for itself: where it has read to, which segments hold what is in no version yet, and what was closed.

import { ProgressSchema } from './gen/millrace/progress/v1/progress_pb.js';
import { messageCodec } from './message-codec.js';

const SEGMENT_KINDS = ['records', 'labels'] as const;
export type SegmentKind = (typeof SEGMENT_KINDS)[number];

/** How far a partition number was read; everything before the offsets is durable elsewhere. */
export interface ReadingProgress {
  kind: 'reading';
  partition: number;
  /** Next offsets. */
  records: number;
  labels: number;
  /** Next offsets as far as messages were counted. */
  countedRecords: number;
  countedLabels: number;
  atMs: number;
  holder: string;
  /** Nothing is read on for want of room. */
  stopped: boolean;
  /** Next offset of commands.v1, all before were carried out; 0 = not told. */
  commands: number;
}

/** What of a project was read in a partition. */
export interface ProjectReading {
  kind: 'project';
  project: string;
  createdAtMs: number;
  partition: number;
  /** How far event time of records has come; undefined = unknown. */
  recordsThroughMs?: number | undefined;
  /** Likewise of the time at which labels were known. */
  labelsThroughMs?: number | undefined;
  records: number;
  labels: number;
  /** Processing time of the last message. */
  heardAtMs: number;
  /** Of the last reset of the watermark that is in force here. */
  resetAtMs: number;
}

export interface SegmentEntry {
  name: string;
  schema: string;
  rows: number;
  bytes: number;
  level: number;
  merged: readonly string[];
}

/** Segments of one project, partition, kind and event-time span. */
export interface OpenSpanProgress {
  kind: 'span';
  project: string;
  createdAtMs: number;
  /** -1: the project's owner. */
  partition: number;
  segmentKind: SegmentKind;
  spanStartMs: number;
  segments: readonly SegmentEntry[];
}

interface CloseAnswer {
  commandId: string;
  closed: number;
  /** Empty = it was done. */
  failure: string;
}

/** What the project's owner has closed. */
export interface ClosingProgress {
  kind: 'closing';
  project: string;
  createdAtMs: number;
  closedThroughMs?: number | undefined;
  consumed: readonly string[];
  duplicates: number;
  refreshedAtMs: number;
  /** The last reset of the watermark, in processing time, and the event time that it was set back to; 0 = none. */
  resetAtMs: number;
  resetToMs: number;
  answers: readonly CloseAnswer[];
}

/** How a bulk load has ended. */
export interface ImportEndProgress {
  kind: 'importEnd';
  importId: string;
  project: string;
  versionId: string;
  failure: string;
}

/** What must not be deleted; of a dataset version, of a model version with its data, or, with neither, of all. */
export interface HoldProgress {
  kind: 'hold';
  id: string;
  project: string;
  dataset: string;
  model: number;
  reason: string;
  by: string;
  atMs: number;
  /** 0 = it is in force. */
  removedAtMs: number;
  removedBy: string;
  removedReason: string;
}

export type Progress =
  | ReadingProgress
  | ProjectReading
  | OpenSpanProgress
  | ClosingProgress
  | ImportEndProgress
  | HoldProgress;

const codec = messageCodec<{ part: Progress }>(ProgressSchema, {
  Progress: { required: ['part'] },
  ProjectReading: { required: ['project'] },
  OpenSpan: { required: ['project'], closed: { segmentKind: SEGMENT_KINDS } },
  Segment: { required: ['name'] },
  Closing: { required: ['project'] },
  ImportEnd: { required: ['importId', 'project'] },
  Hold: { required: ['id', 'project'] },
});

export const encodeProgress = (progress: Progress): Uint8Array => codec.encode({ part: progress });
export const decodeProgress = (bytes: Uint8Array): Progress => codec.decode(bytes).part;
