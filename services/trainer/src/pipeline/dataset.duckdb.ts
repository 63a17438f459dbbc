// Reads the rows of dataset versions (Parquet) with DuckDB: labelled rows or all, in event-time order, as columns. A
// value that is null in the file is null here; numbers come as doubles. Chunks are converted one by one, and the event
// loop turns between them.

import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { datasetColumnsOf } from '@millrace/contracts';
import { PlatformError } from '@millrace/domain';
import type { SignatureInput } from '@millrace/features';
import type { LabelledRows, WhichRows } from './load.js';
import { idHash } from './split.js';

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

function joined(parts: readonly Uint32Array[], rows: number): Uint32Array {
  const all = new Uint32Array(rows);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** Id, time and label of each file under one name each, which no column of a project has, with the columns wanted. */
async function sourceOf(
  connection: DuckDBConnection,
  files: readonly string[],
  inputs: readonly SignatureInput[],
): Promise<string> {
  const filesOf = new Map<string, string[]>();
  for (const file of files.map(quotedText)) {
    const found = (await connection.runAndReadAll(`SELECT * FROM read_parquet(${file}) LIMIT 0`)).columnNames();
    const { recordId, eventTimeMs, label } = datasetColumnsOf(found);
    const own = `${quotedName(recordId)} AS "@id", ${quotedName(eventTimeMs)} AS "@at", ${quotedName(label)} AS "@y"`;
    filesOf.set(own, [...(filesOf.get(own) ?? []), file]);
  }
  const wanted = inputs.map(({ name }) => `, ${quotedName(name)}`).join('');
  const parts = [...filesOf].map(([own, of]) => `SELECT ${own}${wanted} FROM read_parquet([${of.join(', ')}])`);
  return parts.join(' UNION ALL ');
}

/** `files` are absolute paths. A record that is in two versions counts once: the newest of it. */
export async function readLabelledRows(
  files: readonly string[],
  inputs: readonly SignatureInput[],
  hashSeed: number | null,
  which: WhichRows,
): Promise<LabelledRows> {
  const instance = await DuckDBInstance.create(':memory:', INSTANCE_OPTIONS);
  const connection = await instance.connect();
  try {
    const names = [...new Map(inputs.map((input) => [input.name, input])).values()];
    const source = await sourceOf(connection, files, names);
    const once = files.length > 1 ? 'QUALIFY row_number() OVER (PARTITION BY "@id" ORDER BY "@at" DESC) = 1' : '';
    const id = hashSeed === null ? '' : ', "@id"';
    const sql = `SELECT "@at"::DOUBLE, coalesce("@y"::DOUBLE, 'NaN'::DOUBLE), ${names.map(expressionOf).join(', ')}${id}
      FROM (${source}) ${which === 'labelled' ? 'WHERE "@y" IS NOT NULL' : ''} ${once} ORDER BY "@at", "@id"`;
    const result = await connection.stream(sql);
    const times: Float64Array[] = [];
    const labels: Float32Array[] = [];
    const parts: (number | string | boolean | null)[][] = names.map(() => []);
    const hashes: Uint32Array[] = [];
    let rows = 0;
    for (;;) {
      const chunk = await result.fetchChunk();
      if (chunk === null || chunk === undefined || chunk.rowCount === 0) break;
      rows += chunk.rowCount;
      if (rows > ROWS_MAX) throw new PlatformError('invalid_argument', `more than ${ROWS_MAX} rows to train on`);
      times.push(Float64Array.from(chunk.getColumnValues(0) as number[]));
      labels.push(Float32Array.from(chunk.getColumnValues(1) as number[]));
      names.forEach((_, i) => {
        const values = chunk.getColumnValues(i + 2) as (number | string | boolean | null)[];
        const all = parts[i] as (number | string | boolean | null)[];
        for (const value of values) all.push(value);
      });
      if (hashSeed !== null) {
        const ids = chunk.getColumnValues(names.length + 2) as string[];
        hashes.push(Uint32Array.from(ids, (recordId) => idHash(recordId, hashSeed)));
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
    const eventTimeMs = new Float64Array(rows);
    const allLabels = new Float32Array(rows);
    let at = 0;
    times.forEach((part, i) => {
      eventTimeMs.set(part, at);
      allLabels.set(labels[i] as Float32Array, at);
      at += part.length;
    });
    const columns = Object.fromEntries(
      names.map((input, i) => [input.name, parts[i] as (number | string | boolean | null)[]]),
    );
    return { columns, labels: allLabels, eventTimeMs, idHashes: hashSeed === null ? null : joined(hashes, rows), rows };
  } catch (error) {
    throw PlatformError.from(error, 'corrupt');
  } finally {
    connection.closeSync();
  }
}
