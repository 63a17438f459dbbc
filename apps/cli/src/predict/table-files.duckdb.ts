// Reads a Parquet or CSV file in blocks and writes its columns with the predictions beside, in the same order. Values
// are fetched as the model's inputs want them; one that cannot be converted makes its row bad. Results wait in a
// database file of their own until the end, so that memory stays within DuckDB's limit whatever the size of the file. A
// CSV file is read once, into the same database: two readings of a file with unreadable lines need not leave out the
// same ones.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import {
  type DuckDBAppender,
  type DuckDBConnection,
  DuckDBInstance,
  DuckDBListValue,
  type DuckDBValue,
} from '@duckdb/node-api';
import { PlatformError } from '@millrace/domain';
import type { Datatype, TensorSpec } from '@millrace/inference';
import { type Project, timePart } from '@millrace/project';
import type { PredictedRow, RowBlock } from './batch-prediction.js';
import { type CellValue, FLOATS, type InputColumn, rowElements } from './row-tensors.js';

const MEMORY_MAX = '512MB';
/** Lines of a CSV file that cannot be read at all and are told; all are counted. */
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
  /** SQL that is a text where the value does not fit, else NULL. */
  readonly fault: string;
  readonly derive?: Parameters<typeof timePart>[1];
}

const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;
const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`;

export class TableFiles {
  private constructor(
    private readonly instance: DuckDBInstance,
    private readonly reader: DuckDBConnection,
    private readonly writer: DuckDBConnection,
    private readonly folder: string,
    private readonly relation: string,
    readonly columns: ReadonlyMap<string, string>,
    readonly rowsTotal: number,
  ) {}

  static async open(path: string): Promise<TableFiles> {
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
      let relation = relationOf(path);
      if (!isParquet(path)) {
        await reader.run(`CREATE TABLE source AS SELECT * FROM ${relation}`);
        relation = 'source';
      }
      const described = await reader.runAndReadAll(`DESCRIBE SELECT * FROM ${relation}`);
      const columns = new Map(described.getRows().map(([name, type]) => [String(name), String(type)]));
      const counted = await reader.runAndReadAll(`SELECT count(*)::DOUBLE FROM ${relation}`);
      const rowsTotal = Number(counted.getRows()[0]?.[0]);
      return new TableFiles(instance, reader, writer, folder, relation, columns, rowsTotal);
    } catch (thrown) {
      rmSync(folder, { recursive: true, force: true });
      throw new PlatformError('invalid_argument', `${path}: ${(thrown as Error).message.split('\n')[0]}`, {
        cause: thrown,
      });
    }
  }

  /**
   * The model's inputs that the file has a column for, or that the project derives from one. Inputs without either are
   * left to the server. Throws invalid_argument where the file has none at all.
   */
  sources(inputs: readonly TensorSpec[], project: Project | undefined): Source[] {
    const found = inputs.flatMap((spec) => this.source(spec, project) ?? []);
    if (found.length > 0) return found;
    throw new PlatformError(
      'invalid_argument',
      `the file has none of the model's inputs (${inputs.map(({ name }) => name).join(', ')}); it has ${[...this.columns.keys()].join(', ')}`,
    );
  }

  private source(spec: TensorSpec, project: Project | undefined): Source | undefined {
    const { name, datatype, shape } = spec;
    const type = this.columns.get(name);
    if (type === undefined) {
      const derive = project?.data.columns.find((column) => column.name === name)?.derive;
      if (derive === undefined || !this.columns.has(derive.from)) return undefined;
      const from = quoted(derive.from);
      const fault = `CASE WHEN ${from} IS NOT NULL AND TRY_CAST(${from} AS TIMESTAMP) IS NULL THEN ${literal(`'${derive.from}' is no time`)} END`;
      const select = `epoch_ms(TRY_CAST(${from} AS TIMESTAMP))::DOUBLE`;
      return { input: { spec, elements: 1 }, select, fault, derive: derive.part };
    }
    const elements = rowElements(shape);
    if (elements === undefined) {
      throw new PlatformError('unimplemented', `input '${name}' has shape [${shape.join(',')}]: rows of no fixed size`);
    }
    const column = quoted(name);
    if (elements > 1) {
      if (!/\]$/.test(type) && type !== 'VARCHAR') {
        throw new PlatformError(
          'invalid_argument',
          `column '${name}' is ${type}, the input takes ${elements} values a row`,
        );
      }
      const select = `TRY_CAST(${column} AS ${sqlType(datatype)}[])`;
      // A value that does not fit is NULL in its list; list_count counts the others.
      const fits = `len(${select}) = ${elements} AND list_count(${select}) = ${elements}`;
      const fault = `CASE WHEN NOT coalesce(${fits}, false) THEN ${literal(`'${name}' needs ${elements} values of ${datatype}`)} END`;
      return { input: { spec, elements }, select, fault };
    }
    const wanted = sqlType(datatype);
    const plain = `TRY_CAST(${column} AS ${wanted})`;
    const time = `TRY_CAST(epoch_ms(TRY_CAST(${column} AS TIMESTAMP)) AS ${wanted})`;
    let select = plain;
    if (datatype !== 'BYTES' && datatype !== 'BOOL') {
      if (/^(TIMESTAMP|DATE)/.test(type)) select = time;
      // One value that is no time makes a CSV file's column of times one of texts.
      else if (type === 'VARCHAR') select = `coalesce(${plain}, ${time})`;
    }
    const unfit = `CASE WHEN ${column} IS NOT NULL AND ${select} IS NULL THEN ${literal(`'${name}' is not of ${datatype}`)} END`;
    const missing = `CASE WHEN ${column} IS NULL THEN ${literal(`'${name}' is missing`)} END`;
    const fault = datatype === 'BOOL' ? `coalesce(${unfit}, ${missing})` : unfit;
    return { input: { spec, elements: 1 }, select, fault };
  }

  async *read(sources: readonly Source[]): AsyncIterable<RowBlock> {
    const faults = sources.map(({ fault }) => fault).filter((fault) => fault !== 'NULL');
    const fault = faults.length === 0 ? 'NULL' : `nullif(concat_ws('; ', ${faults.join(', ')}), '')`;
    const selected = sources.map(({ select }) => select).join(', ');
    const result = await this.reader.stream(`SELECT ${selected}, ${fault} FROM ${this.relation}`);
    for (
      let chunk = await result.fetchChunk();
      chunk !== null && chunk.rowCount > 0;
      chunk = await result.fetchChunk()
    ) {
      const values = chunk.getColumns();
      const bad = new Map<number, string>();
      (values.at(-1) ?? []).forEach((text, row) => {
        if (text !== null) bad.set(row, String(text));
      });
      const columns = sources.map(({ derive }, c) => {
        const own = values[c] as DuckDBValue[];
        if (derive !== undefined) return own.map((ms) => (ms === null ? null : timePart(Number(ms), derive)));
        return own.map(cell);
      });
      yield { rows: chunk.rowCount, columns, bad };
    }
  }

  /** Takes predictions in the order of the file. */
  async results(outputs: readonly TensorSpec[]): Promise<ResultsWriter> {
    const names = outputs.map(({ name }) => this.freeName(name));
    const error = this.freeName('prediction_error');
    const lists = outputs.map(({ shape }) => rowElements(shape) !== 1);
    const types = outputs.map(({ datatype }, i) => `${sqlType(datatype)}${lists[i] ? '[]' : ''}`);
    const columns = names.map((name, i) => `${quoted(name)} ${types[i]}`);
    await this.writer.run(`CREATE TABLE results (${[...columns, `${quoted(error)} VARCHAR`].join(', ')})`);
    return new ResultsWriter(
      await this.writer.createAppender('results'),
      outputs.map(({ datatype }) => datatype),
    );
  }

  /** Lines of a CSV file that were left out of both the requests and the output. */
  async unreadable(): Promise<Unreadable> {
    const tables = await this.reader.runAndReadAll(
      "SELECT count(*)::INTEGER FROM duckdb_tables() WHERE table_name = 'reject_errors'",
    );
    if (tables.getRows()[0]?.[0] === 0) return { count: 0, lines: [] };
    const counted = await this.reader.runAndReadAll('SELECT count(DISTINCT line)::DOUBLE FROM reject_errors');
    const rows = await this.reader.runAndReadAll(
      `SELECT line::DOUBLE, min(error_message) FROM reject_errors GROUP BY 1 ORDER BY 1 LIMIT ${UNREADABLE_TOLD_MAX}`,
    );
    const lines = rows.getRows().map(([line, error]) => ({ line: Number(line), error: String(error) }));
    return { count: Number(counted.getRows()[0]?.[0]), lines };
  }

  /** All columns of the file, the outputs and `prediction_error` beside; Parquet or CSV by the name's ending. */
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
    const taken = new Set([...this.columns.keys()].map((column) => column.toLowerCase()));
    let free = name;
    while (taken.has(free.toLowerCase())) free = `predicted_${free}`;
    return free;
  }
}

class ResultsWriter {
  constructor(
    private readonly appender: DuckDBAppender,
    private readonly datatypes: readonly Datatype[],
  ) {}

  append(rows: readonly PredictedRow[]): void {
    const { appender } = this;
    for (const { values, error } of rows) {
      values.forEach((value, i) => {
        appendCell(appender, value, this.datatypes[i] as Datatype);
      });
      if (error === null) appender.appendNull();
      else appender.appendVarchar(error);
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

function relationOf(path: string): string {
  if (isParquet(path)) return `read_parquet(${literal(path)})`;
  // Types by all rows: by a sample, rows further down that do not fit would be left out as unreadable.
  if (['.csv', '.tsv'].includes(extname(path).toLowerCase()))
    return `read_csv(${literal(path)}, store_rejects = true, sample_size = -1)`;
  throw new PlatformError('invalid_argument', `${path}: name a .parquet, .csv or .tsv file`);
}
