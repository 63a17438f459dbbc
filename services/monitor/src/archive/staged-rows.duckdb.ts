// Rows on their way into DuckDB, some thousands at a time: a number column is one list and a text column one text of
// all its values with a separator between them, which DuckDB takes apart itself. A call out of JavaScript for each
// value, as an appender makes it, costs more than everything else that is done with the row (2.7 of 6.5 µs of CPU for
// nine columns; so it is 0.7).

import {
  DOUBLE,
  type DuckDBConnection,
  DuckDBDataChunk,
  type DuckDBType,
  LIST,
  listValue,
  VARCHAR,
} from '@duckdb/node-api';
import type { ArchiveColumn, Value } from './archive-rows.js';

export interface StagedColumn extends ArchiveColumn {
  /** Of every row. */
  values: readonly Value[];
}

/** Lists and texts of this many rows: a few hundred KB of text. */
const PART_ROWS = 2_048;
/** Of the texts of a part, in a column of its own. */
const SEPARATOR = 'separator';

const TYPES: Readonly<Record<StagedColumn['kind'], { sql: string; type: DuckDBType }>> = {
  number: { sql: 'DOUBLE[]', type: LIST(DOUBLE) },
  text: { sql: 'VARCHAR', type: VARCHAR },
};

/** Into a temporary table, which the caller drops. Gives the query that has the rows. */
export async function stageRows(
  connection: DuckDBConnection,
  table: string,
  columns: readonly StagedColumn[],
): Promise<string> {
  const described = columns.map(({ name, kind }) => `${name} ${TYPES[kind].sql}`);
  await connection.run(`CREATE TEMP TABLE ${table} (${described.join(', ')}, ${SEPARATOR} VARCHAR)`);
  const appender = await connection.createAppender(table, undefined, 'temp');
  const rows = columns[0]?.values.length ?? 0;
  try {
    for (let from = 0; from < rows; from += PART_ROWS) {
      appender.appendDataChunk(partOf(columns, from));
      // Appending is work of the event loop's thread: others get their turn between parts.
      await new Promise((resolve) => setImmediate(resolve));
    }
  } finally {
    appender.closeSync();
  }
  const values = columns.map(({ name, kind }) =>
    kind === 'number' ? `unnest(${name}) AS ${name}` : `unnest(string_split(${name}, ${SEPARATOR})) AS ${name}`,
  );
  return `SELECT ${values.join(', ')} FROM ${table}`;
}

function partOf(columns: readonly StagedColumn[], from: number): DuckDBDataChunk {
  const parts = columns.map(({ values }) => values.slice(from, from + PART_ROWS));
  const { separator, texts } = joined(parts.filter((_, index) => columns[index]?.kind === 'text'));
  const chunk = DuckDBDataChunk.create([...columns.map(({ kind }) => TYPES[kind].type), VARCHAR], 1);
  for (const [index, { kind }] of columns.entries())
    chunk.setColumnValues(index, [kind === 'number' ? listValue(parts[index] ?? []) : (texts.shift() as string)]);
  chunk.setColumnValues(columns.length, [separator]);
  return chunk;
}

/**
 * The values of each column as one text, and what stands between them: something that no value has in it. It begins
 * with a character that it has nowhere else, so that it is found only where it was put.
 */
function joined(columns: readonly (readonly Value[])[]): { separator: string; texts: string[] } {
  for (let tried = 0; ; tried++) {
    const separator = tried === 0 ? '\u001f' : `\u001f${tried}\u001e`;
    const texts = columns.map((values) => values.join(separator));
    if (texts.every((text, index) => occurrences(text, separator) === Math.max(0, (columns[index]?.length ?? 0) - 1)))
      return { separator, texts };
  }
}

function occurrences(text: string, of: string): number {
  let found = 0;
  for (let at = text.indexOf(of); at >= 0; at = text.indexOf(of, at + of.length)) found += 1;
  return found;
}
