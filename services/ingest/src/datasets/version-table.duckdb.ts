// Version tables in DuckDB: rows are appended in chunks, sorted and written to Parquet by DuckDB's own threads, and
// hashed in canonical order from the written file, so that what is hashed is what is stored. Numbers, integers and
// times are doubles while staged (no BigInt per value); the file has BIGINT where the contract says so.

import { createHash } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import {
  BOOLEAN,
  DOUBLE,
  type DuckDBConnection,
  DuckDBDataChunk,
  DuckDBInstance,
  type DuckDBType,
  type DuckDBValue,
  VARCHAR,
} from '@duckdb/node-api';
import type { ArtifactStore } from '@millrace/artifacts';
import { DATASET_COLUMNS, type DatasetVersion, datasetColumnsOf } from '@millrace/contracts';
import type { Scalar } from '@millrace/domain';
import type { ColumnSpec, ColumnType } from '@millrace/project';
import type { RecordSchema } from '../schema/record-schema.js';
import { CanonicalHash } from './canonical.js';
import type { TableRows, VersionTable, VersionTables, WrittenVersion } from './version-table.js';

/** DuckDB's vector size: a chunk takes at most this many rows. */
const CHUNK_ROWS = 2_048;
const STAGED: Readonly<Record<ColumnType, string>> = {
  number: 'DOUBLE',
  integer: 'DOUBLE',
  timestamp: 'DOUBLE',
  text: 'VARCHAR',
  boolean: 'BOOLEAN',
};
const WRITTEN: Readonly<Record<ColumnType, string>> = {
  number: 'DOUBLE',
  integer: 'BIGINT',
  timestamp: 'BIGINT',
  text: 'VARCHAR',
  boolean: 'BOOLEAN',
};
const CHUNK_TYPES: Readonly<Record<ColumnType, DuckDBType>> = {
  number: DOUBLE,
  integer: DOUBLE,
  timestamp: DOUBLE,
  text: VARCHAR,
  boolean: BOOLEAN,
};

export interface DuckDbSettings {
  /** Folder for spilled data and unfinished files; emptied at start. */
  scratch: string;
  memoryMax: string;
  threads: number;
}

/** What of the artifact store DuckDB needs: it writes and reads files of this machine. */
export type FileStore = Pick<ArtifactStore, 'putFile' | 'localFile'>;

const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;
/** The file's own columns, for SQL. */
const OWN = {
  recordId: quoted(DATASET_COLUMNS.recordId),
  entity: quoted(DATASET_COLUMNS.entity),
  eventTimeMs: quoted(DATASET_COLUMNS.eventTimeMs),
  label: quoted(DATASET_COLUMNS.label),
};
const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`;

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export class DuckDbVersionTables implements VersionTables {
  private tables = 0;

  private constructor(
    private readonly instance: DuckDBInstance,
    private readonly settings: DuckDbSettings,
    private readonly store: FileStore,
  ) {}

  static async open(settings: DuckDbSettings, store: FileStore): Promise<DuckDbVersionTables> {
    await rm(settings.scratch, { recursive: true, force: true });
    await mkdir(settings.scratch, { recursive: true });
    const instance = await DuckDBInstance.create(':memory:', {
      memory_limit: settings.memoryMax,
      threads: String(settings.threads),
      temp_directory: settings.scratch,
      preserve_insertion_order: 'true',
    });
    return new DuckDbVersionTables(instance, settings, store);
  }

  async create(schema: RecordSchema): Promise<VersionTable> {
    const connection = await this.instance.connect();
    const name = `staged_${++this.tables}`;
    const stored = schema.stored.map((index) => schema.columns[index] as ColumnSpec);
    const columns = stored.map((column) => `${quoted(column.name)} ${STAGED[column.type]}`);
    await connection.run(
      `CREATE TABLE ${name} (${OWN.recordId} VARCHAR, ${OWN.entity} VARCHAR, ${OWN.eventTimeMs} DOUBLE, ${OWN.label} DOUBLE,
       ${columns.join(', ')})`,
    );
    return new DuckDbVersionTable(
      connection,
      name,
      schema,
      stored,
      join(this.settings.scratch, `${name}.parquet`),
      this.store,
    );
  }

  async recordIds(version: DatasetVersion): Promise<Set<string>> {
    const connection = await this.instance.connect();
    try {
      const file = `read_parquet(${literal(await this.store.localFile(version.parquetPath, version.parquetSha256))})`;
      const names = (await connection.runAndReadAll(`SELECT * FROM ${file} LIMIT 0`)).columnNames();
      const result = await connection.stream(`SELECT ${quoted(datasetColumnsOf(names).recordId)} FROM ${file}`);
      const ids = new Set<string>();
      for (
        let chunk = await result.fetchChunk();
        chunk !== null && chunk.rowCount > 0;
        chunk = await result.fetchChunk()
      ) {
        const vector = chunk.getColumnVector(0);
        for (let row = 0; row < chunk.rowCount; row++) ids.add(vector.getItem(row) as string);
      }
      return ids;
    } finally {
      connection.closeSync();
    }
  }

  close(): void {
    this.instance.closeSync();
  }
}

class DuckDbVersionTable implements VersionTable {
  private readonly appender;

  constructor(
    private readonly connection: DuckDBConnection,
    private readonly name: string,
    private readonly schema: RecordSchema,
    private readonly stored: readonly ColumnSpec[],
    private readonly file: string,
    private readonly store: FileStore,
  ) {
    this.appender = connection.createAppender(name);
  }

  async append(rows: TableRows): Promise<void> {
    const types = [VARCHAR, VARCHAR, DOUBLE, DOUBLE, ...this.stored.map((column) => CHUNK_TYPES[column.type])];
    const appender = await this.appender;
    for (let from = 0; from < rows.recordIds.length; from += CHUNK_ROWS) {
      const count = Math.min(CHUNK_ROWS, rows.recordIds.length - from);
      const chunk = DuckDBDataChunk.create(types, count);
      const part = (values: ArrayLike<unknown>): DuckDBValue[] =>
        Array.prototype.slice.call(values, from, from + count);
      chunk.setColumnValues(0, part(rows.recordIds));
      chunk.setColumnValues(1, part(rows.entities));
      chunk.setColumnValues(2, part(rows.eventTimeMs));
      const labels = rows.labels.length === 0 ? new Array<number | null>(count).fill(null) : part(rows.labels);
      for (let row = 0; row < count; row++) if (Number.isNaN(labels[row])) labels[row] = null;
      chunk.setColumnValues(3, labels);
      rows.columns.forEach((values, index) => {
        const isName = this.nameOf(this.stored[index] as ColumnSpec) !== null;
        chunk.setColumnValues(4 + index, isName ? new Array<null>(count).fill(null) : part(values));
      });
      appender.appendDataChunk(chunk);
      // Appending is work of the event loop's thread: others get their turn between chunks.
      await turn();
    }
  }

  async write(): Promise<WrittenVersion | null> {
    (await this.appender).closeSync();
    const [total, distinct] = await this.numbers(
      `SELECT count(*)::DOUBLE, count(DISTINCT ${OWN.recordId})::DOUBLE FROM ${this.name}`,
    );
    if (total === undefined || distinct === undefined || total === 0) return null;
    const columns = this.stored.map((column) => `${this.writtenFrom(column)} AS ${quoted(column.name)}`);
    const first =
      total === distinct ? '' : `QUALIFY row_number() OVER (PARTITION BY ${OWN.recordId} ORDER BY rowid) = 1`;
    await this.connection.run(
      `COPY (SELECT ${OWN.recordId}, ${OWN.entity}, CAST(${OWN.eventTimeMs} AS BIGINT) AS ${OWN.eventTimeMs}, ${OWN.label},
       ${columns.join(', ')} FROM ${this.name} ${first}
       ORDER BY ${OWN.eventTimeMs}, ${this.isTimed ? OWN.recordId : 'rowid'}) TO ${literal(this.file)} (FORMAT parquet)`,
    );
    await this.connection.run(`DROP TABLE ${this.name}`);
    const [rows, labelledRows, eventTimeFromMs, eventTimeToMs] = (await this.numbers(
      `SELECT count(*)::DOUBLE, count(${OWN.label})::DOUBLE, min(${OWN.eventTimeMs})::DOUBLE, max(${OWN.eventTimeMs})::DOUBLE
       FROM read_parquet(${literal(this.file)})`,
    )) as [number, number, number, number];
    const id = await this.hash();
    const parquetPath = `datasets/${this.schema.project.name}/${id}/data.parquet`;
    const parquetSha256 = await this.store.putFile(parquetPath, this.file);
    return {
      id,
      rows,
      labelledRows,
      eventTimeFromMs,
      eventTimeToMs,
      duplicates: total - distinct,
      parquetPath,
      parquetSha256,
    };
  }

  async drop(): Promise<void> {
    await this.connection.run(`DROP TABLE IF EXISTS ${this.name}`);
    this.connection.closeSync();
    await rm(this.file, { force: true });
  }

  /** An integer that names record or entity is written from that name: staged as a double it would lose digits. */
  private nameOf({ name }: ColumnSpec): string | null {
    if (!this.schema.wholeNames[this.schema.indexOf.get(name) as number]) return null;
    return name === this.schema.project.data.recordId ? OWN.recordId : OWN.entity;
  }

  private writtenFrom(column: ColumnSpec): string {
    const from = this.nameOf(column);
    // What another writer put on the topic may name itself as it likes: then the column has no value.
    return from === null
      ? `CAST(${quoted(column.name)} AS ${WRITTEN[column.type]})`
      : `TRY_CAST(${from} AS ${WRITTEN[column.type]})`;
  }

  /** Else rows stand in the order in which they came, and their times say nothing of them. */
  private get isTimed(): boolean {
    return this.schema.eventTimeIndex >= 0;
  }

  private async numbers(sql: string): Promise<number[]> {
    const reader = await this.connection.runAndReadAll(sql);
    return (reader.getRows()[0] ?? []).map(Number);
  }

  private async hash(): Promise<string> {
    const sha256 = createHash('sha256');
    const canonical = new CanonicalHash(
      { update: (bytes) => sha256.update(bytes), hex: () => sha256.digest('hex') },
      this.schema.hash,
    );
    const columns = this.stored.map((column) =>
      column.type === 'text' || column.type === 'boolean' ? quoted(column.name) : `${quoted(column.name)}::DOUBLE`,
    );
    const result = await this.connection.stream(
      `SELECT ${OWN.recordId}, ${OWN.entity}, ${OWN.eventTimeMs}::DOUBLE, ${OWN.label}, ${columns.join(', ')}
       FROM read_parquet(${literal(this.file)})`,
    );
    for (
      let chunk = await result.fetchChunk();
      chunk !== null && chunk.rowCount > 0;
      chunk = await result.fetchChunk()
    ) {
      const vectors = Array.from({ length: chunk.columnCount }, (_, index) =>
        (chunk as DuckDBDataChunk).getColumnVector(index),
      );
      for (let row = 0; row < chunk.rowCount; row++) {
        canonical.row(
          vectors[0]?.getItem(row) as string,
          vectors[1]?.getItem(row) as string,
          this.isTimed ? (vectors[2]?.getItem(row) as number) : 0,
        );
        for (let index = 3; index < vectors.length; index++) canonical.value(vectors[index]?.getItem(row) as Scalar);
      }
      await turn();
    }
    return canonical.hex();
  }
}
