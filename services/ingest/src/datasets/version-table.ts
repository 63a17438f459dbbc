// What the versioner needs from outside: a table that takes rows in any order and becomes the Parquet file of a
// version, and what makes one of a span's segments.

import type { DatasetVersion, NulledColumn, OffsetRange, ParquetRows } from '@millrace/contracts';
import type { Scalar } from '@millrace/domain';
import type { RecordSchema } from '../schema/record-schema.js';
import type { ClosePlan, LabelExpiry, SegmentFile } from './segment.js';

/** Rows as columns. */
export interface TableRows {
  recordIds: readonly string[];
  entities: readonly string[];
  eventTimeMs: ArrayLike<number>;
  /** NaN = not known; empty = none of them. */
  labels: ArrayLike<number>;
  /** One list for each stored column, in the order of the schema; null = missing. */
  columns: readonly (readonly Scalar[])[];
}

export interface WrittenVersion {
  id: string;
  rows: number;
  labelledRows: number;
  eventTimeFromMs: number;
  /** Inclusive. */
  eventTimeToMs: number;
  /** Rows left out because an earlier one has the same record id. */
  duplicates: number;
  parquetPath: string;
  parquetSha256: string;
}

export interface VersionTable {
  append(rows: TableRows): Promise<void>;
  /** Rows as a file. @throws where it is not one of so many staged rows */
  appendParquet(rows: ParquetRows): Promise<void>;
  /**
   * Sorts, removes repeated record ids, writes the Parquet file, gives its id. Null when there are no rows.
   * @throws where some of them were not taken in
   */
  write(): Promise<WrittenVersion | null>;
  drop(): Promise<void>;
}

export interface VersionTables {
  create(schema: RecordSchema): Promise<VersionTable>;
}

/** A version as merged from segments, with what only a merge can tell. */
export interface MergedVersion extends WrittenVersion {
  /** Rows of earlier spans. */
  lateRows: number;
  offsets: readonly OffsetRange[];
  /** Values that another schema had, and that are none by this one. */
  nulled: readonly NulledColumn[];
}

/** `version`: null when every row is in an earlier version. `left`: labels that found no row. */
export type MergedSpan = { left: readonly SegmentFile[] } & (
  | { version: MergedVersion }
  | { version: null; duplicates: number }
);

/** The rows of a closed version with newer labels. */
export type RefreshedVersion = Omit<MergedVersion, 'duplicates' | 'lateRows' | 'offsets'>;

export interface SpanMerger {
  /** Whether there is a file of this name. */
  isStored(version: DatasetVersion): Promise<boolean>;
  /**
   * With these labels, and those that came to the rows of `others`; null where none wins against those that the version
   * has.
   */
  refresh(
    schema: RecordSchema,
    version: DatasetVersion,
    labels: readonly SegmentFile[],
    others: readonly DatasetVersion[],
  ): Promise<RefreshedVersion | null>;
  /** As new segments: the labels whose records are in none of the versions, but for those that are given away. */
  leftOf(
    labels: readonly SegmentFile[],
    versions: readonly DatasetVersion[],
    expiry: LabelExpiry,
  ): Promise<SegmentFile[]>;
  /** `closed`: the versions that may hold rows of the plan already. */
  merge(schema: RecordSchema, plan: ClosePlan, closed: readonly DatasetVersion[]): Promise<MergedSpan>;
}
