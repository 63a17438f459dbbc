// Segments: immutable Parquet files that hold what was read from records.v1 and labels.v1 until the dataset version
// that it belongs to has closed. One file holds rows of one project, kind, event-time span and schema; what of that
// must be known without opening it stands in its name:
//
//   <project>@<created at ms>/<kind>_<span start ms>_<schema>_<rows>_<level>_<number>.parquet
//
// <schema>: the first 16 digits of the hash, 0 for labels. <level>: how often its rows were merged. Every row carries
// partition and offset (the kind says the topic) and the time of its ingestion, so that one that is read again is
// known.

import type { Scalar } from '@millrace/domain';
import type { ColumnType } from '@millrace/project';
import type { RecordSchema } from '../schema/record-schema.js';

export type SegmentKind = 'records' | 'labels';

/** A project of this name that was created then; another one of the name is another project. */
export interface SegmentOwner {
  readonly project: string;
  readonly createdAtMs: number;
}

export interface SegmentKey extends SegmentOwner {
  readonly kind: SegmentKind;
  readonly spanStartMs: number;
  readonly schema: string;
}

export interface SegmentFile extends SegmentKey {
  readonly name: string;
  readonly rows: number;
  readonly level: number;
  readonly number: number;
  readonly bytes: number;
}

export interface SegmentColumn {
  readonly name: string;
  readonly type: ColumnType;
  readonly values: Scalar[];
}

/** What a segment has of its own; '@' begins no column of a project. */
export const SEGMENT_COLUMNS = {
  recordId: '@record_id',
  entity: '@entity',
  eventTimeMs: '@event_time_ms',
  partition: '@partition',
  offset: '@offset',
  ingestedAtMs: '@ingested_at_ms',
  label: '@label',
  knownAtMs: '@known_at_ms',
} as const;

const SCHEMA_DIGITS = 16;
const NAME = /^(records|labels)_(-?\d+)_([0-9a-f]+)_(\d+)_(\d+)_(\d+)\.parquet$/;
const FOLDER = /^(.+)@(\d+)$/;

export const schemaOf = (schema: RecordSchema): string => schema.hash.slice(0, SCHEMA_DIGITS);
export const NO_SCHEMA = '0';

export const folderOf = ({ project, createdAtMs }: SegmentOwner): string => `${project}@${createdAtMs}`;

export function ownerOf(folder: string): SegmentOwner | null {
  const [, project, createdAtMs] = FOLDER.exec(folder) ?? [];
  return project === undefined ? null : { project, createdAtMs: Number(createdAtMs) };
}

export function segmentName(key: SegmentKey, rows: number, level: number, number: number): string {
  return `${key.kind}_${key.spanStartMs}_${key.schema}_${rows}_${level}_${number}.parquet`;
}

/** Null where the name is none of a segment. */
export function segmentOf(owner: SegmentOwner, name: string, bytes: number): SegmentFile | null {
  const parts = NAME.exec(name);
  if (parts === null) return null;
  const [, kind, spanStartMs, schema, rows, level, number] = parts as unknown as [string, SegmentKind, ...string[]];
  return {
    ...owner,
    kind,
    spanStartMs: Number(spanStartMs),
    schema: schema as string,
    name,
    rows: Number(rows),
    level: Number(level),
    number: Number(number),
    bytes,
  };
}

/**
 * What a close has decided: these segments become the version of this span. It is on disk before anything else of the
 * close happens, so that a process that is killed in it does the same again.
 */
export interface ClosePlan extends SegmentOwner {
  readonly spanStartMs: number;
  /** Exclusive. */
  readonly spanEndMs: number;
  readonly records: readonly SegmentFile[];
  /** Of the spans that the records are of. */
  readonly labels: readonly SegmentFile[];
}

/** Where segments lie. Everything that resolves is durable. */
export interface SegmentFiles {
  /** What is there at the start, with closes that have begun. Numbers of new files follow. */
  open(): Promise<{ files: SegmentFile[]; plans: ClosePlan[] }>;
  write(key: SegmentKey, columns: readonly SegmentColumn[]): Promise<SegmentFile>;
  /** One file with the rows of these, which are of one key. */
  merge(files: readonly SegmentFile[]): Promise<SegmentFile>;
  remove(files: readonly SegmentFile[]): Promise<void>;
  removeOwner(owner: SegmentOwner): Promise<void>;
  begin(plan: ClosePlan): Promise<void>;
  end(plan: ClosePlan): Promise<void>;
  /** Of the file system that they lie in. */
  freeBytes(): Promise<number>;
}
