// What the versioner needs from outside: a table that takes rows in any order and becomes the Parquet file of a
// version, the log on which versions are announced, and the ids of closed versions.

import type { DatasetVersion } from '@millrace/contracts';
import type { Scalar } from '@millrace/domain';
import type { RecordSchema } from '../schema/record-schema.js';

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
  /** Sorts, removes repeated record ids, writes the Parquet file, gives its id. Null when there are no rows. */
  write(): Promise<WrittenVersion | null>;
  drop(): Promise<void>;
}

export interface VersionTables {
  create(schema: RecordSchema): Promise<VersionTable>;
  /** Record ids of a closed version. */
  recordIds(version: DatasetVersion): Promise<Set<string>>;
}

export interface VersionLog {
  /** Resolves when the log has it. */
  announce(version: DatasetVersion): Promise<void>;
}
