// Reads the rows of dataset versions (Parquet) with DuckDB: labelled rows or all, in event-time order, as columns. A
// value that is null in the file is null here; numbers come as doubles. Chunks are converted one by one, and the event
// loop turns between them.

import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { datasetColumnsOf } from '@millrace/contracts';
import { PlatformError } from '@millrace/domain';
import type { SignatureInput } from '@millrace/features';
import type { VersionFacts } from './fitting-versions.js';
import type { ReadRows, WhichRows } from './load.js';
import { idHash } from './split.js';
import { hasColumn, lackedColumns, type ValueKind, type VersionColumns, type WantedColumn } from './version-columns.js';

/** More are refused: at this number of rows the trainer would need some 10 GiB. */
const ROWS_MAX = 20_000_000;

/** One thread and little memory: the trainer's coordinator shares the machine with everything else. */
const INSTANCE_OPTIONS = { threads: '1', memory_limit: '2GB' };

const quotedName = (name: string): string => `"${name.replaceAll('"', '""')}"`;
const quotedText = (text: string): string => `'${text.replaceAll("'", "''")}'`;

function expressionOf({ name, type }: SignatureInput): string {
  const column = quotedName(name);
  return type === 'text' || type === 'boolean' ? column : `${column}::DOUBLE AS ${column}`;
}

function joined<T extends Uint32Array | Float32Array | Float64Array>(parts: readonly T[], all: T): T {
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** Hash of the entity; a record without one is its own. Of 2^53: two of a million meet in one of 18,000 reads. */
const whose = (id: string, entity: string): string => `(hash(coalesce(nullif(${entity}, ''), ${id})) >> 11)::DOUBLE`;

/** A dataset version, and its file by its absolute path. */
export type VersionFile = Pick<VersionFacts, 'id' | 'kind' | 'source'> & { readonly path: string };

/** One as it is read: its own columns under one name each, which no column of a project has; `unread` have no label. */
type OpenVersion = VersionColumns & { readonly path: string; readonly own: string; readonly unread: number };

const VALUE_KINDS: Readonly<Record<string, ValueKind>> = { VARCHAR: 'text', BOOLEAN: 'boolean' };

async function openVersion(connection: DuckDBConnection, file: VersionFile, which: WhichRows): Promise<OpenVersion> {
  const from = `read_parquet(${quotedText(file.path)})`;
  const found = await connection.runAndReadAll(`SELECT * FROM ${from} LIMIT 0`);
  const names = found.columnNames();
  const types = found.columnTypes();
  const kinds = new Map(names.map((name, at) => [name, VALUE_KINDS[String(types[at])] ?? 'number'] as const));
  const { recordId, entity, eventTimeMs, label } = datasetColumnsOf(names);
  const counts = `count(${quotedName(label)})::DOUBLE, count(*)::DOUBLE`;
  const counted = await connection.runAndReadAll(`SELECT ${counts} FROM ${from}`);
  const [[labelled, all]] = counted.getRows() as [[number, number]];
  const rows = which === 'labelled' ? labelled : all;
  const own = `${quotedName(recordId)} AS "@id", ${quotedName(eventTimeMs)} AS "@at", ${quotedName(label)} AS "@y",
    ${whose(quotedName(recordId), names.includes(entity) ? quotedName(entity) : "''")} AS "@whose"`;
  return { ...file, kinds, rows, own, unread: all - rows };
}

/** The rows of all, with the columns wanted: without a value where a version has none. */
function sourceOf(versions: readonly OpenVersion[], columns: readonly SignatureInput[]): string {
  const pathsOf = new Map<string, string[]>();
  for (const version of versions) {
    const wanted = columns.map(
      (column) => `, ${hasColumn(version, column) ? quotedName(column.name) : noValue(column)}`,
    );
    const selected = `${version.own}${wanted.join('')}`;
    pathsOf.set(selected, [...(pathsOf.get(selected) ?? []), quotedText(version.path)]);
  }
  const parts = [...pathsOf].map(([selected, paths]) => `SELECT ${selected} FROM read_parquet([${paths.join(', ')}])`);
  return parts.join(' UNION ALL ');
}

function noValue({ name, type }: SignatureInput): string {
  const sqlType = type === 'text' ? 'VARCHAR' : type === 'boolean' ? 'BOOLEAN' : 'DOUBLE';
  return `NULL::${sqlType} AS ${quotedName(name)}`;
}

/**
 * A record that is in two versions counts once: the newest of it.
 *
 * @param columns each name once
 * @throws PlatformError 'invalid_argument' where no version has a column that the model takes
 */
export async function readLabelledRows(
  project: string,
  files: readonly VersionFile[],
  columns: readonly WantedColumn[],
  hashSeed: number | null,
  which: WhichRows,
): Promise<ReadRows> {
  const instance = await DuckDBInstance.create(':memory:', INSTANCE_OPTIONS);
  const connection = await instance.connect();
  try {
    const versions: OpenVersion[] = [];
    for (const file of files) versions.push(await openVersion(connection, file, which));
    const warnings = lackedColumns(project, versions, columns);
    const source = sourceOf(versions, columns);
    const sum = (of: (version: OpenVersion) => number) => versions.reduce((total, version) => total + of(version), 0);
    const once = files.length > 1 ? 'QUALIFY row_number() OVER (PARTITION BY "@id" ORDER BY "@at" DESC) = 1' : '';
    const id = hashSeed === null ? '' : ', "@id"';
    const sql = `SELECT "@at"::DOUBLE, coalesce("@y"::DOUBLE, 'NaN'::DOUBLE), "@whose", ${columns.map(expressionOf).join(', ')}${id}
      FROM (${source}) ${which === 'labelled' ? 'WHERE "@y" IS NOT NULL' : ''} ${once} ORDER BY "@at", "@id"`;
    const result = await connection.stream(sql);
    const times: Float64Array[] = [];
    const labels: Float32Array[] = [];
    const parts: (number | string | boolean | null)[][] = columns.map(() => []);
    const hashes: Uint32Array[] = [];
    const entities: Float64Array[] = [];
    let rows = 0;
    for (;;) {
      const chunk = await result.fetchChunk();
      if (chunk === null || chunk === undefined || chunk.rowCount === 0) break;
      rows += chunk.rowCount;
      if (rows > ROWS_MAX) throw new PlatformError('invalid_argument', `more than ${ROWS_MAX} rows to train on`);
      times.push(Float64Array.from(chunk.getColumnValues(0) as number[]));
      labels.push(Float32Array.from(chunk.getColumnValues(1) as number[]));
      entities.push(Float64Array.from(chunk.getColumnValues(2) as number[]));
      columns.forEach((_, i) => {
        const values = chunk.getColumnValues(i + 3) as (number | string | boolean | null)[];
        const all = parts[i] as (number | string | boolean | null)[];
        for (const value of values) all.push(value);
      });
      if (hashSeed !== null) {
        const ids = chunk.getColumnValues(columns.length + 3) as string[];
        hashes.push(Uint32Array.from(ids, (recordId) => idHash(recordId, hashSeed)));
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
    const eventTimeMs = joined(times, new Float64Array(rows));
    const allLabels = joined(labels, new Float32Array(rows));
    const entityHashes = joined(entities, new Float64Array(rows));
    const idHashes = hashSeed === null ? null : joined(hashes, new Uint32Array(rows));
    const values = Object.fromEntries(
      columns.map((column, i) => [column.name, parts[i] as (number | string | boolean | null)[]]),
    );
    const leftOut = { withoutLabel: sum(({ unread }) => unread), repeats: sum((version) => version.rows) - rows };
    return { columns: values, labels: allLabels, eventTimeMs, idHashes, entityHashes, rows, leftOut, warnings };
  } catch (error) {
    throw PlatformError.from(error, 'corrupt');
  } finally {
    connection.closeSync();
  }
}
