// Codec of topic datasets.v1: proto millrace.data.v1.DatasetVersion, key "<project>/<id>".

import { DatasetVersionSchema } from './gen/millrace/data/v1/data_pb.js';
import { messageCodec } from './message-codec.js';

const DATASET_KINDS = ['import', 'live'] as const;

export interface OffsetRange {
  topic: string;
  partition: number;
  first: number;
  /** Inclusive. */
  last: number;
}

/** How many values of a column of another schema are none by the version's. */
export interface NulledColumn {
  column: string;
  values: number;
}

/** Manifest of an immutable set of rows. */
export interface DatasetVersion {
  project: string;
  /** SHA-256 (hex) over schema hash and rows in canonical order. */
  id: string;
  /** A bulk load, or an event-time range of the stream. */
  kind: (typeof DATASET_KINDS)[number];
  /** 1, 2, 3 ... per project, in order of closing. */
  ordinal: number;
  /** Id of the version before, empty for the first; of one with late labels the version whose rows it has. */
  parent: string;
  schemaHash: string;
  rows: number;
  labelledRows: number;
  eventTimeFromMs: number;
  /** Inclusive. */
  eventTimeToMs: number;
  offsets: readonly OffsetRange[];
  /** Artifact-store path. */
  parquetPath: string;
  parquetSha256: string;
  closedAtMs: number;
  source: string;
  /** Event-time span that this version stands for (live only): [windowStartMs, windowEndMs). */
  windowStartMs: number;
  windowEndMs: number;
  /** Rows of earlier spans, whose version had closed (live only). */
  lateRows: number;
  /** Records left out because another one of their id counts. */
  repeatedRows: number;
  /** Of a span whose rows were checked by several schemas: what the older ones had and the newest has not. */
  nulled: readonly NulledColumn[];
  /** Of one with newer labels: the ordinal of the version that first had its rows; 0 = it has rows of its own. */
  rowsOf: number;
  /** By which rule its labels were made (labelRuleText of libs/project); empty = not known, or there was none. */
  labelRule: string;
}

const codec = messageCodec<DatasetVersion>(DatasetVersionSchema, {
  DatasetVersion: { required: ['project', 'id', 'ordinal', 'parquetPath'], closed: { kind: DATASET_KINDS } },
  OffsetRange: { required: ['topic'] },
  NulledColumn: { required: ['column'] },
});

export const encodeDatasetVersion = codec.encode;
export const decodeDatasetVersion = codec.decode;
