// Files of the archive in the artifact store, written, merged and searched by DuckDB, which works in its own threads.
// Parquet that any program reads; rows are sorted by a hash of the prediction id, so that a search reads the statistics
// of a file and one row group of it at most.

import { mkdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import type { ArtifactStore } from '@millrace/artifacts';
import { hash32, PlatformError } from '@millrace/domain';
import { LASTING_DUCKDB } from '@millrace/files';
import type { ArchiveFiles } from './archive.js';
import {
  type ArchiveFile,
  type ArchiveOf,
  type ArchiveOwner,
  byLog,
  fileOf,
  folderOf,
  mergedName,
  OWNER_FILE,
  pathOf,
} from './archive-file.js';
import type { ArchiveRows, Value } from './archive-rows.js';
import type { SearchedFiles } from './archive-search.js';
import type { QuotaCut, UpkeepFiles } from './archive-upkeep.js';
import {
  type ArchivedLabel,
  type ArchivedPrediction,
  type ArchivedRow,
  LABEL_COLUMNS,
  type LabelledRow,
  labelOf,
  PREDICTION_COLUMNS,
  predictionOf,
} from './archived.js';
import { type StagedColumn, stageRows } from './staged-rows.duckdb.js';

export type ArchiveStore = Pick<ArtifactStore, 'putFile' | 'localFile' | 'list' | 'remove' | 'put' | 'read'>;

/** A search reads this many rows of a file; footers grow with the number of groups. */
const ROW_GROUP_ROWS = 32_768;
/** 1: files are no larger than at DuckDB's default of 3, and take a third less to write. */
const COMPRESSION = 'COMPRESSION zstd, COMPRESSION_LEVEL 1';

/** How a column stands in files, where it is not as it is in memory. */
interface Form {
  written: string;
  read: string;
}

const time = (name: string): Form => ({
  written: `epoch_ms(CAST(${name} AS BIGINT))`,
  read: `epoch_ms(${name})::DOUBLE`,
});
const whole = (name: string, type: string): Form => ({ written: `CAST(${name} AS ${type})`, read: `${name}::DOUBLE` });

const OFFSET = 'topic_offset';
const FORMS: Readonly<Record<string, Form>> = {
  id_hash: whole('id_hash', 'UINTEGER'),
  model_version: whole('model_version', 'BIGINT'),
  latency_us: whole('latency_us', 'BIGINT'),
  event_time: time('event_time'),
  answered_at: time('answered_at'),
  known_at: time('known_at'),
  [OFFSET]: whole(OFFSET, 'BIGINT'),
};

const COLUMNS = { predictions: PREDICTION_COLUMNS, labels: LABEL_COLUMNS } as const;

export interface ArchiveDuckDb {
  scratch: string;
  memoryMax: string;
  /** What tells this installation from others that have the same store. */
  installation(): string;
}

export class DuckDbArchiveFiles implements ArchiveFiles, UpkeepFiles, SearchedFiles {
  private opened: Promise<DuckDBInstance> | undefined;
  private made = 0;
  /** Folders that say whose they are. */
  private readonly owned = new Set<string>();

  constructor(
    private readonly store: ArchiveStore,
    private readonly settings: ArchiveDuckDb,
  ) {}

  async list(of: ArchiveOf): Promise<ArchiveFile[]> {
    const paths = await this.store.list(folderOf(of));
    return paths.flatMap((path) => fileOf(of, path) ?? []);
  }

  /** One file of all, which is in the store before it comes back; those are there still. */
  merge(files: readonly ArchiveFile[]): Promise<ArchiveFile> {
    return this.connected(async (connection) => {
      const from = await this.table(files);
      const isShared = files.some((file, at) => at > 0 && file.first < (files[at - 1] as ArchiveFile).next);
      const once = isShared ? 'DISTINCT ON (topic_offset)' : '';
      const rows = isShared
        ? await figure(connection, `SELECT count(DISTINCT topic_offset)::DOUBLE FROM ${from}`)
        : files.reduce((sum, file) => sum + file.rows, 0);
      const query = `SELECT * FROM (SELECT ${once} * FROM ${from}) ORDER BY id_hash, prediction_id, topic_offset`;
      return this.place(connection, query, { ...mergedName(files), rows });
    });
  }

  async remove(file: ArchiveFile): Promise<void> {
    await this.store.remove(pathOf(file));
  }

  async cut(of: ArchiveOf): Promise<QuotaCut | undefined> {
    try {
      return JSON.parse((await this.store.read(cutPath(of))).toString('utf8')) as QuotaCut;
    } catch (error) {
      if (error instanceof PlatformError && error.code === 'not_found') return undefined;
      throw error;
    }
  }

  async setCut(of: ArchiveOf, cut: QuotaCut): Promise<void> {
    await this.store.put(cutPath(of), JSON.stringify(cut));
  }

  predictions(files: readonly ArchiveFile[], ids: readonly string[]): Promise<ArchivedPrediction[]> {
    return this.find(files, ids, predictionOf);
  }

  labels(files: readonly ArchiveFile[], ids: readonly string[]): Promise<ArchivedLabel[]> {
    return this.find(files, ids, labelOf);
  }

  /**
   * Live predictions of [fromMs, toMs) in event time with the label for each that was known first, in parts. An id may
   * have been used in other windows, too: a label is of the window in which its event time lies, or of any where it has
   * none. An id that several predictions of the window have joins no label. `files`: of both kinds.
   */
  async labelled(
    files: readonly ArchiveFile[],
    { fromMs, toMs }: { fromMs: number; toMs: number },
    take: (rows: readonly LabelledRow[]) => void,
  ): Promise<void> {
    const of = (kind: ArchiveFile['kind']) => files.filter((file) => file.kind === kind);
    if (of('predictions').length === 0 || of('labels').length === 0) return;
    await this.connected(async (connection) => {
      const result = await connection.stream(
        `WITH answered AS (
           SELECT prediction_id, model_version, epoch_ms(event_time)::DOUBLE AS event_ms, outputs
           FROM (SELECT DISTINCT prediction_id, model_version, event_time, outputs, answered_at, latency_us
                 FROM ${await this.table(of('predictions'))}
                 WHERE role = 'live' AND event_time >= epoch_ms(${fromMs}) AND event_time < epoch_ms(${toMs}))
           QUALIFY count(*) OVER (PARTITION BY prediction_id) = 1),
         told AS (
           SELECT prediction_id, arg_min(value, (known_at, partition, log, topic_offset)) AS label
           FROM (${await this.logs(of('labels'))}) SEMI JOIN answered USING (prediction_id)
           WHERE (event_time >= epoch_ms(${fromMs}) AND event_time < epoch_ms(${toMs})) OR event_time <= epoch_ms(0)
           GROUP BY 1)
         SELECT model_version::DOUBLE, event_ms, outputs, label FROM answered JOIN told USING (prediction_id)
         ORDER BY event_ms, prediction_id`,
      );
      for (let chunk = await result.fetchChunk(); chunk !== null && chunk.rowCount > 0; ) {
        const [versions = [], times = [], outputs = [], labels = []] = chunk.getColumns();
        take(
          versions.map((version, i) => ({
            modelVersion: Number(version),
            eventTimeMs: Number(times[i]),
            outputs: JSON.parse(String(outputs[i])),
            label: Number(labels[i]),
          })),
        );
        await new Promise((resolve) => setImmediate(resolve));
        chunk = await result.fetchChunk();
      }
    });
  }

  async close(): Promise<void> {
    const { opened } = this;
    this.opened = undefined;
    (await opened)?.closeSync();
  }

  write(name: Omit<ArchiveFile, 'bytes'>, rows: ArchiveRows): Promise<ArchiveFile> {
    return this.connected(async (connection) => {
      await this.own(folderOf(name));
      const table = `archived_${++this.made}`;
      const all: StagedColumn[] = [
        ...rows.columns.map((column) => ({ ...column, values: rows.column(column.name) })),
        { name: OFFSET, kind: 'number', values: rows.offsets },
      ];
      // Model, role, and the like are mostly one for all rows: then they are written once. The first is the id's hash.
      const staged = all.filter(({ values }, at) => at === 0 || varies(values));
      try {
        const from = await stageRows(connection, table, staged);
        const selected = all.map((column) => `${writtenAs(column, staged.includes(column))} AS ${column.name}`);
        const query = `SELECT ${selected.join(', ')} FROM (${from}) ORDER BY id_hash, prediction_id`;
        const file = await this.place(connection, query, name);
        // What says whose it is may have gone meanwhile, with the folder.
        await this.own(folderOf(name));
        return file;
      } finally {
        await connection.run(`DROP TABLE IF EXISTS ${table}`);
      }
    });
  }

  /** Folders in this one may be gone: whoever writes there again says again whose they are. */
  disowned(folder: string): void {
    for (const owned of [...this.owned]) if (`${owned}/`.startsWith(`${folder}/`)) this.owned.delete(owned);
  }

  private async own(folder: string): Promise<void> {
    if (this.owned.has(folder)) return;
    const owner: ArchiveOwner = { installation: this.settings.installation() };
    await this.store.put(`${folder}/${OWNER_FILE}`, JSON.stringify(owner));
    this.owned.add(folder);
  }

  private async place(
    connection: DuckDBConnection,
    query: string,
    name: Omit<ArchiveFile, 'bytes'>,
  ): Promise<ArchiveFile> {
    const local = join(this.settings.scratch, `${++this.made}.parquet`);
    const options = `FORMAT parquet, ${COMPRESSION}, ROW_GROUP_SIZE ${ROW_GROUP_ROWS}`;
    try {
      await connection.run(`COPY (${query}) TO ${literal(local)} (${options})`);
      const file = { ...name, bytes: (await stat(local)).size };
      await this.store.putFile(pathOf(file), local);
      return file;
    } catch (error) {
      await rm(local, { force: true }).catch(() => undefined); // the first failure is the one to tell
      throw error;
    }
  }

  /** Files are of one kind. A file that was merged into another one meanwhile is not found. */
  private async find<Row>(
    files: readonly ArchiveFile[],
    ids: readonly string[],
    rowOf: (row: ArchivedRow) => Row,
  ): Promise<Row[]> {
    const [first] = files;
    if (first === undefined || ids.length === 0) return [];
    return this.connected(async (connection) => {
      const names = [...COLUMNS[first.kind].map(({ name }) => name), OFFSET];
      const selected = names.map((name) => `${FORMS[name]?.read ?? name} AS ${name}`);
      const hashes = [...new Set(ids.map(hash32))].join(', ');
      const found: Row[] = [];
      for (const partition of new Set(files.map((file) => file.partition))) {
        const from = await this.table(files.filter((file) => file.partition === partition));
        const reader = await connection.runAndReadAll(
          `SELECT DISTINCT ${selected.join(', ')} FROM ${from} files
           WHERE files.id_hash IN (${hashes}) AND files.prediction_id IN (${ids.map(textOf).join(', ')})`,
        );
        const at = new Map(reader.columnNames().map((name, index) => [name, index]));
        for (const row of reader.getRows()) {
          const value = (column: string) => row[at.get(column) as number];
          found.push(rowOf({ value, partition, offset: Number(value(OFFSET)) }));
        }
      }
      return found;
    });
  }

  /** With the log that each row is of. */
  private async logs(files: readonly ArchiveFile[]): Promise<string> {
    const parts = byLog(files).map(async (log) => {
      const [{ partition, log: number }] = log as [ArchiveFile, ...ArchiveFile[]];
      return `SELECT *, ${partition} AS partition, ${number} AS log FROM ${await this.table(log)}`;
    });
    return (await Promise.all(parts)).join(' UNION ALL ');
  }

  private async table(files: readonly ArchiveFile[]): Promise<string> {
    const paths: string[] = [];
    for (const file of files) paths.push(literal(await this.store.localFile(pathOf(file))));
    return `read_parquet([${paths.join(', ')}], hive_partitioning = false)`;
  }

  private async connected<T>(work: (connection: DuckDBConnection) => Promise<T>): Promise<T> {
    this.opened ??= this.open().catch((error) => {
      // A full disk may have room later.
      this.opened = undefined;
      throw error;
    });
    try {
      const connection = await (await this.opened).connect();
      try {
        return await work(connection);
      } finally {
        connection.closeSync();
      }
    } catch (error) {
      throw PlatformError.from(error, isOfValues(error) ? 'invalid_argument' : 'unavailable');
    }
  }

  /** Opened when it is first needed: it takes memory. */
  private async open(): Promise<DuckDBInstance> {
    const { scratch, memoryMax } = this.settings;
    await rm(scratch, { recursive: true, force: true });
    await mkdir(scratch, { recursive: true });
    return DuckDBInstance.create(':memory:', {
      ...LASTING_DUCKDB,
      memory_limit: memoryMax,
      threads: '1',
      temp_directory: scratch,
      preserve_insertion_order: 'false',
    });
  }
}

/** A value that a column cannot take, and not the store. */
function isOfValues(error: unknown): boolean {
  return /^(Error: )?(Conversion|Out of Range|Mismatch Type) Error:/.test(String(error));
}

function varies(values: readonly Value[]): boolean {
  const [first] = values;
  return values.some((value) => value !== first);
}

function writtenAs({ name, kind, values }: StagedColumn, isStaged: boolean): string {
  const written = FORMS[name]?.written ?? name;
  if (isStaged) return written;
  const value = String(values[0]);
  return written.replaceAll(name, kind === 'number' ? `${literal(value)}::DOUBLE` : textOf(value));
}

async function figure(connection: DuckDBConnection, sql: string): Promise<number> {
  const reader = await connection.runAndReadAll(sql);
  return Number(reader.getRows()[0]?.[0]);
}

/** What the quota took, beside the files. */
const cutPath = (of: ArchiveOf): string => `${folderOf(of)}/cut.json`;

const literal = (value: string): string => `'${value.replaceAll("'", "''")}'`;

/** Any text, of which nothing is read as SQL: a NUL ends a statement. */
const textOf = (value: string): string => `decode(from_hex('${Buffer.from(value, 'utf8').toString('hex')}'))`;
