// Evaluation slice by slice: the rows of each value of a column, judged apart. A column's most frequent values are
// taken; bounds keep a report readable and a message small, and what they leave out is in the figures of all rows only.

import type { Slice, TaskKind } from '@millrace/domain';
import { evaluate } from './evaluate.js';
import type { SliceEvaluation } from './evaluation.js';
import type { ScoredRows } from './scored-rows.js';

/** Values of one column; as many as a person compares. */
export const SLICE_VALUES_MAX = 20;
/** Fewer rows say nothing: the standard error of an AUC is then above 0.1. */
export const SLICE_ROWS_MIN = 50;

export interface SlicedRows extends ScoredRows {
  /** Event time of each row. */
  readonly eventTimeMs: ArrayLike<number>;
  /** Values by column, in the order of the rows; null = missing. */
  readonly columns: Readonly<Record<string, ArrayLike<string | number | boolean | null>>>;
}

/** In the order of `columns`, most rows first. */
export function evaluateSlices(task: TaskKind, rows: SlicedRows, columns: readonly string[]): SliceEvaluation[] {
  return columns.flatMap((column) => {
    const values = rows.columns[column];
    if (values === undefined) throw new Error(`no values of the slice column "${column}"`);
    return largestGroups(values).map(([value, members]) => sliceOf(task, rows, { column, value }, members));
  });
}

/** Row numbers by value, as text; rows without a value are in no slice. */
function largestGroups(values: ArrayLike<string | number | boolean | null>): [string, number[]][] {
  const groups = new Map<string, number[]>();
  for (let row = 0; row < values.length; row++) {
    const value = values[row];
    if (value === null || value === undefined) continue;
    const text = String(value);
    const group = groups.get(text);
    if (group === undefined) groups.set(text, [row]);
    else group.push(row);
  }
  return [...groups]
    .filter(([, members]) => members.length >= SLICE_ROWS_MIN)
    .sort(([a, ofA], [b, ofB]) => ofB.length - ofA.length || (a < b ? -1 : 1))
    .slice(0, SLICE_VALUES_MAX);
}

function sliceOf(task: TaskKind, rows: SlicedRows, slice: Slice, members: readonly number[]): SliceEvaluation {
  const pick = (of: ArrayLike<number>) => Float64Array.from(members, (row) => of[row] as number);
  const times = pick(rows.eventTimeMs);
  const span = {
    eventTimeFromMs: times.reduce((a, b) => Math.min(a, b)),
    eventTimeToMs: times.reduce((a, b) => Math.max(a, b)),
  };
  return { ...slice, evaluation: evaluate(task, { labels: pick(rows.labels), scores: pick(rows.scores) }, span) };
}
