// Which columns could be the event time, the entity, the record id and the label: by their names and by what they hold,
// the likeliest first, each with the reason in words. A score only orders candidates of one role; it is no probability.

import { EVENT_TIME_AHEAD_MS_MAX } from '@millrace/domain';
import type { ColumnProfile } from './column-profile.js';
import {
  ENTITY_WORDS,
  hasWord,
  ID_WORDS,
  isYesWord,
  LABEL_WORDS,
  lastWordIn,
  OUTCOME_WORDS,
  TIME_WORDS,
  WHOLE_LABELS,
  wordIn,
  wordsOf,
} from './column-words.js';
import { notTimes } from './doubtful-values.js';
import type { TableProfile } from './table-profile.js';

export interface Candidate {
  readonly column: ColumnProfile;
  readonly score: number;
  /** Ends "…, because". */
  readonly why: string;
}

/** An entity comes again: at least this many rows each, on average. */
const ROWS_PER_ENTITY_MIN = 1.1;
/** Fewer are kinds of things, not things. */
const ENTITIES_MIN = 50;
/** A label that has more values is no answer to a question. */
const LABEL_VALUES_MAX = 20;
/** Columns told that are no event time. */
const REASONS_MAX = 3;
/** Longer texts are sentences, not ids. */
const ID_LENGTH_MAX = 64;

const ranked = (candidates: (Candidate | null)[]): Candidate[] =>
  candidates.filter((candidate) => candidate !== null).sort((a, b) => b.score - a.score);

const candidate = (column: ColumnProfile, reasons: readonly (readonly [number, string] | null)[]): Candidate => {
  const given = reasons.filter((reason) => reason !== null);
  return {
    column,
    score: given.reduce((sum, [points]) => sum + points, 0),
    why: given.map(([, why]) => why).join(', '),
  };
};

/** Times in every row, none of them ahead of `nowMs`: a record without a time, or of tomorrow, would be bad. */
export function eventTimes({ rows, columns }: TableProfile, nowMs: number): Candidate[] {
  const times = columns.filter(
    ({ type, present, range }) =>
      type === 'timestamp' &&
      present === rows &&
      rows > 0 &&
      (range?.max ?? Number.POSITIVE_INFINITY) <= nowMs + EVENT_TIME_AHEAD_MS_MAX,
  );
  return ranked(
    times.map((column) =>
      candidate(column, [
        times.length === 1 ? [2, 'it is the only time that every row has'] : [1, 'every row has it'],
        column.neverFalls && column.distinct > 1 ? [2, 'it never falls from row to row'] : null,
        hasWord(column.name, TIME_WORDS) ? [1, `it is called ${wordIn(column.name, TIME_WORDS)}`] : null,
      ]),
    ),
  );
}

/** Why times are no event time, for somebody who sees them in the file; undefined where there are none. */
export function noEventTime({ rows, columns }: TableProfile, nowMs: number): string | undefined {
  const times = columns.filter(
    ({ type, couldBe, nearTimes }) => type === 'timestamp' || couldBe !== undefined || nearTimes?.isMeant,
  );
  const said = times.map((column) => {
    const { name, present, range, couldBe } = column;
    if (couldBe !== undefined) return `'${name}' may be ${couldBe.join(' or ')} (--date-format says which)`;
    if (column.type === 'text') return notTimes(column);
    if (present < rows) return `'${name}' is missing in ${rows - present} of ${rows} rows`;
    return (range?.max ?? 0) > nowMs + EVENT_TIME_AHEAD_MS_MAX ? `'${name}' has times in the future` : undefined;
  });
  const reasons = said.filter((one) => one !== undefined).slice(0, REASONS_MAX);
  return reasons.length === 0 ? undefined : reasons.join(', ');
}

/** A name and no repeated value. The number of the row is none: the next file begins at the same number. */
export function recordIds({ rows, columns }: TableProfile): Candidate[] {
  return ranked(
    columns.map((column) => {
      const { name, type, present, isUnique, longest, countsRows } = column;
      if ((type !== 'text' && type !== 'integer') || present !== rows || !isUnique || longest > ID_LENGTH_MAX)
        return null;
      const word = wordIn(name, ID_WORDS);
      if (word === undefined) return null;
      return candidate(column, [
        [2, `it is called ${word}`],
        [1, 'no value comes twice'],
        countsRows ? [-1, 'though it counts the rows'] : null,
      ]);
    }),
  );
}

export function entities({ rows, columns }: TableProfile): Candidate[] {
  return ranked(
    columns.map((column) => {
      const { name, type, present, distinct, isCounted, longest } = column;
      if ((type !== 'text' && type !== 'integer') || present !== rows || longest > ID_LENGTH_MAX) return null;
      const rowsEach = rows / distinct;
      const id = lastWordIn(name, ID_WORDS);
      // "device_id" and "device" are devices; "device_protection" is not.
      const thing = id === undefined ? lastWordIn(name, ENTITY_WORDS) : wordIn(name, ENTITY_WORDS);
      if (!isCounted || distinct < ENTITIES_MIN || rowsEach < ROWS_PER_ENTITY_MIN || thing === undefined) return null;
      return candidate(column, [
        [2, `it is called ${thing}`],
        id === undefined ? null : [2, `and ${id}`],
        [1, `each of its ${distinct} values has ${rowsEach.toFixed(1)} rows on average`],
      ]);
    }),
  );
}

/**
 * Columns of two values, and those of a few that are called an outcome and say yes: what can be asked with yes or no.
 */
export function labels({ columns }: TableProfile): Candidate[] {
  return ranked(
    columns.map((column, at) => {
      const { name, type, distinct, isCounted } = column;
      const words = wordsOf(name);
      const label = lastWordIn(name, LABEL_WORDS) ?? (words.length === 1 ? wordIn(name, WHOLE_LABELS) : undefined);
      const isAnswer = distinct === 2 || (label !== undefined && distinct <= LABEL_VALUES_MAX && saysYes(column));
      if (!isCounted || distinct < 2 || !isAnswer || type === 'timestamp') return null;
      const outcome = wordIn(name, OUTCOME_WORDS);
      return candidate(column, [
        distinct === 2 ? [1, 'it has two values'] : [0, `one of its ${distinct} values says yes`],
        label === undefined ? null : [4, `it is called ${label}`],
        label !== undefined || outcome === undefined ? null : [3, `it is called ${outcome}`],
        at === columns.length - 1 ? [2, 'it is the last column'] : null,
        ['is', 'has', 'was'].includes(words[0] ?? '') ? [1, 'its name is a question'] : null,
      ]);
    }),
  );
}

/** A few values under the name of an outcome: one of them can be asked for, and somebody has to say which. */
function classes({ columns }: TableProfile): readonly ColumnProfile[] {
  return columns.filter(
    (column) =>
      hasFewValues(column) &&
      (lastWordIn(column.name, LABEL_WORDS) !== undefined || wordIn(column.name, OUTCOME_WORDS) !== undefined),
  );
}

/** More than two, and so few that one of them can be asked for. */
export const hasFewValues = ({ isCounted, distinct, type }: ColumnProfile): boolean =>
  type !== 'timestamp' && isCounted && distinct > 2 && distinct <= LABEL_VALUES_MAX;

/**
 * Columns that a rule could make a label of, whatever they are called, likeliest first: those that are called like an
 * outcome, then later ones before earlier ones, for an outcome is written down last.
 */
export function ruleColumns(table: TableProfile): readonly ColumnProfile[] {
  const isNumber = ({ type, isUnique, countsRows, distinct }: ColumnProfile) =>
    (type === 'number' || (type === 'integer' && !isUnique)) && !countsRows && distinct > 2;
  return [
    ...new Set([...classes(table), ...table.columns.toReversed().filter((one) => hasFewValues(one) || isNumber(one))]),
  ];
}

const saysYes = ({ type, values }: ColumnProfile): boolean =>
  type === 'text' && values.some(({ text }) => isYesWord(text));
