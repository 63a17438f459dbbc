// Segments in a folder of this machine, written and merged by DuckDB. A file is written under another name, synced and
// renamed, and its folder synced, before it counts; what a killed writer left is removed at the start.

import { mkdir, open, readdir, rm, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { type DuckDBConnection, DuckDBDataChunk, type DuckDBInstance } from '@duckdb/node-api';
import { PlatformError } from '@millrace/domain';
import { placeFile, readJson, removeFile, replaceJson } from '@millrace/files';
import {
  type ClosePlan,
  folderOf,
  SEGMENT_COLUMNS as OWN,
  ownerOf,
  type SegmentColumn,
  type SegmentFile,
  type SegmentFiles,
  type SegmentKey,
  type SegmentOwner,
  segmentName,
  segmentOf,
} from './segment.js';
import { filesOf, literal, numbers, quoted, STAGED, turn } from './version-file.duckdb.js';
import { CHUNK_ROWS, CHUNK_TYPES } from './version-table.duckdb.js';

const PLAN = 'closing.json';

interface PlanDocument {
  spanStartMs: number;
  spanEndMs: number;
  records: string[];
  labels: string[];
}

export class DuckDbSegmentFiles implements SegmentFiles {
  private next = 1;
  private tables = 0;

  constructor(
    private readonly instance: DuckDBInstance,
    private readonly root: string,
  ) {}

  async open(): Promise<{ files: SegmentFile[]; plans: ClosePlan[] }> {
    await mkdir(this.root, { recursive: true });
    const files: SegmentFile[] = [];
    const plans: ClosePlan[] = [];
    for (const folder of await readdir(this.root)) {
      const owner = ownerOf(folder);
      if (owner === null) continue;
      const found = await this.filesIn(owner);
      files.push(...found);
      const plan = await this.planIn(owner, found);
      if (plan !== null) plans.push(plan);
    }
    for (const { number } of files) this.next = Math.max(this.next, number + 1);
    return { files, plans };
  }

  async write(key: SegmentKey, columns: readonly SegmentColumn[]): Promise<SegmentFile> {
    return this.connected(async (connection) => {
      const table = `segment_${++this.tables}`;
      const described = columns.map(({ name, type }) => `${quoted(name)} ${STAGED[type]}`);
      await connection.run(`CREATE TEMP TABLE ${table} (${described.join(', ')})`);
      try {
        await append(connection, table, columns);
        const rows = columns[0]?.values.length ?? 0;
        return await this.copy(connection, key, `SELECT * FROM ${table}`, rows, 0);
      } finally {
        await connection.run(`DROP TABLE ${table}`);
      }
    });
  }

  async merge(files: readonly SegmentFile[]): Promise<SegmentFile> {
    const [first] = files as [SegmentFile];
    const rows = files.reduce((sum, file) => sum + file.rows, 0);
    const query = `SELECT * FROM read_parquet(${filesOf(files.map((file) => this.pathOf(file)))})`;
    return this.connected((connection) => this.copy(connection, first, query, rows, first.level + 1));
  }

  /** The labels whose record is none of `ids` (a query; null = none), each once, as segments of their spans. */
  async leftLabels(labels: readonly SegmentFile[], ids: string | null): Promise<SegmentFile[]> {
    const left: SegmentFile[] = [];
    if (labels.length === 0) return left;
    await this.connected(async (connection) => {
      const bySpan = new Map<number, SegmentFile[]>();
      for (const file of labels) bySpan.set(file.spanStartMs, [...(bySpan.get(file.spanStartMs) ?? []), file]);
      const id = quoted(OWN.recordId);
      const without = ids === null ? '' : `ANTI JOIN (${ids}) known ON labels.${id} = known.id`;
      for (const files of bySpan.values()) {
        const query = `SELECT DISTINCT ON (${quoted(OWN.partition)}, ${quoted(OWN.offset)}, ${id}) labels.*
          FROM read_parquet(${filesOf(files.map((file) => this.pathOf(file)))}) labels ${without}`;
        const [rows = 0] = await numbers(connection, `SELECT count(*)::DOUBLE FROM (${query})`);
        if (rows > 0) left.push(await this.copy(connection, files[0] as SegmentFile, query, rows, 0));
      }
    });
    return left;
  }

  async remove(files: readonly SegmentFile[]): Promise<void> {
    for (const file of files) await rm(this.pathOf(file), { force: true });
  }

  async removeOwner(owner: SegmentOwner): Promise<void> {
    await rm(join(this.root, folderOf(owner)), { recursive: true, force: true });
  }

  async begin(plan: ClosePlan): Promise<void> {
    const names = (files: readonly SegmentFile[]) => files.map(({ name }) => name);
    const document: PlanDocument = {
      spanStartMs: plan.spanStartMs,
      spanEndMs: plan.spanEndMs,
      records: names(plan.records),
      labels: names(plan.labels),
    };
    await replaceJson(join(this.root, folderOf(plan), PLAN), document);
  }

  async end(plan: ClosePlan): Promise<void> {
    await removeFile(join(this.root, folderOf(plan), PLAN));
  }

  async freeBytes(): Promise<number> {
    const { bavail, bsize } = await statfs(this.root);
    return bavail * bsize;
  }

  pathOf(file: SegmentFile): string {
    return join(this.root, folderOf(file), file.name);
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
    rows: number,
    level: number,
  ): Promise<SegmentFile> {
    const folder = join(this.root, folderOf(key));
    const name = segmentName(key, rows, level, this.next++);
    const temporary = join(folder, `.${name}`);
    await mkdir(folder, { recursive: true });
    try {
      await connection.run(`COPY (${query}) TO ${literal(temporary)} (FORMAT parquet)`);
      const file = await open(temporary, 'r');
      try {
        await file.sync();
      } finally {
        await file.close();
      }
      const { size } = await stat(temporary);
      await placeFile(temporary, join(folder, name));
      return segmentOf(key, name, size) as SegmentFile;
    } catch (error) {
      await rm(temporary, { force: true }).catch(() => undefined); // the first failure is the one to tell
      throw error;
    }
  }

  private async filesIn(owner: SegmentOwner): Promise<SegmentFile[]> {
    const folder = join(this.root, folderOf(owner));
    const files: SegmentFile[] = [];
    for (const name of await readdir(folder)) {
      const path = join(folder, name);
      if (name.startsWith('.')) await rm(path, { force: true });
      else {
        const file = segmentOf(owner, name, (await stat(path)).size);
        if (file !== null) files.push(file);
      }
    }
    return files;
  }

  private async planIn(owner: SegmentOwner, files: readonly SegmentFile[]): Promise<ClosePlan | null> {
    const read = await readJson(join(this.root, folderOf(owner), PLAN));
    if (read.kind === 'corrupt') throw read.error;
    if (read.kind === 'absent') return null;
    const { spanStartMs, spanEndMs, records, labels } = read.value as PlanDocument;
    const named = (names: readonly string[]) => files.filter(({ name }) => names.includes(name));
    return { ...owner, spanStartMs, spanEndMs, records: named(records), labels: named(labels) };
  }
}

async function append(connection: DuckDBConnection, table: string, columns: readonly SegmentColumn[]): Promise<void> {
  const appender = await connection.createAppender(table, undefined, 'temp');
  const types = columns.map(({ type }) => CHUNK_TYPES[STAGED[type]]);
  const rows = columns[0]?.values.length ?? 0;
  try {
    for (let from = 0; from < rows; from += CHUNK_ROWS) {
      const count = Math.min(CHUNK_ROWS, rows - from);
      const chunk = DuckDBDataChunk.create(types, count);
      for (const [index, { values }] of columns.entries())
        chunk.setColumnValues(index, values.slice(from, from + count));
      appender.appendDataChunk(chunk);
      await turn();
    }
  } finally {
    appender.closeSync();
  }
}
