// Which of the remaining columns the model reads, and how: numeric or categorical; or why it does not read one. What
// says the label without exception is left out: it is the outcome in other words, and not known when it is asked for.

import type { Scalar } from '@millrace/domain';
import { applyLabelRule } from '../label-rule.js';
import type { LabelSpec } from '../project.js';
import { textValue } from '../text-value.js';
import type { ColumnProfile } from './column-profile.js';
import { CODE_WORDS, ID_WORDS, lastWordIn } from './column-words.js';
import type { TableProfile } from './table-profile.js';

export type FeatureChoice =
  | { readonly kind: 'numeric' | 'categorical'; readonly why: string }
  | { readonly kind: 'none'; readonly why: string };

/** A category is learnt from the rows that have it: fewer on average, and most of them are noise. */
const ROWS_PER_CATEGORY_MIN = 5;
/** An id that comes this often names a kind of thing. */
const ROWS_PER_CODE_MIN = 20;
/** Rows of each class before "without exception" says anything. */
const ROWS_PER_CLASS_MIN = 20;
/** Longer texts, most of them different, are prose. */
const PROSE_LENGTH = 64;

const none = (why: string): FeatureChoice => ({ kind: 'none', why });

/** Whole numbers that a double does not hold: only an id or an entity may be, or a text. */
export function isBeyondDouble({ type, range }: ColumnProfile): boolean {
  if (type !== 'integer' || range === null) return false;
  return range.max > Number.MAX_SAFE_INTEGER || range.min < Number.MIN_SAFE_INTEGER;
}

export function chooseFeature(column: ColumnProfile, rows: number): FeatureChoice {
  const { name, type, present, distinct, isCounted, countsRows } = column;
  if (present === 0) return none('it is empty');
  if (column.couldBe !== undefined)
    return none(`its dates may be ${column.couldBe.join(' or ')}: --date-format says which`);
  if (column.commas !== undefined)
    return none(
      column.commas === 'all'
        ? 'its numbers have a decimal comma: --decimal , reads them'
        : 'its numbers have a decimal comma in some rows and a point in others: mend the file',
    );
  if (isCounted && distinct === 1) return none('it has one value only');
  if (isBeyondDouble(column)) return none('it has whole numbers beyond 2^53, which only an id or an entity may have');
  const rowsPerValue = present / distinct;
  const isCode = lastWordIn(name, CODE_WORDS) !== undefined && isCounted && rowsPerValue >= ROWS_PER_CODE_MIN;
  switch (type) {
    case 'timestamp':
      return none('it is a time; a column derived from it can be a feature (derive)');
    case 'boolean':
      return { kind: 'categorical', why: 'it says yes or no' };
    case 'number':
      return { kind: 'numeric', why: 'it holds numbers' };
    case 'integer':
      if (countsRows && present === rows) return none('it counts the rows');
      if (isCode) return { kind: 'categorical', why: `it names one of ${distinct} kinds` };
      if (lastWordIn(name, ID_WORDS) !== undefined && rowsPerValue < ROWS_PER_CODE_MIN)
        return none('it is a name of things that hardly come again');
      return { kind: 'numeric', why: 'it holds whole numbers' };
    case 'text':
      return chooseText(column, rowsPerValue);
  }
}

function chooseText({ distinct, isCounted, isUnique, longest }: ColumnProfile, rowsPerValue: number): FeatureChoice {
  if (isUnique) return none('it is different in every row');
  if (isCounted && rowsPerValue >= ROWS_PER_CATEGORY_MIN)
    return { kind: 'categorical', why: `it has ${distinct} values` };
  const many = `${isCounted ? '' : 'more than '}${distinct} values`;
  return none(longest > PROSE_LENGTH ? `it is prose (${many})` : `it has ${many}, too few rows each to learn from`);
}

/** Columns that say the label without exception in the sampled rows; each with the number of rows that say so. */
export function leaksOf(table: TableProfile, label: LabelSpec): Map<string, number> {
  const at = table.columns.findIndex(({ name }) => name === label.column);
  const outcome = table.columns[at];
  const leaks = new Map<string, number>();
  if (outcome === undefined) return leaks;
  const sampled = (column: ColumnProfile, i: number): unknown[] =>
    table.sample.map((row) =>
      table.source === 'text' ? textValue(column, (row[i] ?? null) as string | null, table.decimal) : row[i],
    );
  const classes = sampled(outcome, at).map((value) =>
    isAbsent(value) ? null : applyLabelRule(label, value as Scalar),
  );
  table.columns.forEach((column, i) => {
    if (i === at || column.type === 'timestamp' || column.isNested) return;
    const values = sampled(column, i);
    const rows = column.range === null ? saysByValue(values, classes) : saysByBound(values, classes);
    if (rows > 0) leaks.set(column.name, rows);
  });
  return leaks;
}

const isAbsent = (value: unknown): boolean => value === null || value === undefined || value === '';

/** Rows, or 0: each value has one class only, both classes are there, and values come often enough to say so. */
function saysByValue(values: readonly unknown[], classes: readonly (number | null)[]): number {
  const classOf = new Map<unknown, number>();
  const rows = [0, 0];
  for (let i = 0; i < values.length; i++) {
    const [value, label] = [values[i], classes[i]];
    if (isAbsent(value) || label === null || label === undefined) continue;
    const known = classOf.get(value);
    if (known === undefined) classOf.set(value, label);
    else if (known !== label) return 0;
    rows[label] = (rows[label] ?? 0) + 1;
  }
  const [no = 0, yes = 0] = rows;
  const enough = Math.min(no, yes) >= ROWS_PER_CLASS_MIN && no + yes >= ROWS_PER_CLASS_MIN * classOf.size;
  return enough ? no + yes : 0;
}

/** Rows, or 0: all numbers of one class lie below all numbers of the other. */
function saysByBound(values: readonly unknown[], classes: readonly (number | null)[]): number {
  const [low, high, rows] = [
    [Infinity, Infinity],
    [-Infinity, -Infinity],
    [0, 0],
  ] as [number[], number[], number[]];
  for (let i = 0; i < values.length; i++) {
    const label = classes[i];
    if (isAbsent(values[i]) || (label !== 0 && label !== 1)) continue;
    const number = Number(values[i]);
    low[label] = Math.min(low[label] as number, number);
    high[label] = Math.max(high[label] as number, number);
    rows[label] = (rows[label] as number) + 1;
  }
  const [no = 0, yes = 0] = rows;
  const apart = (high[0] as number) < (low[1] as number) || (high[1] as number) < (low[0] as number);
  return apart && Math.min(no, yes) >= ROWS_PER_CLASS_MIN ? no + yes : 0;
}
