// Rows of a file on their way into requests, and which of them go together where each has its own event time: a request
// has one, so that rows of one window go in one and the others apart.

import type { CellValue } from './row-tensors.js';

/** Some rows of the table, column by column. */
export interface RowBlock {
  readonly rows: number;
  /** One array an input column. */
  readonly columns: readonly (readonly CellValue[])[];
  /** Why a row cannot be sent, by position in the block. */
  readonly bad: ReadonlyMap<number, string>;
  /** Event time of each row in milliseconds; undefined = answers count at the time of the answer. */
  readonly times?: readonly (number | undefined)[];
  /** Of each row, '' = none: its record id, under which its prediction is known; its entity. */
  readonly ids?: readonly string[];
  readonly entities?: readonly string[];
}

/** What a row says of itself beside the model's inputs. */
export type Beside = 'times' | 'ids' | 'entities';

/** A block whose last columns are of these kinds, in their order, as one that says so. */
export function withBeside({ columns, ...block }: RowBlock, kinds: readonly Beside[]): RowBlock {
  const inputs = columns.length - kinds.length;
  const beside = kinds.map((kind, at) => {
    const cells = columns[inputs + at] ?? [];
    const values =
      kind === 'times'
        ? cells.map((one) => (one === null ? undefined : Number(one)))
        : cells.map((one) => (one === null ? '' : String(one)));
    return [kind, values] as const;
  });
  return { ...block, columns: columns.slice(0, inputs), ...Object.fromEntries(beside) };
}

/** Rows of a block that go in one request, by their place, and the event time of all of them. */
export interface TimedRows {
  readonly rows: readonly number[];
  readonly timeMs: number | undefined;
}

/** Rows [from, to) by the window that they lie in, the earliest first; those without a time come last. */
export function byWindow(
  times: readonly (number | undefined)[],
  from: number,
  to: number,
  windowMs: number,
): TimedRows[] {
  const windows = new Map<number, number[]>();
  for (let row = from; row < to; row++) {
    const window = Math.floor((times[row] ?? Number.POSITIVE_INFINITY) / windowMs);
    const rows = windows.get(window);
    if (rows === undefined) windows.set(window, [row]);
    else rows.push(row);
  }
  return [...windows]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, rows]) => ({ rows, timeMs: times[rows[0] as number] }));
}

/** Those rows alone, without times. */
export function rowsOf({ columns, bad, ids, entities }: RowBlock, rows: readonly number[]): RowBlock {
  return {
    rows: rows.length,
    ...(ids === undefined ? {} : { ids: rows.map((row) => ids[row] ?? '') }),
    ...(entities === undefined ? {} : { entities: rows.map((row) => entities[row] ?? '') }),
    columns: columns.map((column) => rows.map((row) => column[row] ?? null)),
    bad: new Map(
      rows.flatMap((row, at) => {
        const error = bad.get(row);
        return error === undefined ? [] : [[at, error] as const];
      }),
    ),
  };
}
