// In which ways a column's values can be read as times where they are not ISO 8601: texts with signs by the forms that
// fit them, whole numbers by the column's name and how far they reach. More than one way stays open: which of day and
// month comes first nobody can see in 01/02/2026.
//
// A typo takes no column its times: a form holds where at most one value in VALUES_PER_MISFIT cannot be read by it, and
// the fewest of all forms. What cannot be read is counted, with its first place; ingest refuses those rows.
//
// Cost: a regular expression a value, and a parse a form of what looks like a date.

import { timeOf } from '@millrace/domain';
import type { ColumnType } from '../project.js';
import { type TimeFormat, timeOfFormat, WRITTEN_FORMATS } from '../time-format.js';
import { hasWord, TIME_WORDS } from './column-words.js';
import { RisingNumbers } from './rising-numbers.js';

const LOOKS_WRITTEN = /^\s*\d{1,4}[./-]\d{1,2}[./-]\d/;
/** Ingest reads digits alone as milliseconds where no form is declared: it would not refuse them. */
const DIGITS = /^\s*[+-]?\d+\s*$/;
/** The years that whole numbers are looked for in: earlier and later ones are rarer than other numbers of that size. */
const EARLIEST_MS = Date.UTC(1990, 0, 1);
/** Of eight digits each of which is a day of the calendar, under a name that says so: hardly anything else. */
const EARLIEST_DAY_MS = Date.UTC(1900, 0, 1);
const LATEST_MS = Date.UTC(2100, 0, 1);
/** Typos are rarer than this, and a column of which more is no time is of something else. */
export const VALUES_PER_MISFIT = 100;
/** Counted no further: too many of a million values, and more rows `new` does not read. */
export const MISFITS_MAX = 10_000;

/** Values that cannot be read as what the others are. */
export interface Misfits {
  readonly count: number;
  /** The first of them; 1 = the first row. */
  readonly row: number;
  readonly text: string;
}

export interface ReadTimes {
  /** undefined: ISO 8601. */
  readonly format?: TimeFormat;
  readonly neverFalls: boolean;
  readonly range: { readonly min: number; readonly max: number };
  readonly misfits?: Misfits;
}

/** Times in a form that too many values are not in. */
export interface NearTimes {
  readonly form: TimeFormat | 'ISO 8601';
  /** Whether it is so near that the column is meant to be of times. */
  readonly isMeant: boolean;
  readonly misfits: Misfits;
}

const ISO = 'ISO 8601';
type Form = TimeFormat | typeof ISO;

/** A column, read by one form. */
class Reading {
  readonly order = new RisingNumbers();
  fits = 0;
  misfits: Misfits | undefined;

  constructor(readonly form: Form) {}

  take(text: string, row: number, looksWritten: boolean): void {
    if (this.misfitsCount > MISFITS_MAX) return;
    const ms = looksWritten || this.form === 'YYYYMMDD' ? this.read(text) : Number.NaN;
    if (Number.isNaN(ms)) {
      this.misfits = { ...(this.misfits ?? { row, text }), count: this.misfitsCount + 1 };
      return;
    }
    this.fits += 1;
    this.order.take(ms);
  }

  get misfitsCount(): number {
    return this.misfits?.count ?? 0;
  }

  get times(): ReadTimes {
    const { form, misfits } = this;
    const { neverFalls, range } = this.order;
    return {
      ...(form === ISO ? {} : { format: form }),
      neverFalls,
      range,
      ...(misfits === undefined ? {} : { misfits }),
    };
  }

  private read(text: string): number {
    return this.form === ISO ? timeOf(text.trim()) : timeOfFormat(this.form, text);
  }
}

export class DateEvidence {
  private readonly readings: Reading[];
  private readonly days: Reading | undefined;
  private readonly saysTime: boolean;
  private taken = 0;
  private hasDigits = false;

  constructor(name: string) {
    this.saysTime = hasWord(name, TIME_WORDS);
    // 1.2.10 is a version, too: a year of two digits counts only where the name says that it is a time.
    const possible = WRITTEN_FORMATS.filter((format) => this.saysTime || format.includes('YYYY'));
    this.readings = [ISO, ...possible].map((form) => new Reading(form as Form));
    this.days = this.saysTime ? new Reading('YYYYMMDD') : undefined;
  }

  /** Every value of the column in the order of the rows. */
  take(text: string, row: number): void {
    this.taken += 1;
    this.days?.take(text, row, false);
    const looksWritten = LOOKS_WRITTEN.test(text);
    this.hasDigits ||= !looksWritten && DIGITS.test(text);
    for (const reading of this.readings) reading.take(text, row, looksWritten);
  }

  /** Whether so many values of the column may be typos. */
  isFew(count: number): boolean {
    return count <= Math.min(MISFITS_MAX, this.taken / VALUES_PER_MISFIT);
  }

  /** Forms that fit the values so far, but for a few; none where all fit ISO 8601. Says nothing before the first. */
  get formats(): readonly TimeFormat[] {
    return this.best.flatMap(({ form }) => (form === ISO ? [] : form));
  }

  /** Whether the values so far are times in any form. */
  get areTimes(): boolean {
    return this.best.length > 0;
  }

  /**
   * @param type what the values are without this
   * @param wished forms that count where several fit
   * @param said the form that a person has named
   * @param numbers the values, where they are numbers
   */
  chosen(
    type: ColumnType,
    wished: ReadonlySet<TimeFormat>,
    said: TimeFormat | undefined,
    numbers: RisingNumbers,
  ): ReadTimes | undefined {
    if (type === 'integer') return this.saysTime ? this.ofNumbers(numbers) : undefined;
    if (type !== 'text') return undefined;
    const meant = this.readings.find((reading) => reading.form === said && this.holds(reading));
    const fitting = meant === undefined ? this.best : [meant];
    const [found, other] =
      fitting.length === 1 ? fitting : fitting.filter(({ form }) => form !== ISO && wished.has(form));
    return found === undefined || other !== undefined ? undefined : found.times;
  }

  /** The form that comes nearest, or the one that was named, where too many values are not in it. */
  near(said: TimeFormat | undefined): NearTimes | undefined {
    const [nearest] = [...this.readings].sort((a, b) => b.fits - a.fits);
    const reading = this.readings.find(({ form }) => form === said) ?? nearest;
    const isMeant = (reading?.fits ?? 0) > this.taken / 2;
    if (reading?.misfits === undefined || !(isMeant || reading.form === said)) return undefined;
    return { form: reading.form, isMeant, misfits: reading.misfits };
  }

  private holds({ misfitsCount, form }: Reading): boolean {
    return this.isFew(misfitsCount) && (form !== ISO || !this.hasDigits);
  }

  /** Those that the fewest values do not fit. An ISO 8601 text is read in any form, and is none of them. */
  private get best(): readonly Reading[] {
    if (this.taken === 0) return [];
    const holding = this.readings.filter((reading) => this.holds(reading));
    const fewest = Math.min(...holding.map(({ misfitsCount }) => misfitsCount));
    const best = holding.filter(({ misfitsCount }) => misfitsCount === fewest);
    const iso = best.filter(({ form }) => form === ISO);
    if (iso.length > 0) return iso;
    // All written in ISO 8601 but for a few digits: the other forms read those dates, too, and nobody means them.
    const written = this.readings.find(({ form }) => form === ISO);
    return written !== undefined && best.length > 1 && written.misfitsCount <= fewest ? [] : best;
  }

  private ofNumbers({ neverFalls, range }: RisingNumbers): ReadTimes | undefined {
    if (this.days !== undefined && this.isFew(this.days.misfitsCount)) {
      const { min, max } = this.days.order.range;
      if (min >= EARLIEST_DAY_MS && max < LATEST_MS) return this.days.times;
    }
    for (const format of ['epoch-s', 'epoch-ms'] as const) {
      const [min, max] = [timeOfFormat(format, range.min), timeOfFormat(format, range.max)];
      if (min >= EARLIEST_MS && max < LATEST_MS) return { format, neverFalls, range: { min, max } };
    }
    return undefined;
  }
}
