// Reads the rows of a replay from its Parquet or CSV source, in event-time order. Rows are chosen by a seeded hash of
// their number, so that the same seed always replays the same rows.

import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { PlatformError, type Scalar } from '@millrace/domain';
import { type ColumnSpec, chooseRows, type Project, type ReplaySpec } from '@millrace/project';
import { replayKeys } from './replay-keys.js';

export interface ReplayRow {
  recordId: string;
  eventTimeMs: number;
  /** All columns but the outcome, as the source has them. */
  values: Record<string, Scalar>;
  /** The label column's raw value. */
  outcome: Scalar;
}

/**
 * The rows of a replay, column by column: numbers in typed arrays, texts as codes of a dictionary. As 192,000 objects
 * they would cost the sender a collection of a tenth of a second every few seconds.
 */
export class ReplayRows {
  constructor(
    private readonly ids: Float64Array,
    private readonly times: Float64Array,
    private readonly columns: readonly { name: string; at: (index: number) => Scalar }[],
    private readonly outcomeColumn: string,
  ) {}

  get length(): number {
    return this.ids.length;
  }

  at(index: number): ReplayRow {
    const values: Record<string, Scalar> = {};
    let outcome: Scalar = null;
    for (const { name, at } of this.columns) {
      if (name === this.outcomeColumn) outcome = at(index);
      else values[name] = at(index);
    }
    return { recordId: String(this.ids[index]), eventTimeMs: this.times[index] as number, values, outcome };
  }
}

/** Rows a replay may hold in memory. */
const REPLAY_ROWS_MAX = 2_000_000;

/** Event-time range [fromMs, toMs) and how many of its rows are chosen. */
export interface RowRange {
  fromMs: number;
  toMs: number;
  rows: number;
}

/** The ranges of a replay: its rows, and the further ones for traffic after it. */
export function replayRanges({ live }: ReplaySpec, rows: number, reserveRows: number): RowRange[] {
  if (reserveRows === 0) return [{ fromMs: live.fromMs, toMs: live.reserveFromMs ?? live.toMs, rows }];
  if (live.reserveFromMs === undefined) return [{ fromMs: live.fromMs, toMs: live.toMs, rows: rows + reserveRows }];
  return [
    { fromMs: live.fromMs, toMs: live.reserveFromMs, rows },
    { fromMs: live.reserveFromMs, toMs: live.toMs, rows: reserveRows },
  ];
}

export async function readReplayRows(
  project: Project,
  seed: number,
  sourceFile: string,
  ranges: readonly RowRange[],
): Promise<ReplayRows> {
  const total = ranges.reduce((sum, range) => sum + range.rows, 0);
  if (total > REPLAY_ROWS_MAX) {
    throw new PlatformError('invalid_argument', `a replay of ${total} rows; at most ${REPLAY_ROWS_MAX} fit`);
  }
  const instance = await DuckDBInstance.create(':memory:', { threads: '2' });
  const connection = await instance.connect();
  try {
    await connection.run("SET TimeZone = 'UTC'");
    const file = `'${sourceFile.replaceAll("'", "''")}'`;
    const parts: Scalar[][][] = [];
    for (const range of ranges) parts.push(await readRange(connection, project, seed, file, range));
    return toRows(parts, sourceColumns(project), replayKeys(project).label.column);
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

async function readRange(
  connection: DuckDBConnection,
  project: Project,
  seed: number,
  file: string,
  { fromMs, toMs, rows }: RowRange,
): Promise<Scalar[][]> {
  const time = quoteName(replayKeys(project).eventTime);
  const inRange = `epoch_ms(${time}) >= ${fromMs} AND epoch_ms(${time}) < ${toMs}`;
  const range = await connection.runAndReadAll(
    `SELECT min(file_row_number)::DOUBLE, count(*)::DOUBLE FROM read_parquet(${file}, file_row_number = true) WHERE ${inRange}`,
  );
  const [first, count] = range.getRows()[0] as [number, number];
  if (count < rows) {
    throw new PlatformError(
      'invalid_argument',
      `the source has ${count} rows in the replay's range, ${rows} were asked for`,
    );
  }
  await connection.run('CREATE OR REPLACE TEMP TABLE chosen (row_number BIGINT)');
  const appender = await connection.createAppender('chosen');
  for (const row of chooseRows(first, count, rows, seed)) {
    appender.appendBigInt(BigInt(row));
    appender.endRow();
  }
  appender.closeSync();
  const list = sourceColumns(project).map((column) => {
    const name = quoteName(column.name);
    if (column.type === 'timestamp') return `epoch_ms(${name})::DOUBLE AS ${name}`;
    return column.type === 'number' || column.type === 'integer' ? `${name}::DOUBLE AS ${name}` : name;
  });
  const reader = await connection.runAndReadAll(
    `SELECT file_row_number::DOUBLE, epoch_ms(${time})::DOUBLE, ${list.join(', ')}
     FROM read_parquet(${file}, file_row_number = true) JOIN chosen ON chosen.row_number = file_row_number
     WHERE ${inRange} ORDER BY ${time}, file_row_number`,
  );
  return reader.getColumns() as Scalar[][];
}

/** Columns that the source itself has. */
function sourceColumns(project: Project): ColumnSpec[] {
  return project.data.columns.filter((column) => column.derive === undefined);
}

/** `parts`: by range, then by column: row number, event time, the source's columns. */
function toRows(parts: readonly Scalar[][][], columns: readonly ColumnSpec[], outcomeColumn: string): ReplayRows {
  const joined = (c: number) => parts.flatMap((part) => part[c] ?? []);
  return new ReplayRows(
    Float64Array.from(joined(0) as number[]),
    Float64Array.from(joined(1) as number[]),
    columns.map(({ name }, c) => ({ name, at: packed(joined(c + 2)) })),
    outcomeColumn,
  );
}

function packed(values: readonly Scalar[]): (index: number) => Scalar {
  if (values.every((value) => value === null || typeof value === 'number')) {
    const numbers = Float64Array.from(values, (value) => (value as number | null) ?? Number.NaN);
    return (index) => (Number.isNaN(numbers[index]) ? null : (numbers[index] as number));
  }
  const codes = new Map<Scalar, number>();
  const coded = Int32Array.from(values, (value) => {
    const known = codes.get(value);
    if (known !== undefined) return known;
    codes.set(value, codes.size);
    return codes.size - 1;
  });
  const dictionary = [...codes.keys()];
  return (index) => dictionary[coded[index] as number] as Scalar;
}

function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
