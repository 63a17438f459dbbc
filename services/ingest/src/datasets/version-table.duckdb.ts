// Version tables in DuckDB: rows are gathered, sorted and written to Parquet by DuckDB's own threads.

import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  BOOLEAN,
  DOUBLE,
  type DuckDBAppender,
  type DuckDBConnection,
  DuckDBDataChunk,
  DuckDBInstance,
  type DuckDBType,
  type DuckDBValue,
  VARCHAR,
} from '@duckdb/node-api';
import type { ParquetRows } from '@millrace/contracts';
import { PlatformError } from '@millrace/domain';
import { LASTING_DUCKDB } from '@millrace/files';
import type { ColumnSpec } from '@millrace/project';
import type { RecordSchema } from '../schema/record-schema.js';
import { isTimed } from './span-times.js';
import {
  filesOf,
  literal,
  nameOf,
  numbers,
  OWN,
  placeVersion,
  quoted,
  STAGED,
  storedColumns,
  turn,
  type VersionStore,
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

/** Staged rows by place: their own columns, then the stored ones. */
const PLACES = { recordId: 'c0', entity: 'c1', eventTimeMs: 'c2', label: 'c3' };
const OWN_PLACES = 4;
/** The order in which rows came: files by their names, rows by their places. */
const ARRIVAL = 'filename, file_row_number';

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
    private readonly store: VersionStore,
  ) {}

  static async open(settings: DuckDbSettings, store: VersionStore): Promise<DuckDbVersionTables> {
    await rm(settings.scratch, { recursive: true, force: true });
    await mkdir(settings.scratch, { recursive: true });
    const instance = await DuckDBInstance.create(':memory:', {
      ...LASTING_DUCKDB,
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
    return new DuckDbVersionTable(connection, name, schema, join(this.settings.scratch, name), this.store);
  }

  close(): void {
    this.instance.closeSync();
  }
}

/** Rows in memory before they become a file: about 30 MB of seven columns. */
const SPILL_ROWS = 131_072;

/**
 * Rows that come as rows are gathered in a table of DuckDB and become files, those that come as a file are one; the
 * version is made of the files, in the order in which they came. So memory depends neither on the rows of an import nor
 * on how they come.
 */
class DuckDbVersionTable implements VersionTable {
  private readonly stored: readonly ColumnSpec[];
  private readonly file: string;
  private readonly parts: string[] = [];
  private appender: DuckDBAppender | null = null;
  private appended = 0;
  /** Of rows that were not taken in. Read again, their batch counts as repeated: then no version is made. */
  private failure: unknown;

  constructor(
    private readonly connection: DuckDBConnection,
    private readonly name: string,
    private readonly schema: RecordSchema,
    private readonly path: string,
    private readonly store: VersionStore,
  ) {
    this.stored = storedColumns(schema);
    this.file = `${path}.parquet`;
  }

  append(rows: TableRows): Promise<void> {
    return this.orFail(() => this.appendRows(rows));
  }

  appendParquet(rows: ParquetRows): Promise<void> {
    return this.orFail(() => this.appendFile(rows));
  }

  private async orFail(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (thrown) {
      this.failure ??= thrown;
      throw thrown;
    }
  }

  private async appendRows(rows: TableRows): Promise<void> {
    const types = [VARCHAR, VARCHAR, DOUBLE, DOUBLE, ...this.stored.map((column) => CHUNK_TYPES[STAGED[column.type]])];
    this.appender ??= await this.emptyTable();
    const { appender } = this;
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
    this.appended += rows.recordIds.length;
    if (this.appended >= SPILL_ROWS) await this.spill();
  }

  private async appendFile({ bytes, rows }: ParquetRows): Promise<void> {
    await this.spill();
    const part = this.nextPart();
    await writeFile(part, bytes);
    const [found] = await numbers(this.connection, `SELECT count(*)::DOUBLE FROM read_parquet(${literal(part)})`);
    if (found !== rows) throw new PlatformError('corrupt', `a batch of ${rows} rows has ${found}`);
  }

  async write(): Promise<WrittenVersion | null> {
    if (this.failure !== undefined) throw PlatformError.from(this.failure);
    await this.spill();
    if (this.parts.length === 0) return null;
    const rows = `read_parquet(${filesOf(this.parts)}, filename = true, file_row_number = true)`;
    const [total, distinct] = await numbers(
      this.connection,
      `SELECT count(*)::DOUBLE, count(DISTINCT ${PLACES.recordId})::DOUBLE FROM ${rows}`,
    );
    if (total === undefined || distinct === undefined || total === 0) return null;
    const columns = this.stored.map((column, index) => `${this.writtenFrom(column, index)} AS ${quoted(column.name)}`);
    const first =
      total === distinct ? '' : `QUALIFY row_number() OVER (PARTITION BY ${PLACES.recordId} ORDER BY ${ARRIVAL}) = 1`;
    await this.connection.run(
      `COPY (SELECT ${PLACES.recordId} AS ${OWN.recordId}, ${PLACES.entity} AS ${OWN.entity},
       CAST(${PLACES.eventTimeMs} AS BIGINT) AS ${OWN.eventTimeMs}, ${PLACES.label} AS ${OWN.label}, ${columns.join(', ')}
       FROM ${rows} ${first} ORDER BY ${isTimed(this.schema) ? `${PLACES.eventTimeMs}, ${PLACES.recordId}` : ARRIVAL})
       TO ${literal(this.file)} (FORMAT parquet)`,
    );
    await this.removeParts();
    const placed = await placeVersion(this.connection, this.schema, this.file, this.store);
    return placed === null ? null : { ...placed, duplicates: total - distinct };
  }

  async drop(): Promise<void> {
    this.appender?.closeSync();
    this.appender = null;
    await this.connection.run(`DROP TABLE IF EXISTS ${this.name}`);
    this.connection.closeSync();
    await this.removeParts();
    await rm(this.file, { force: true });
  }

  private async emptyTable(): Promise<DuckDBAppender> {
    const types = ['VARCHAR', 'VARCHAR', 'DOUBLE', 'DOUBLE', ...this.stored.map((column) => STAGED[column.type])];
    const columns = types.map((type, place) => `c${place} ${type}`);
    await this.connection.run(`CREATE OR REPLACE TABLE ${this.name} (${columns.join(', ')})`);
    return this.connection.createAppender(this.name);
  }

  /** What was appended becomes the next file. */
  private async spill(): Promise<void> {
    if (this.appender === null || this.appended === 0) return;
    this.appender.closeSync();
    this.appender = null;
    this.appended = 0;
    await this.connection.run(`COPY ${this.name} TO ${literal(this.nextPart())} (FORMAT parquet)`);
    await this.connection.run(`DROP TABLE ${this.name}`);
  }

  /** By its name after those before it. A name is not used again: DuckDB keeps what it knows of a file by it. */
  private nextPart(): string {
    const part = `${this.path}-${String(this.parts.length).padStart(9, '0')}.parquet`;
    this.parts.push(part);
    return part;
  }

  private async removeParts(): Promise<void> {
    for (const part of this.parts) await rm(part, { force: true });
  }

  private writtenFrom(column: ColumnSpec, index: number): string {
    const name = nameOf(this.schema, column);
    const from = name === null ? null : name === OWN.recordId ? PLACES.recordId : PLACES.entity;
    // What another writer put on the topic may name itself as it likes: then the column has no value.
    return from === null
      ? `CAST(c${OWN_PLACES + index} AS ${WRITTEN[column.type]})`
      : `TRY_CAST(${from} AS ${WRITTEN[column.type]})`;
  }
}
