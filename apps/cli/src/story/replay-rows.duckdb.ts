// Reads the rows of a replay from its Parquet or CSV source, in event-time order. Rows are chosen by a seeded hash of
// their number, so that the same seed always replays the same rows.

import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { PlatformError, type Scalar } from '@millrace/domain';
import { chooseRows, type Project, type ReplaySpec } from '@millrace/project';

export interface ReplayRow {
  recordId: string;
  eventTimeMs: number;
  /** All columns but the outcome, as the source has them. */
  values: Record<string, Scalar>;
  /** The label column's raw value. */
  outcome: Scalar;
}

/** Rows a replay may hold in memory. */
export const REPLAY_ROWS_MAX = 2_000_000;

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
): Promise<ReplayRow[]> {
  const total = ranges.reduce((sum, range) => sum + range.rows, 0);
  if (total > REPLAY_ROWS_MAX) {
    throw new PlatformError('invalid_argument', `a replay of ${total} rows; at most ${REPLAY_ROWS_MAX} fit`);
  }
  const instance = await DuckDBInstance.create(':memory:', { threads: '2' });
  const connection = await instance.connect();
  try {
    await connection.run("SET TimeZone = 'UTC'");
    const file = `'${sourceFile.replaceAll("'", "''")}'`;
    const rows: ReplayRow[] = [];
    for (const range of ranges) rows.push(...(await readRange(connection, project, seed, file, range)));
    return rows;
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
): Promise<ReplayRow[]> {
  const time = quoteName(project.data.eventTime);
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
  const columns = project.data.columns.filter((column) => column.derive === undefined);
  const list = columns.map((column) => {
    const name = quoteName(column.name);
    if (column.type === 'timestamp') return `epoch_ms(${name})::DOUBLE AS ${name}`;
    return column.type === 'number' || column.type === 'integer' ? `${name}::DOUBLE AS ${name}` : name;
  });
  const reader = await connection.runAndReadAll(
    `SELECT file_row_number::DOUBLE, epoch_ms(${time})::DOUBLE, ${list.join(', ')}
     FROM read_parquet(${file}, file_row_number = true) JOIN chosen ON chosen.row_number = file_row_number
     WHERE ${inRange} ORDER BY ${time}, file_row_number`,
  );
  const names = columns.map((column) => column.name);
  return toRows(reader.getColumns() as Scalar[][], names, project.data.label.column);
}

function toRows(data: Scalar[][], names: readonly string[], outcomeColumn: string): ReplayRow[] {
  const [numbers, times, ...columns] = data as [number[], number[], ...Scalar[][]];
  return numbers.map((rowNumber, i) => {
    const values: Record<string, Scalar> = {};
    let outcome: Scalar = null;
    names.forEach((name, c) => {
      const value = columns[c]?.[i] ?? null;
      if (name === outcomeColumn) outcome = value;
      else values[name] = value;
    });
    return { recordId: String(rowNumber), eventTimeMs: times[i] as number, values, outcome };
  });
}

function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
