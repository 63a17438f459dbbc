// Segments: immutable Parquet files in the artifact store that hold what was read from records.v1 and labels.v1 until
// the dataset version that it belongs to has closed. One file holds rows of one project, partition, kind, event-time
// span and schema:
//
//   segments/<partition>/<project>/<created at ms>/<kind>_<span start ms>_<id>.parquet
//
// Which of the files count is said by progress.v1 alone; a file that no message names is the rest of a crash. Every row
// carries partition and offset (the kind says the topic) and the time of its ingestion, so that one that is read again
// is known.

import type { OpenSpanProgress, SegmentEntry, SegmentKind } from '@millrace/contracts';
import type { Scalar } from '@millrace/domain';
import type { ColumnType } from '@millrace/project';
import type { WaitingLabel } from '../labels/waiting-label.js';
import type { RecordSchema } from '../schema/record-schema.js';
import type { NumberColumn } from './number-column.js';

/** A project of this name that was created then; another one of the name is another project. */
export interface SegmentOwner {
  readonly project: string;
  readonly createdAtMs: number;
}

/** The partition of what the project's owner keeps: labels that found no row. */
export const OF_OWNER = -1;

export interface SpanKey extends SegmentOwner {
  readonly partition: number;
  readonly kind: SegmentKind;
  readonly spanStartMs: number;
}

export interface SegmentKey extends SpanKey {
  readonly schema: string;
}

export type SegmentFile = SegmentKey & SegmentEntry;

/** As many values as the segment has rows. */
export interface SegmentColumn {
  readonly name: string;
  readonly type: ColumnType;
  /** Of numbers, integers and times. */
  readonly values: Scalar[] | NumberColumn;
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
  predictionId: '@prediction_id',
} as const;

const SCHEMA_DIGITS = 16;

export const schemaOf = (schema: RecordSchema): string => schema.hash.slice(0, SCHEMA_DIGITS);
export const NO_SCHEMA = '0';

export const ownerText = ({ project, createdAtMs }: SegmentOwner): string => `${project}@${createdAtMs}`;
export const sameOwner = (a: SegmentOwner, b: SegmentOwner): boolean =>
  a.project === b.project && a.createdAtMs === b.createdAtMs;

/** Of a partition, or of one project in it. */
export const folderOf = (partition: number, of?: SegmentOwner): string =>
  ['segments', partition === OF_OWNER ? 'owner' : partition, ...(of ? [of.project, of.createdAtMs] : [])].join('/');
export const pathOf = (file: SpanKey & Pick<SegmentEntry, 'name'>): string =>
  `${folderOf(file.partition, file)}/${file.name}`;

/** The files of a span, as progress.v1 tells of them. */
export const filesOfSpan = ({ segmentKind, segments, kind: _, ...span }: OpenSpanProgress): SegmentFile[] =>
  segments.map((segment) => ({ ...span, kind: segmentKind, ...segment }));

/** As progress.v1 tells of a file in the list of its span. */
export const entryOf = ({ name, schema, rows, bytes, level, merged }: SegmentFile): SegmentEntry => ({
  ...{ name, schema, rows, bytes, level, merged },
});

/** What a close has decided: these segments become the version of this span. */
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
  write(key: SegmentKey, columns: readonly SegmentColumn[]): Promise<SegmentFile>;
  /** One file with the rows of these, which are of one key. */
  merge(files: readonly SegmentFile[]): Promise<SegmentFile>;
  remove(files: readonly Pick<SegmentFile, keyof SpanKey | 'name'>[]): Promise<void>;
  /** Paths of all files in a folder. */
  list(folder: string): Promise<string[]>;
  removePaths(paths: readonly string[]): Promise<void>;
  /** Of the file system that they lie in; infinity in a bucket. */
  freeBytes(): Promise<number>;
}

/** What becomes of labels that have waited for too long: those that were ingested before. */
export interface LabelExpiry {
  /** Processing time; -Infinity = none is given away. */
  readonly beforeMs: number;
  /** Records that no version holds yet, late rows among them: their labels wait on. */
  readonly open: readonly SegmentFile[];
  /** Some thousands at a time. */
  give(labels: readonly WaitingLabel[]): Promise<void>;
}
