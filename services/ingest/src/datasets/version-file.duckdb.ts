// The Parquet file of a dataset version, once DuckDB has written it: its figures, its id by the canonical order, its
// place in the artifact store. What is hashed is what is stored.

import { createHash } from 'node:crypto';
import type { DuckDBConnection, DuckDBDataChunk } from '@duckdb/node-api';
import { DATASET_COLUMNS } from '@millrace/contracts';
import type { ColumnSpec, ColumnType } from '@millrace/project';
import type { RecordSchema } from '../schema/record-schema.js';
import { CanonicalHash } from './canonical.js';
import { isTimed } from './span-times.js';
import { type ValueSink, VectorValues } from './vector-values.duckdb.js';
import type { WrittenVersion } from './version-table.js';

export interface PlacedFile {
  readonly parquetPath: string;
  readonly parquetSha256: string;
}

/** What of the artifact store DuckDB needs: it writes and reads files of this machine. */
export interface VersionStore {
  localFile(path: string, sha256?: string): Promise<string>;
  /**
   * Takes over the file that DuckDB wrote of a version's rows. Where the version is announced, its file is the answer,
   * unless there must be another one: the rows are the same, but not when their labels were known.
   */
  place(project: string, id: string, file: string, how: { always: boolean }): Promise<PlacedFile>;
}

export const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;
export const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`;
export const filesOf = (paths: readonly string[]): string => `[${paths.map(literal).join(', ')}]`;

/** The file's own columns, for SQL. */
export const OWN = {
  recordId: quoted(DATASET_COLUMNS.recordId),
  entity: quoted(DATASET_COLUMNS.entity),
  eventTimeMs: quoted(DATASET_COLUMNS.eventTimeMs),
  label: quoted(DATASET_COLUMNS.label),
};

/** What a value is while it is staged: numbers, integers and times are doubles, so that none becomes a BigInt. */
export const STAGED: Readonly<Record<ColumnType, 'DOUBLE' | 'VARCHAR' | 'BOOLEAN'>> = {
  number: 'DOUBLE',
  integer: 'DOUBLE',
  timestamp: 'DOUBLE',
  text: 'VARCHAR',
  boolean: 'BOOLEAN',
};
export const WRITTEN: Readonly<Record<ColumnType, string>> = {
  number: 'DOUBLE',
  integer: 'BIGINT',
  timestamp: 'BIGINT',
  text: 'VARCHAR',
  boolean: 'BOOLEAN',
};

export const storedColumns = (schema: RecordSchema): ColumnSpec[] =>
  schema.stored.map((index) => schema.columns[index] as ColumnSpec);

/** An integer that names record or entity is written from that name: staged as a double it would lose digits. */
export function nameOf(schema: RecordSchema, { name }: ColumnSpec): string | null {
  if (!schema.wholeNames[schema.indexOf.get(name) as number]) return null;
  return name === schema.project.data.recordId ? OWN.recordId : OWN.entity;
}

/** A turn for others: work of the event loop's thread is done in slices. */
export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export async function numbers(connection: DuckDBConnection, sql: string): Promise<number[]> {
  const reader = await connection.runAndReadAll(sql);
  return (reader.getRows()[0] ?? []).map(Number);
}

/** Null when the file has no rows; else it is moved into the store. */
export async function placeVersion(
  connection: DuckDBConnection,
  schema: RecordSchema,
  file: string,
  store: VersionStore,
  how = { always: false },
): Promise<Omit<WrittenVersion, 'duplicates'> | null> {
  const [rows, labelledRows, eventTimeFromMs, eventTimeToMs] = (await numbers(
    connection,
    `SELECT count(*)::DOUBLE, count(${OWN.label})::DOUBLE, min(${OWN.eventTimeMs})::DOUBLE, max(${OWN.eventTimeMs})::DOUBLE
     FROM read_parquet(${literal(file)})`,
  )) as [number, number, number, number];
  if (rows === 0) return null;
  const id = await hashOf(connection, schema, file);
  const placed = await store.place(schema.project.name, id, file, how);
  return { id, rows, labelledRows, eventTimeFromMs, eventTimeToMs, ...placed };
}

async function hashOf(connection: DuckDBConnection, schema: RecordSchema, file: string): Promise<string> {
  const sha256 = createHash('sha256');
  const canonical = new CanonicalHash(
    { update: (bytes) => sha256.update(bytes), hex: () => sha256.digest('hex') },
    schema.hash,
  );
  const columns = storedColumns(schema).map((column) =>
    column.type === 'text' || column.type === 'boolean' ? quoted(column.name) : `${quoted(column.name)}::DOUBLE`,
  );
  const result = await connection.stream(
    `SELECT ${[OWN.recordId, OWN.entity, `${OWN.eventTimeMs}::DOUBLE`, OWN.label, ...columns].join(', ')}
     FROM read_parquet(${literal(file)})`,
  );
  const timed = isTimed(schema);
  const names: ValueSink = {
    value: (name) => canonical.name(name as string),
    textBytes: (bytes, from, length) => canonical.nameBytes(bytes, from, length),
  };
  // DuckDB reads the next rows while these are hashed.
  let next = result.fetchChunk();
  for (let chunk = await next; chunk !== null && chunk.rowCount > 0; chunk = await next) {
    next = result.fetchChunk();
    // Awaited after the rows of this one.
    next.catch(() => undefined);
    const vectors = Array.from(
      { length: chunk.columnCount },
      (_, index) => new VectorValues((chunk as DuckDBDataChunk).getColumnVector(index)),
    );
    const [ids, entities, times, ...values] = vectors as [VectorValues, VectorValues, VectorValues, ...VectorValues[]];
    const rows = chunk.rowCount;
    for (let row = 0; row < rows; row++) {
      ids.give(row, names);
      entities.give(row, names);
      canonical.time(timed ? (times.item(row) as number) : 0);
      for (let index = 0; index < values.length; index++) (values[index] as VectorValues).give(row, canonical);
    }
    await turn();
  }
  return canonical.hex();
}
