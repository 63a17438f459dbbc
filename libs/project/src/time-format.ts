// How a column of times is written where it is neither ISO 8601 nor milliseconds: the forms that `data.columns` may
// declare, and what a text or number of a form means. Always UTC. A day and month of one digit are read, too, and a
// time of day after a blank or T, with seconds, their parts, AM and PM. Of a year of two digits 69 to 99 are 1969 to
// 1999, as POSIX has it.
//
// Nothing is guessed here: 01/02/2026 is two days, and which one is said by the form.

import { timeOf } from '@millrace/domain';

export const TIME_FORMATS = [
  'DD.MM.YYYY',
  'DD/MM/YYYY',
  'MM/DD/YYYY',
  'DD-MM-YYYY',
  'MM-DD-YYYY',
  'YYYY/MM/DD',
  'YYYY.MM.DD',
  'DD.MM.YY',
  'DD/MM/YY',
  'MM/DD/YY',
  'YYYYMMDD',
  'epoch-s',
  'epoch-ms',
] as const;
export type TimeFormat = (typeof TIME_FORMATS)[number];

/** Forms that a text shows by its signs; the others are digits alone, which may be any number. */
export const WRITTEN_FORMATS = TIME_FORMATS.filter((format) => /[./-]\w/.test(format) && !format.startsWith('epoch'));

const DAY = /^(\d{1,4})([./-])(\d{1,2})\2(\d{1,4})(?:[T ]+(.+))?$/;
const TIME_OF_DAY = /^(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?(?: ?([AP])\.?M\.?)?$/i;
const PIVOT_YEAR = 69;

/** Milliseconds since the epoch; NaN where `raw` is not of the form. An ISO 8601 text is read in any of them. */
export function timeOfFormat(format: TimeFormat, raw: unknown): number {
  if (format === 'epoch-s' || format === 'epoch-ms') return ofEpoch(raw, format === 'epoch-s' ? 1_000 : 1);
  if (typeof raw !== 'string' && (typeof raw !== 'number' || format !== 'YYYYMMDD')) return Number.NaN;
  const text = String(raw).trim();
  if (format === 'YYYYMMDD' && /^\d{8}$/.test(text))
    return dayOf(Number(text.slice(0, 4)), Number(text.slice(4, 6)), Number(text.slice(6)));
  const ms = ofText(format, text);
  return Number.isNaN(ms) && /^\d{4}-\d{2}-\d{2}/.test(text) ? timeOf(text) : ms;
}

function ofEpoch(raw: unknown, unitMs: number): number {
  const number = typeof raw === 'string' && /^[+-]?\d+(\.\d+)?$/.test(raw.trim()) ? Number(raw) : raw;
  if (typeof number === 'number') return Number.isFinite(number) ? Math.round(number * unitMs) : Number.NaN;
  return typeof raw === 'string' && raw.includes('-') ? timeOf(raw) : Number.NaN;
}

function ofText(format: TimeFormat, text: string): number {
  const match = DAY.exec(text);
  if (match === null) return Number.NaN;
  const [, first = '', sign = '', middle = '', last = '', time] = match;
  if (!format.includes(sign)) return Number.NaN;
  const parts = format.split(sign);
  const given = [first, middle, last];
  // A year has as many digits as the form says, a day or month one or two.
  const fits = parts.every((part, i) => {
    const digits = given[i]?.length ?? 0;
    return part.startsWith('Y') ? digits === part.length : digits <= 2;
  });
  if (!fits) return Number.NaN;
  const of = (letter: string) => Number(given[parts.findIndex((part) => part.startsWith(letter))]);
  const year = of('Y');
  const century = format.includes('YYYY') ? 0 : year >= PIVOT_YEAR ? 1_900 : 2_000;
  return dayOf(century + year, of('M'), of('D')) + (time === undefined ? 0 : timeOfDay(time.trim()));
}

function dayOf(year: number, month: number, day: number): number {
  const date = new Date(Date.UTC(2000, month - 1, day));
  date.setUTCFullYear(year, month - 1, day);
  // A day that does not exist moves into the next month.
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day ? date.getTime() : Number.NaN;
}

function timeOfDay(text: string): number {
  const match = TIME_OF_DAY.exec(text);
  if (match === null) return Number.NaN;
  const [, hours = '', minutes = '', seconds = '0', part = '0', half] = match;
  const given = Number(hours);
  if (half !== undefined && (given < 1 || given > 12)) return Number.NaN;
  const hour = half === undefined ? given : (given % 12) + (half.toUpperCase() === 'P' ? 12 : 0);
  if (hour > 23 || Number(minutes) > 59 || Number(seconds) > 59) return Number.NaN;
  return (
    hour * 3_600_000 + Number(minutes) * 60_000 + Number(seconds) * 1_000 + Math.floor(Number(`0.${part}`) * 1_000)
  );
}
