// A Parquet file as a row source, read by DuckDB in its own order with the file's row numbers. Times of the file are
// UTC. Columns of the file that the project does not name are not read.

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type DuckDBConnection, type DuckDBDataChunk, DuckDBInstance, type DuckDBVector } from '@duckdb/node-api';
import { fileRowIdOf, PlatformError } from '@millrace/domain';
import { type ColumnSpec, type ColumnType, writtenValue } from '@millrace/project';
import { PARQUET_INTEGERS, PARQUET_NUMBERS, PARQUET_TIMES, parquetValue } from '@millrace/tabular';
import { type NumberedRows, numberedRows } from '../datasets/numbered-rows.duckdb.js';
import type { RecordSchema } from '../schema/record-schema.js';
import { type ColumnarPlan, columnarPlan, type GivenColumn, type GivenId } from './columnar-check.js';
import { checkHeader, headerWarnings } from './header-check.js';
import { rowPayload } from './row-payload.js';
import {
  type ColumnarRows,
  type ImportFile,
  ownIdColumns,
  type RowIds,
  type RowRange,
  type RowSource,
  type SourceChunk,
  type SourceFacts,
} from './row-source.js';

const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;
const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`;

/** Whose every value is one of 64 bits. */
const WHOLE = /^(TINYINT|SMALLINT|INTEGER|BIGINT|UTINYINT|USMALLINT|UINTEGER)$/;

/** The rule of predictions, too. A whole number comes as a text where the column is one, or names something. */
function expression(name: string, type: string, wanted: ColumnType, isName = false): string {
  return parquetValue(quoted(name), type, isName || wanted === 'text' ? 'digits' : 'double');
}

/** The same for the columnar check; null = a type that it does not know. */
function givenColumn(column: ColumnSpec, type: string): GivenColumn | null {
  const sql = expression(column.name, type, column.type);
  const digits = `${quoted(column.name)}::VARCHAR`;
  if (PARQUET_TIMES.test(type)) return { sql, kind: 'time' };
  if (WHOLE.test(type)) return { sql: `${quoted(column.name)}::DOUBLE`, kind: 'whole', digits };
  const isNumber = PARQUET_INTEGERS.test(type) || PARQUET_NUMBERS.test(type);
  if (isNumber) return { sql: `${quoted(column.name)}::DOUBLE`, kind: 'number' };
  if (type === 'BOOLEAN') return { sql, kind: 'boolean' };
  return type === 'VARCHAR' ? { sql, kind: 'text' } : null;
}

/** Files of a source, one after the other. */
let written = 0;

/** DuckDB's words without its SQL, and of an upload with its name, not with the place where it is kept. */
function unreadable({ message }: Error, path: string, name: string): string {
  return (message.split('\n')[0] as string).replaceAll(path, name).slice(0, 300);
}

export class ParquetSource implements RowSource {
  private constructor(
    private readonly instance: DuckDBInstance,
    private readonly connection: DuckDBConnection,
    private readonly numbered: NumberedRows,
    private readonly schema: RecordSchema,
    private readonly types: ReadonlyMap<string, string>,
    private readonly ids: RowIds,
    private readonly sha256: string,
    private readonly scratch: string,
    readonly facts: SourceFacts,
  ) {}

  static async open(
    file: ImportFile,
    schema: RecordSchema,
    ids: RowIds,
    settings: { memoryMax: string; threads: number; scratch: string },
  ): Promise<ParquetSource> {
    const { path, name } = file;
    const instance = await DuckDBInstance.create(':memory:', {
      memory_limit: settings.memoryMax,
      threads: String(settings.threads),
    });
    const connection = await instance.connect();
    try {
      const described = await connection.runAndReadAll(`DESCRIBE SELECT * FROM read_parquet(${literal(path)})`);
      const types = new Map(described.getRows().map((row) => [String(row[0]), String(row[1])]));
      const header = [...types.keys()];
      checkHeader(name, header, schema, ids.kind === 'column' ? ids.name : null, null);
      const sha256 = file.sha256 ?? (ids.kind === 'file' ? await hashOf(path) : '');
      const facts = { format: 'parquet', warnings: headerWarnings(name, header, schema) } as const;
      const table = numberedRows(path, header);
      return new ParquetSource(instance, connection, table, schema, types, ids, sha256, settings.scratch, facts);
    } catch (thrown) {
      connection.closeSync();
      instance.closeSync();
      if (thrown instanceof PlatformError) throw thrown;
      throw new PlatformError('invalid_argument', `cannot read ${name}: ${unreadable(thrown as Error, path, name)}`, {
        cause: thrown,
      });
    }
  }

  async rowsBetween(fromMs: number, toMs: number): Promise<RowRange> {
    const where = this.between(fromMs, toMs);
    const { table, row: number } = this.numbered;
    const reader = await this.connection.runAndReadAll(
      `SELECT min(${number})::DOUBLE, max(${number})::DOUBLE, count(*)::DOUBLE FROM ${table} WHERE ${where}`,
    );
    const [first, last, count] = (reader.getRows()[0] ?? []) as [number | null, number | null, number];
    if (first === null || last === null) return { kind: 'run', first: 0, count: 0 };
    if (last - first + 1 === count) return { kind: 'run', first, count };
    const rows = new Uint32Array(count);
    let next = 0;
    for await (const chunk of this.chunks(`SELECT ${number}::DOUBLE FROM ${table} WHERE ${where} ORDER BY 1`)) {
      const vector = chunk.getColumnVector(0);
      for (let row = 0; row < chunk.rowCount; row++) rows[next++] = vector.getItem(row) as number;
    }
    return { kind: 'list', rows };
  }

  private between(fromMs: number, toMs: number): string {
    const time = this.schema.columns[this.schema.eventTimeIndex];
    if (time === undefined) return 'TRUE';
    const type = this.types.get(time.name) as string;
    if (time.format !== undefined && !PARQUET_TIMES.test(type)) {
      if (fromMs <= Number.MIN_SAFE_INTEGER && toMs >= Number.MAX_SAFE_INTEGER) return 'TRUE';
      throw new PlatformError(
        'invalid_argument',
        `rows of a Parquet file are chosen by times that the file has as such; ${time.name} is ${type}, written as ${time.format}: leave from and to out`,
      );
    }
    const ms = PARQUET_TIMES.test(type)
      ? expression(time.name, type, time.type)
      : type === 'VARCHAR'
        ? `epoch_ms(TRY_CAST(${quoted(time.name)} AS TIMESTAMP))::DOUBLE`
        : `TRY_CAST(${quoted(time.name)} AS DOUBLE)`;
    // A row whose time cannot be read belongs to no range; it is taken along, so that it is told as bad.
    return `((${ms}) IS NULL OR (${ms} >= ${Number(fromMs)} AND ${ms} < ${Number(toMs)}))`;
  }

  async *read(first: number, last: number): AsyncIterable<SourceChunk> {
    const { columns } = this.schema;
    const present = columns.map((column) => this.types.get(column.name));
    const expressions = columns.flatMap((column, index) =>
      present[index] === undefined
        ? []
        : [expression(column.name, present[index], column.type, this.schema.wholeNames[index])],
    );
    const own = this.ownIdColumn();
    const id = own === undefined ? 'NULL::VARCHAR' : `${quoted(own)}::VARCHAR`;
    const { table, row: number } = this.numbered;
    const sql = `SELECT ${number}::DOUBLE, ${id}, ${expressions.join(', ')} FROM ${table}
      WHERE ${number} BETWEEN ${first} AND ${last}`;
    let at = 2;
    const places = present.map((type) => (type === undefined ? -1 : at++));
    const times = present.map((type) => type !== undefined && PARQUET_TIMES.test(type));
    for await (const chunk of this.chunks(sql))
      yield new ParquetChunk(this.schema, chunk, places, times, this.ids, this.sha256);
  }

  columnar(nowMs: number): ColumnarRows | null {
    // Each run of rows would read all that are before it.
    if (!this.numbered.isQuick) return null;
    const { columns } = this.schema;
    const given: (GivenColumn | null)[] = [];
    for (const column of columns) {
      const type = this.types.get(column.name);
      const one = type === undefined ? null : givenColumn(column, type);
      if (type !== undefined && one === null) return null;
      given.push(one);
    }
    const plan = columnarPlan(this.schema, given, this.recordIdSql(), nowMs);
    return plan === null ? null : this.columnarRows(plan);
  }

  private columnarRows({ mayBeBad, values }: ColumnarPlan): ColumnarRows {
    const { connection } = this;
    const { table, row: number } = this.numbered;
    return {
      doubtfulRuns: async (first, last, runRows) => {
        const reader = await connection.runAndReadAll(
          `SELECT DISTINCT ((${number} - ${first}) // ${runRows})::DOUBLE FROM ${table}
           WHERE ${number} BETWEEN ${first} AND ${last} AND (${mayBeBad})`,
        );
        return new Set(reader.getRows().map(([run]) => run as number));
      },
      parquet: async (first, last) => {
        const file = join(this.scratch, `import-${++written}.parquet`);
        const listed = values.map((value, place) => `${value} AS c${place}`).join(', ');
        try {
          await connection.run(
            `COPY (SELECT ${listed} FROM ${table} WHERE ${number} BETWEEN ${first} AND ${last})
             TO ${literal(file)} (FORMAT parquet)`,
          );
          return await readFile(file);
        } finally {
          await rm(file, { force: true });
        }
      },
    };
  }

  /** As ParquetChunk.recordId. */
  private recordIdSql(): GivenId {
    if (this.ids.kind === 'number') return { sql: `${this.numbered.row}::VARCHAR`, isSound: true };
    const own = this.ownIdColumn();
    const given = own === undefined ? "''" : `coalesce(${quoted(own)}::VARCHAR, '')`;
    if (this.ids.kind === 'column') return { sql: given, isSound: false };
    const first = fileRowIdOf(this.sha256, 0);
    const made = `${literal(first.slice(0, first.lastIndexOf('/') + 1))} || (${this.numbered.row} + 1)::VARCHAR`;
    if (own === undefined) return { sql: made, isSound: true };
    return { sql: `CASE WHEN ${given} = '' THEN ${made} ELSE ${given} END`, isSound: false };
  }

  private ownIdColumn(): string | undefined {
    if (this.ids.kind === 'column') return this.ids.name;
    return this.ids.kind === 'file' ? ownIdColumns(this.schema).find((name) => this.types.has(name)) : undefined;
  }

  async close(): Promise<void> {
    this.connection.closeSync();
    this.instance.closeSync();
  }

  private async *chunks(sql: string): AsyncIterable<DuckDBDataChunk> {
    const result = await this.connection.stream(sql);
    for (;;) {
      const chunk = await result.fetchChunk();
      if (chunk === null || chunk.rowCount === 0) return;
      yield chunk;
    }
  }
}

async function hashOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const piece of createReadStream(path)) hash.update(piece as Buffer);
  return hash.digest('hex');
}

class ParquetChunk implements SourceChunk {
  readonly rows: number;
  private readonly numbers: DuckDBVector;
  private readonly ids: DuckDBVector;
  private readonly vectors: readonly (DuckDBVector | null)[];

  constructor(
    private readonly schema: RecordSchema,
    chunk: DuckDBDataChunk,
    places: readonly number[],
    /** By position: the file has it as a time. */
    private readonly times: readonly boolean[],
    private readonly idRule: RowIds,
    private readonly sha256: string,
  ) {
    this.rows = chunk.rowCount;
    this.numbers = chunk.getColumnVector(0);
    this.ids = chunk.getColumnVector(1);
    this.vectors = places.map((place) => (place < 0 ? null : chunk.getColumnVector(place)));
  }

  rowNumber(row: number): number {
    return this.numbers.getItem(row) as number;
  }

  value(row: number, column: number): unknown {
    const given = this.given(row, column);
    // A time of the file's own is milliseconds, whatever the project says of texts and numbers.
    return this.times[column] === true ? given : writtenValue(this.schema.columns[column] as ColumnSpec, given);
  }

  private given(row: number, column: number): unknown {
    return this.vectors[column]?.getItem(row) ?? null;
  }

  recordId(row: number): string {
    const number = this.rowNumber(row);
    if (this.idRule.kind === 'number') return String(number);
    const own = (this.ids.getItem(row) as string | null) ?? '';
    return own === '' && this.idRule.kind === 'file' ? fileRowIdOf(this.sha256, number) : own;
  }

  fault(): string | null {
    return null;
  }

  original(row: number): Uint8Array {
    return rowPayload(this.schema, this.recordId(row), (column) => this.given(row, column));
  }
}
