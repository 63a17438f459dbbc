// Reads a Parquet, CSV or NDJSON file in blocks and writes its columns with the predictions beside, in the same order.
// Every column of a CSV or NDJSON file is kept as texts, which become what the model's inputs take (input-value.ts: a
// value of NDJSON keeps its type for that) and are written as they came; a value that does not fit makes its row bad.
// Results wait in a
// database file of their own until the end, so that memory stays within DuckDB's limit whatever the size of the file.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, extname, join } from 'node:path';
import {
  type DuckDBAppender,
  type DuckDBConnection,
  DuckDBDataChunk,
  DuckDBInstance,
  DuckDBListValue,
  type DuckDBValue,
  VARCHAR,
} from '@duckdb/node-api';
import { PlatformError, parseExactJson, timeOf } from '@millrace/domain';
import { firstBytesOf } from '@millrace/files';
import { type Datatype, FLOATS, type TensorSpec } from '@millrace/inference';
import {
  type ColumnSpec,
  type Project,
  textValue,
  timePart,
  type WrittenColumn,
  writtenValue,
} from '@millrace/project';
import { type CsvTerms, formatOf, PARQUET_NUMBERS, PARQUET_TIMES, parquetFile, parquetValue } from '@millrace/tabular';
import { openCsv, type TextTable } from '../tables/csv-table.fs.js';
import { openNdjson } from '../tables/ndjson-table.fs.js';
import type { PredictedRow } from './batch-prediction.js';
import { columnsOf, type FileColumn, freeName, placesOf, quoted, tableNames } from './file-columns.js';
import { type InputValue, typedValue, Unfit, valueOfJson, valueOfText } from './input-value.js';
import { isFilledIn } from './one-row.js';
import type { RowBlock } from './row-block.js';
import { type CellValue, type InputColumn, rowElements } from './row-tensors.js';

const MEMORY_MAX = '512MB';
/** DuckDB's vector size: a chunk takes at most this many rows. */
const CHUNK_ROWS = 2_048;
/** Lines that cannot be read at all and are told; all are counted. */
const UNREADABLE_TOLD_MAX = 1_000;

export interface Unreadable {
  count: number;
  /** The first of them. */
  lines: { line: number; error: string }[];
}

/** How one model input comes out of the file. */
interface Source {
  readonly input: InputColumn;
  readonly select: string;
  /** A value as DuckDB gives it. */
  read(value: DuckDBValue): CellValue | Unfit;
  /** The file has no column for it: missing in every row. */
  readonly isAbsent?: true;
  /** Where this one has no value, as in training. */
  readonly standIn?: Source;
}

const INTEGERS = /^(TINYINT|SMALLINT|INTEGER|BIGINT|UTINYINT|USMALLINT|UINTEGER)$/;

const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`;

export class TableFiles {
  private constructor(
    private readonly instance: DuckDBInstance,
    private readonly reader: DuckDBConnection,
    private readonly writer: DuckDBConnection,
    private readonly folder: string,
    private readonly relation: string,
    readonly columns: ReadonlyMap<string, FileColumn>,
    /** Names of the table's columns. */
    private readonly taken: readonly string[],
    readonly rowsTotal: number,
    private readonly csv: LoadedTexts | undefined,
  ) {}

  /** @param known names of columns that the file may have */
  static async open(path: string, terms: CsvTerms = {}, known: readonly string[] = []): Promise<TableFiles> {
    const format = formatOf(basename(path), await firstBytesOf({ path, name: path }));
    const folder = mkdtempSync(join(tmpdir(), 'millrace-predict-'));
    try {
      const instance = await DuckDBInstance.create(join(folder, 'results.duckdb'), {
        // One thread: rows come in the order of the file, and the server is what takes the time.
        threads: '1',
        memory_limit: MEMORY_MAX,
        temp_directory: folder,
      });
      const [reader, writer] = [await instance.connect(), await instance.connect()];
      for (const connection of [reader, writer]) await connection.run("SET TimeZone = 'UTC'");
      const csv =
        format === 'parquet'
          ? undefined
          : format === 'csv'
            ? await loaded(await openCsv(path, terms, known), reader, terms.decimal)
            : await loaded(await openNdjson(path, terms), reader);
      const relation = csv === undefined ? parquetFile(path) : 'source';
      const described = await reader.runAndReadAll(`DESCRIBE SELECT * FROM ${relation}`);
      const types = described.getRows().map(([name, type]) => [String(name), String(type)] as const);
      const columns = csv?.columns ?? new Map(types.map(([name, type]) => [name, { type, inTable: quoted(name) }]));
      const counted = await reader.runAndReadAll(`SELECT count(*)::DOUBLE FROM ${relation}`);
      const rowsTotal = Number(counted.getRows()[0]?.[0]);
      const taken = types.map(([name]) => name);
      return new TableFiles(instance, reader, writer, folder, relation, columns, taken, rowsTotal, csv);
    } catch (thrown) {
      rmSync(folder, { recursive: true, force: true });
      if (thrown instanceof PlatformError) throw thrown;
      throw new PlatformError('invalid_argument', `${path}: ${(thrown as Error).message.split('\n')[0]}`, {
        cause: thrown,
      });
    }
  }

  /**
   * The model's inputs that the file has a column for, or that the project derives from one. Of a project's, those
   * without either are missing in every row, as `ingest` has it, or left to the server where it fills them in; of
   * other models they are left to the server. Throws invalid_argument where the file has none at all, or lacks a
   * required one.
   */
  sources(inputs: readonly TensorSpec[], project: Project | undefined): Source[] {
    const found = inputs.map((spec) => this.source(spec, project));
    const has = `it has ${[...this.columns.keys()].join(', ')}`;
    if (found.every((source) => source === undefined)) {
      const wanted = inputs.map(({ name }) => name).join(', ');
      throw new PlatformError('invalid_argument', `the file has none of the model's inputs (${wanted}); ${has}`);
    }
    const lacking = inputs.filter(({ name }, i) => found[i] === undefined && !isFilledIn(name, project));
    const required = lacking.filter(({ name }) => project?.data.columns.find((one) => one.name === name)?.required);
    if (required.length > 0) {
      const names = required.map(({ name }) => `'${name}'`).join(', ');
      throw new PlatformError(
        'invalid_argument',
        `the file has no column ${names}, which the project requires: add it, or rename the one that is meant; ${has}`,
      );
    }
    const isAbsent = (spec: TensorSpec) => project !== undefined && lacking.includes(spec);
    return inputs.flatMap((spec, i) => found[i] ?? (isAbsent(spec) ? absent(spec) : []));
  }

  /** A column of the file that says a row's id or entity; undefined: it has none. A value that is none says nothing. */
  nameSource(name: string, project: Project): Source | undefined {
    const isWhole = project.data.columns.find((column) => column.name === name)?.type === 'integer';
    const source = this.ownSource({ name, datatype: isWhole ? 'INT64' : 'BYTES', shape: [-1] }, project);
    if (source === undefined) return undefined;
    const read = (value: DuckDBValue): CellValue => {
      const cell = source.read(value);
      return cell instanceof Unfit || cell === null ? null : String(cell);
    };
    return { ...source, read };
  }

  /** Rows that have the value of an earlier one in the column. */
  async repeats(name: string): Promise<number> {
    const { inTable } = this.columns.get(name) ?? {};
    if (inTable === undefined) return 0;
    const sql = `SELECT (count(${inTable}) - count(DISTINCT ${inTable}))::DOUBLE FROM ${this.relation}`;
    return Number((await this.reader.runAndReadAll(sql)).getRows()[0]?.[0]);
  }

  /** What the file says besides its rows. */
  get warnings(): readonly string[] {
    return this.csv?.warnings ?? [];
  }

  private source(spec: TensorSpec, project: Project | undefined): Source | undefined {
    const own = this.ownSource(spec, project);
    const standIn = this.derived(spec, project);
    return own === undefined || standIn === undefined ? (own ?? standIn) : { ...own, standIn };
  }

  private ownSource(spec: TensorSpec, project: Project | undefined): Source | undefined {
    const { name, datatype, shape } = spec;
    if (this.csv?.twice.has(name) === true)
      throw new PlatformError('invalid_argument', `the file has the column '${name}' twice: rename one`);
    const { type, inTable } = this.columns.get(name) ?? {};
    const column = project?.data.columns.find((one) => one.name === name);
    if (type === undefined || inTable === undefined) return undefined;
    const elements = rowElements(shape);
    if (elements === undefined) {
      throw new PlatformError('unimplemented', `input '${name}' has shape [${shape.join(',')}]: rows of no fixed size`);
    }
    if (elements > 1) return this.list(spec, { type, inTable }, elements);
    const text = type === 'VARCHAR';
    const kinds = this.csv?.kinds;
    if (kinds !== undefined)
      return {
        input: { spec, elements: 1 },
        // The kind in front of the text; NULL where there is none.
        select: `substr(${quoted(kinds.column)}, ${kinds.places.get(name)}, 1) || ${inTable}`,
        read: (value) => (value === null ? null : named(name, valueOfJson(datatype, jsonOf(value as string), column))),
      };
    if (this.csv === undefined && column !== undefined) return ofParquet(spec, { type, inTable }, column);
    return {
      input: { spec, elements: 1 },
      select: selected(inTable, type, datatype),
      read: (value) => {
        // Parquet has types that come as texts, too.
        if (text || typeof value === 'string')
          return named(name, valueOfText(datatype, value as string | null, { column, decimal: this.csv?.decimal }));
        return named(name, typedValue(datatype, value as InputValue));
      },
    };
  }

  private list(spec: TensorSpec, { type, inTable }: FileColumn, elements: number): Source {
    const { name, datatype } = spec;
    if (!/\]$/.test(type) && type !== 'VARCHAR') {
      const wanted = `column '${name}' is ${type}, the input takes ${elements} values a row`;
      throw new PlatformError('invalid_argument', wanted);
    }
    const list = `TRY_CAST(${inTable} AS ${sqlType(datatype)}[])`;
    // A value that does not fit is NULL in its list; list_count counts the others.
    const fits = `len(${list}) = ${elements} AND list_count(${list}) = ${elements}`;
    return {
      input: { spec, elements },
      select: `CASE WHEN ${fits} THEN ${list} END`,
      read: (value) => cell(value) ?? new Unfit(`'${name}' needs ${elements} values of ${datatype}`),
    };
  }

  /** What the project derives from a column of the file. */
  private derived(spec: TensorSpec, project: Project | undefined): Source | undefined {
    const columns = project?.data.columns;
    const derive = columns?.find((column) => column.name === spec.name)?.derive;
    const from = columns?.find((column) => column.name === derive?.from) ?? { type: 'timestamp' as const };
    const found = derive === undefined ? undefined : this.columns.get(derive.from);
    if (derive === undefined || found === undefined) return undefined;
    const { type, inTable } = found;
    return {
      input: { spec, elements: 1 },
      select: selected(inTable, type, 'INT64'),
      read: (value) => {
        if (value === null) return null;
        const read =
          typeof value === 'string'
            ? textValue(from, value)
            : PARQUET_TIMES.test(type)
              ? Number(value)
              : writtenValue(from, Number(value));
        if (read === null) return null;
        const ms = timeOf(read);
        return Number.isNaN(ms) ? new Unfit(`'${derive.from}' is no time`) : timePart(ms, derive.part);
      },
    };
  }

  async *read(sources: readonly Source[]): AsyncIterable<RowBlock> {
    const all = sources.flatMap((source) => [source, ...(source.standIn === undefined ? [] : [source.standIn])]);
    const select = all.map((source) => source.select).join(', ');
    const from = this.csv?.kinds === undefined ? this.relation : TYPED;
    const result = await this.reader.stream(`SELECT ${select} FROM ${from}`);
    for (
      let chunk = await result.fetchChunk();
      chunk !== null && chunk.rowCount > 0;
      chunk = await result.fetchChunk()
    ) {
      const values = new Map(chunk.getColumns().map((column, at) => [all[at], column as DuckDBValue[]]));
      const cellOf = (source: Source, row: number): CellValue | Unfit => {
        const value = source.read(values.get(source)?.[row] as DuckDBValue);
        return value === null && source.standIn !== undefined ? cellOf(source.standIn, row) : value;
      };
      const bad = new Map<number, string>();
      const columns = sources.map((source) =>
        Array.from({ length: chunk.rowCount }, (_, row) => {
          const value = cellOf(source, row);
          if (!(value instanceof Unfit)) return value;
          const before = bad.get(row);
          bad.set(row, before === undefined ? value.why : `${before}; ${value.why}`);
          return null;
        }),
      );
      yield { rows: chunk.rowCount, columns, bad };
    }
  }

  /** Takes predictions in the order of the file. `areKnown`: the platform keeps them, by ids that the output tells. */
  async results(outputs: readonly TensorSpec[], areKnown: boolean): Promise<ResultsWriter> {
    const names = outputs.map(({ name }) => this.freeName(name));
    const id = areKnown ? [`${quoted(this.freeName('prediction_id'))} VARCHAR`] : [];
    const error = this.freeName('prediction_error');
    const lists = outputs.map(({ shape }) => rowElements(shape) !== 1);
    const types = outputs.map(({ datatype }, i) => `${sqlType(datatype)}${lists[i] ? '[]' : ''}`);
    const columns = names.map((name, i) => `${quoted(name)} ${types[i]}`);
    await this.writer.run(`CREATE TABLE results (${[...columns, ...id, `${quoted(error)} VARCHAR`].join(', ')})`);
    return new ResultsWriter(
      await this.writer.createAppender('results'),
      outputs.map(({ datatype }) => datatype),
      areKnown,
    );
  }

  /** Lines that were left out of both the requests and the output. */
  get unreadable(): Unreadable {
    return this.csv?.unreadable ?? { count: 0, lines: [] };
  }

  /** All columns of the file, the outputs, ids and `prediction_error` beside; Parquet or CSV by the name's ending. */
  async write(path: string): Promise<void> {
    const format = isParquet(path) ? 'FORMAT parquet, COMPRESSION zstd' : 'FORMAT csv, HEADER';
    await this.writer.run(
      `COPY (SELECT * FROM ${this.relation} POSITIONAL JOIN results) TO ${literal(path)} (${format})`,
    );
  }

  close(): void {
    this.reader.closeSync();
    this.writer.closeSync();
    this.instance.closeSync();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** A file may have a column of an output's name already. */
  private freeName(name: string): string {
    return freeName(name, this.taken);
  }
}

/** A project's column of a Parquet file: what `ingest` reads in it. */
function ofParquet(spec: TensorSpec, { type, inTable }: FileColumn, column: ColumnSpec): Source {
  const { name, datatype } = spec;
  // A time of the file's own is milliseconds, whatever the project says of texts and numbers.
  const written: WrittenColumn = PARQUET_TIMES.test(type) ? { type: column.type } : column;
  return {
    input: { spec, elements: 1 },
    select: parquetValue(inTable, type, column.type === 'text' ? 'digits' : 'exact'),
    read: (value) => {
      const isSafe = typeof value === 'bigint' && Number.isSafeInteger(Number(value));
      return named(name, valueOfJson(datatype, isSafe ? Number(value) : value, written));
    },
  };
}

/** NULL in every row; a list of values has no missing one, and is left to the server. */
function absent(spec: TensorSpec): Source | [] {
  if (rowElements(spec.shape) !== 1) return [];
  return { input: { spec, elements: 1 }, select: 'NULL::VARCHAR', read: () => null, isAbsent: true };
}

class ResultsWriter {
  constructor(
    private readonly appender: DuckDBAppender,
    private readonly datatypes: readonly Datatype[],
    private readonly areKnown: boolean,
  ) {}

  append(rows: readonly PredictedRow[]): void {
    const { appender } = this;
    for (const { values, predictionId, error } of rows) {
      values.forEach((value, i) => {
        appendCell(appender, value, this.datatypes[i] as Datatype);
      });
      for (const text of this.areKnown ? [predictionId, error] : [error]) {
        if (text === null) appender.appendNull();
        else appender.appendVarchar(text);
      }
      appender.endRow();
    }
  }

  close(): void {
    this.appender.closeSync();
  }
}

function appendCell(appender: DuckDBAppender, value: CellValue, datatype: Datatype): void {
  if (value === null) appender.appendNull();
  else if (typeof value === 'object') appender.appendList(value as DuckDBValue[]);
  else if (datatype === 'BYTES') appender.appendVarchar(String(value));
  else if (datatype === 'BOOL') appender.appendBoolean(Boolean(value));
  else if (datatype === 'FP64') appender.appendDouble(Number(value));
  else if (FLOATS.has(datatype)) appender.appendFloat(Number(value));
  else if (datatype === 'UINT64') appender.appendUBigInt(BigInt(value));
  else appender.appendBigInt(BigInt(value));
}

function cell(value: DuckDBValue): CellValue {
  if (value instanceof DuckDBListValue) return value.items as (number | string)[];
  return value as CellValue;
}

/** A fault is about its column. */
function named(name: string, value: InputValue | Unfit): CellValue | Unfit {
  return value instanceof Unfit ? new Unfit(`'${name}' ${value.why}`) : value;
}

/** A column of the file as one of the few types that a value is read from. */
function selected(column: string, type: string, datatype: Datatype): string {
  if (type === 'VARCHAR' || (type === 'BOOLEAN' && datatype !== 'BYTES')) return column;
  if (datatype === 'BYTES') return `${column}::VARCHAR`;
  // No cast to TIMESTAMP: with a time zone it would need an extension that is not at hand.
  if (PARQUET_TIMES.test(type)) return `epoch_ms(${column})`;
  if (INTEGERS.test(type)) return `${column}::BIGINT`;
  if (PARQUET_NUMBERS.test(type)) return `${column}::DOUBLE`;
  return type === 'UBIGINT' ? column : `${column}::VARCHAR`;
}

function sqlType(datatype: Datatype): string {
  if (datatype === 'BYTES') return 'VARCHAR';
  if (datatype === 'BOOL') return 'BOOLEAN';
  if (datatype === 'FP64') return 'DOUBLE';
  if (datatype === 'UINT64') return 'UBIGINT';
  return FLOATS.has(datatype) ? 'FLOAT' : 'BIGINT';
}

function isParquet(path: string): boolean {
  return ['.parquet', '.pq'].includes(extname(path).toLowerCase());
}

/** The table of texts and their kinds, of which `source` shows the texts. */
const TYPED = 'typed';

/** A value of NDJSON from its kind and its text. */
function jsonOf(value: string): unknown {
  const text = value.slice(1);
  if (value.startsWith('t')) return text;
  try {
    return parseExactJson(text);
  } catch {
    return Number(text); // beyond the largest number
  }
}

/** A file of texts that stands in the table `source`. */
interface LoadedTexts {
  readonly columns: ReadonlyMap<string, FileColumn>;
  /** Of a file whose values have types: the column of their kinds, and which of them, counted from 1, is a column's. */
  readonly kinds: { readonly column: string; readonly places: ReadonlyMap<string, number> } | undefined;
  readonly decimal: CsvTerms['decimal'];
  readonly warnings: readonly string[];
  /** Names that the header has more than once. */
  readonly twice: ReadonlySet<string>;
  readonly unreadable: Unreadable;
}

async function loaded(table: TextTable, connection: DuckDBConnection, decimal?: '.' | ','): Promise<LoadedTexts> {
  const { header, warnings } = table;
  const names = tableNames(header);
  const columns = columnsOf(header, names);
  const kinds = table.isTyped ? { column: freeName('kinds', names), places: placesOf(header, names) } : undefined;
  const [stored, into] = kinds === undefined ? [names, 'source'] : [[...names, kinds.column], TYPED];
  await connection.run(`CREATE TABLE ${into} (${stored.map((name) => `${quoted(name)} VARCHAR`).join(', ')})`);
  if (kinds !== undefined)
    await connection.run(`CREATE VIEW source AS SELECT * EXCLUDE (${quoted(kinds.column)}) FROM ${TYPED}`);
  const appender = await connection.createAppender(into);
  const unreadable: Unreadable = { count: 0, lines: [] };
  for await (const rows of table.pieces()) {
    const good = rows.filter(({ fault }) => fault === null);
    for (const { line, fault } of rows) {
      if (fault === null) continue;
      unreadable.count += 1;
      if (unreadable.lines.length < UNREADABLE_TOLD_MAX) unreadable.lines.push({ line, error: fault });
    }
    for (let from = 0; from < good.length; from += CHUNK_ROWS) {
      const part = good.slice(from, from + CHUNK_ROWS);
      const chunk = DuckDBDataChunk.create(
        stored.map(() => VARCHAR),
        part.length,
      );
      if (kinds !== undefined)
        chunk.setColumnValues(
          names.length,
          part.map((row) => row.kinds ?? null),
        );
      names.forEach((_, i) => {
        chunk.setColumnValues(
          i,
          part.map(({ fields }) => fields[i] ?? null),
        );
      });
      appender.appendDataChunk(chunk);
    }
  }
  appender.closeSync();
  const twice = new Set(header.filter((name, i) => header.indexOf(name) < i));
  return { columns, kinds, decimal, warnings, twice, unreadable };
}
