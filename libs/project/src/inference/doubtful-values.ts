// Values of a column that are something else than the rest of it, and what becomes of them: a few that are no times,
// and a word of the column's own that is taken for no value. Said beside the column in the project file and on the
// terminal, for either may be a typo.

import type { ColumnProfile } from './column-profile.js';
import { MISFITS_MAX, type Misfits, VALUES_PER_MISFIT } from './date-evidence.js';

const SHOWN_MAX = 40;
/** What keeps a few misfits from being refused one by one. */
const DIGITS_SAY = 'digits alone would be read as milliseconds';

const isFew = (count: number, present: number): boolean => count <= present / VALUES_PER_MISFIT;

const thousands = (count: number): string => String(count).replace(/\B(?=(\d{3})+$)/g, ',');
const many = (count: number, one: string, more = `${one}s`): string =>
  `${count > MISFITS_MAX ? 'over ' : ''}${thousands(Math.min(count, MISFITS_MAX))} ${count === 1 ? one : more}`;

const shown = (text: string): string => `'${text.length > SHOWN_MAX ? `${text.slice(0, SHOWN_MAX)}…` : text}'`;

/** The only one, or the first of several. */
const place = ({ count, row, text }: Misfits): string =>
  `${count === 1 ? '' : 'the first '}in row ${thousands(row)}: ${shown(text)}`;

/** What is odd in a column, and what to do; undefined where nothing is. Ends without a full stop. */
export function doubtOf({ misfits, format, ownWord, nearNumbers }: ColumnProfile): string | undefined {
  if (misfits !== undefined) {
    const what = many(misfits.count, 'value is', 'values are');
    return `${what} no ${format ?? 'ISO 8601 time'}, ${place(misfits)}; ingest refuses such rows, mend them in the file`;
  }
  if (nearNumbers !== undefined) {
    const what = many(nearNumbers.count, 'value is no number', 'values are no numbers');
    return `${what}, ${place(nearNumbers)}, so that all are taken for texts; mend them in the file, and run \`new\` again`;
  }
  if (ownWord === undefined) return undefined;
  const { count, row, text } = ownWord;
  const where = count === 1 ? `row ${thousands(row)}` : `${many(count, 'row')}, the first is row ${thousands(row)}`;
  return (
    `${shown(text)} (${where}) is taken for no value; ` +
    "where it is a typo, take it out of 'missing' and mend the file: ingest refuses such rows then"
  );
}

/** Of a column that would be one of times if fewer values were none; undefined where it is not near that. */
export function notTimes({ name, present, nearTimes }: ColumnProfile): string | undefined {
  if (nearTimes === undefined) return undefined;
  const { form, misfits } = nearTimes;
  return (
    `${many(misfits.count, 'value')} of '${name}' (of ${thousands(present)}) ${misfits.count === 1 ? 'is' : 'are'} ` +
    `no ${form}, ${place(misfits)}; ${isFew(misfits.count, present) ? DIGITS_SAY : `at most 1 in ${VALUES_PER_MISFIT} may be none`}`
  );
}
