// Version tables in DuckDB: rows are appended in chunks, sorted and written to Parquet by DuckDB's own threads.

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
import type { ColumnSpec } from '@millrace/project';
import type { RecordSchema } from '../schema/record-schema.js';
import {
  type FileStore,
  isTimed,
  literal,
  nameOf,
  numbers,
  OWN,
  placeVersion,
  quoted,
  STAGED,
  storedColumns,
  turn,
  WRITTEN,
} from './version-file.duckdb.js';
import type { TableRows, VersionTable, VersionTables, WrittenVersion } from './version-table.js';

/** DuckDB's vector size: a chunk takes at most this many rows. */
export const CHUNK_ROWS = 2_048;
export const CHUNK_TYPES: Readonly<Record<'DOUBLE' | 'VARCHAR' | 'BOOLEAN', DuckDBType>> = {
  DOUBLE,
  VARCHAR,
  BOOLEAN,
};

export interface DuckDbSettings {
  /** Folder for spilled data and unfinished files; emptied at start. */
  scratch: string;
  memoryMax: string;
  threads: number;
}

export class DuckDbVersionTables implements VersionTables {
  private tables = 0;

  private constructor(
    readonly instance: DuckDBInstance,
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
    const stored = storedColumns(schema);
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
    const types = [VARCHAR, VARCHAR, DOUBLE, DOUBLE, ...this.stored.map((column) => CHUNK_TYPES[STAGED[column.type]])];
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
        const isName = nameOf(this.schema, this.stored[index] as ColumnSpec) !== null;
        chunk.setColumnValues(4 + index, isName ? new Array<null>(count).fill(null) : part(values));
      });
      appender.appendDataChunk(chunk);
      // Appending is work of the event loop's thread: others get their turn between chunks.
      await turn();
    }
  }

  async write(): Promise<WrittenVersion | null> {
    (await this.appender).closeSync();
    const [total, distinct] = await numbers(
      this.connection,
      `SELECT count(*)::DOUBLE, count(DISTINCT ${OWN.recordId})::DOUBLE FROM ${this.name}`,
    );
    if (total === undefined || distinct === undefined || total === 0) return null;
    const columns = this.stored.map((column) => `${this.writtenFrom(column)} AS ${quoted(column.name)}`);
    const first =
      total === distinct ? '' : `QUALIFY row_number() OVER (PARTITION BY ${OWN.recordId} ORDER BY rowid) = 1`;
    await this.connection.run(
      `COPY (SELECT ${OWN.recordId}, ${OWN.entity}, CAST(${OWN.eventTimeMs} AS BIGINT) AS ${OWN.eventTimeMs}, ${OWN.label},
       ${columns.join(', ')} FROM ${this.name} ${first}
       ORDER BY ${OWN.eventTimeMs}, ${isTimed(this.schema) ? OWN.recordId : 'rowid'}) TO ${literal(this.file)} (FORMAT parquet)`,
    );
    await this.connection.run(`DROP TABLE ${this.name}`);
    const placed = await placeVersion(this.connection, this.schema, this.file, this.store);
    return placed === null ? null : { ...placed, duplicates: total - distinct };
  }

  async drop(): Promise<void> {
    await this.connection.run(`DROP TABLE IF EXISTS ${this.name}`);
    this.connection.closeSync();
    await rm(this.file, { force: true });
  }

  private writtenFrom(column: ColumnSpec): string {
    const from = nameOf(this.schema, column);
    // What another writer put on the topic may name itself as it likes: then the column has no value.
    return from === null
      ? `CAST(${quoted(column.name)} AS ${WRITTEN[column.type]})`
      : `TRY_CAST(${from} AS ${WRITTEN[column.type]})`;
  }
}
