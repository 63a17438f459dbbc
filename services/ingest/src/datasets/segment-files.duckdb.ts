// Segments in the artifact store, written and merged by DuckDB in a folder of this machine. A file is whole and durable
// in the store before anybody names it.

import { mkdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type DuckDBConnection, DuckDBDataChunk, type DuckDBInstance, type DuckDBValue } from '@duckdb/node-api';
import type { ArtifactStore } from '@millrace/artifacts';
import { PlatformError, type RequestIds } from '@millrace/domain';
import type { WaitingLabel } from '../labels/waiting-label.js';
import { NumberColumn } from './number-column.js';
import {
  type LabelExpiry,
  OF_OWNER,
  SEGMENT_COLUMNS as OWN,
  pathOf,
  type SegmentColumn,
  type SegmentFile,
  type SegmentFiles,
  type SegmentKey,
} from './segment.js';
import { filesOf, literal, numbers, quoted, STAGED, turn } from './version-file.duckdb.js';
import { CHUNK_ROWS, CHUNK_TYPES } from './version-table.duckdb.js';

/** What of the artifact store segments need. */
export type SegmentStore = Pick<ArtifactStore, 'putFile' | 'localFile' | 'list' | 'remove'>;

/** Columns that labels of an earlier release lack. */
const EARLIER_LABELS = `SELECT NULL::VARCHAR AS ${quoted(OWN.entity)}, NULL::VARCHAR AS ${quoted(OWN.predictionId)} WHERE false`;

export class DuckDbSegmentFiles implements SegmentFiles {
  private tables = 0;

  constructor(
    private readonly instance: DuckDBInstance,
    private readonly store: SegmentStore,
    private readonly scratch: string,
    private readonly ids: RequestIds,
    /** Bytes that the file system of the store has left; infinity where it has none. */
    readonly freeBytes: () => Promise<number>,
  ) {}

  async write(key: SegmentKey, columns: readonly SegmentColumn[]): Promise<SegmentFile> {
    return this.connected(async (connection) => {
      const table = `segment_${++this.tables}`;
      const described = columns.map(({ name, type }) => `${quoted(name)} ${STAGED[type]}`);
      await connection.run(`CREATE TEMP TABLE ${table} (${described.join(', ')})`);
      try {
        await append(connection, table, columns);
        const rows = columns[0]?.values.length ?? 0;
        return await this.copy(connection, key, `SELECT * FROM ${table}`, { rows, level: 0, merged: [] });
      } finally {
        await connection.run(`DROP TABLE ${table}`);
      }
    });
  }

  async merge(files: readonly SegmentFile[]): Promise<SegmentFile> {
    const [first] = files as [SegmentFile];
    const rows = files.reduce((sum, file) => sum + file.rows, 0);
    const merged = files.map(({ name }) => name);
    const query = `SELECT * FROM ${await this.paths(files)}`;
    return this.connected((connection) =>
      this.copy(connection, first, query, { rows, level: first.level + 1, merged }),
    );
  }

  /**
   * The labels whose record is none of `ids` (a query; null = none), each once, as segments of the project's owner, but
   * for those whose time is over and whose record has not come.
   */
  async leftLabels(labels: readonly SegmentFile[], ids: string | null, expiry?: LabelExpiry): Promise<SegmentFile[]> {
    const left: SegmentFile[] = [];
    if (labels.length === 0) return left;
    await this.connected(async (connection) => {
      const bySpan = new Map<number, SegmentFile[]>();
      for (const file of labels) bySpan.set(file.spanStartMs, [...(bySpan.get(file.spanStartMs) ?? []), file]);
      const id = quoted(OWN.recordId);
      // Of many versions: they are read once, for all spans.
      const found = `found_${++this.tables}`;
      if (ids !== null)
        await connection.run(
          `CREATE TEMP TABLE ${found} AS SELECT DISTINCT id FROM (${ids}) SEMI JOIN ${await this.paths(labels)} labels
           ON labels.${id} = id`,
        );
      const without = ids === null ? '' : `ANTI JOIN ${found} known ON labels.${id} = known.id`;
      for (const files of bySpan.values()) {
        const all = `SELECT DISTINCT ON (${quoted(OWN.partition)}, ${quoted(OWN.offset)}, ${id}) labels.*
          FROM (${EARLIER_LABELS} UNION ALL BY NAME FROM ${await this.paths(files)}) labels ${without}`;
        const over = expiry === undefined ? null : await this.over(connection, all, expiry);
        if (expiry !== undefined && over !== null)
          await giveAway(connection, `SELECT * FROM (${all}) WHERE ${over}`, expiry);
        const query = over === null ? all : `SELECT * FROM (${all}) WHERE NOT (${over})`;
        const [rows = 0] = await numbers(connection, `SELECT count(*)::DOUBLE FROM (${query})`);
        if (rows === 0) continue;
        const key = { ...(files[0] as SegmentFile), partition: OF_OWNER };
        left.push(await this.copy(connection, key, query, { rows, level: 0, merged: [] }));
      }
    });
    return left;
  }

  /** Which of these labels are given away; null = none. Records are looked through only where one were old enough. */
  private async over(connection: DuckDBConnection, labels: string, expiry: LabelExpiry): Promise<string | null> {
    if (!Number.isFinite(expiry.beforeMs)) return null;
    const id = quoted(OWN.recordId);
    const isOld = `${quoted(OWN.ingestedAtMs)} < ${expiry.beforeMs}`;
    const old = `SELECT ${id} FROM (${labels}) WHERE ${isOld}`;
    const [count = 0] = await numbers(connection, `SELECT count(*)::DOUBLE FROM (${old})`);
    if (count === 0) return null;
    if (expiry.open.length === 0) return isOld;
    const bySchema = new Map<string, SegmentFile[]>();
    for (const file of expiry.open) bySchema.set(file.schema, [...(bySchema.get(file.schema) ?? []), file]);
    const records: string[] = [];
    for (const files of bySchema.values()) records.push(`SELECT ${id} FROM ${await this.paths(files)}`);
    const open = `open_${++this.tables}`;
    await connection.run(
      `CREATE TEMP TABLE ${open} AS SELECT DISTINCT ${id} FROM (${records.join(' UNION ALL ')}) records
       SEMI JOIN (${old}) old USING (${id})`,
    );
    return `${isOld} AND ${id} NOT IN (SELECT ${id} FROM ${open})`;
  }

  async remove(files: readonly SegmentFile[]): Promise<void> {
    await this.removePaths(files.map(pathOf));
  }

  async list(folder: string): Promise<string[]> {
    return (await this.store.list(folder)).map((name) => `${folder}/${name}`);
  }

  async removePaths(paths: readonly string[]): Promise<void> {
    for (const path of paths) await this.store.remove(path);
  }

  /** A table of all rows, for SQL. */
  async paths(files: readonly SegmentFile[]): Promise<string> {
    const paths: string[] = [];
    for (const file of files) paths.push(await this.store.localFile(pathOf(file)));
    // Earlier releases wrote fewer columns of labels.
    return `read_parquet(${filesOf(paths)}${files[0]?.kind === 'labels' ? ', union_by_name = true' : ''})`;
  }

  private async connected<T>(work: (connection: DuckDBConnection) => Promise<T>): Promise<T> {
    const connection = await this.instance.connect();
    try {
      return await work(connection);
    } catch (error) {
      throw PlatformError.from(error, 'unavailable');
    } finally {
      connection.closeSync();
    }
  }

  private async copy(
    connection: DuckDBConnection,
    key: SegmentKey,
    query: string,
    facts: Pick<SegmentFile, 'rows' | 'level' | 'merged'>,
  ): Promise<SegmentFile> {
    const { project, createdAtMs, partition, kind, spanStartMs, schema } = key;
    const name = `${kind}_${spanStartMs}_${this.ids.next()}.parquet`;
    const local = join(this.scratch, name);
    await mkdir(this.scratch, { recursive: true });
    try {
      await connection.run(`COPY (${query}) TO ${literal(local)} (FORMAT parquet)`);
      const { size: bytes } = await stat(local);
      const file = { project, createdAtMs, partition, kind, spanStartMs, schema, name, bytes, ...facts };
      await this.store.putFile(pathOf(file), local);
      return file;
    } catch (error) {
      await rm(local, { force: true }).catch(() => undefined); // the first failure is the one to tell
      throw error;
    }
  }
}

/** In parts of DuckDB's vector size, in the order in which they came. */
async function giveAway(connection: DuckDBConnection, query: string, { give }: LabelExpiry): Promise<void> {
  const columns = [OWN.recordId, OWN.predictionId, OWN.entity, OWN.eventTimeMs, OWN.label, OWN.knownAtMs];
  const places = [OWN.ingestedAtMs, OWN.partition, OWN.offset];
  const result = await connection.stream(
    `SELECT ${[...columns, ...places].map(quoted).join(', ')} FROM (${query})
     ORDER BY ${quoted(OWN.partition)}, ${quoted(OWN.offset)}`,
  );
  for (let chunk = await result.fetchChunk(); chunk !== null && chunk.rowCount > 0; chunk = await result.fetchChunk())
    await give(chunk.getRows().map(waitingLabel));
}

function waitingLabel(row: readonly unknown[]): WaitingLabel {
  const [recordId, predictionId, entity] = row.slice(0, 3).map((value) => (value ?? '') as string);
  const [eventTimeMs, value, knownAtMs, ingestedAtMs, partition, offset] = row.slice(3).map(Number);
  return {
    recordId,
    predictionId,
    entity,
    eventTimeMs,
    value,
    knownAtMs,
    ingestedAtMs,
    partition,
    offset,
  } as WaitingLabel;
}

/** Values of some rows, as DuckDB takes them. */
function part(values: SegmentColumn['values'], from: number, count: number): readonly DuckDBValue[] {
  if (!(values instanceof NumberColumn)) return values.slice(from, from + count);
  const numbers = values.part(from, from + count);
  if (values.hasGaps) return Array.from(numbers, (number) => (Number.isNaN(number) ? null : number));
  // It is read by its places only.
  return numbers as unknown as readonly DuckDBValue[];
}

async function append(connection: DuckDBConnection, table: string, columns: readonly SegmentColumn[]): Promise<void> {
  const appender = await connection.createAppender(table, undefined, 'temp');
  const types = columns.map(({ type }) => CHUNK_TYPES[STAGED[type]]);
  const rows = columns[0]?.values.length ?? 0;
  try {
    for (let from = 0; from < rows; from += CHUNK_ROWS) {
      const count = Math.min(CHUNK_ROWS, rows - from);
      const chunk = DuckDBDataChunk.create(types, count);
      for (const [index, { values }] of columns.entries()) chunk.setColumnValues(index, part(values, from, count));
      appender.appendDataChunk(chunk);
      await turn();
    }
  } finally {
    appender.closeSync();
  }
}
