// In which ways a column's values can be read as times where they are not ISO 8601: texts with signs by the forms that
// fit every one of them, whole numbers by the column's name and how far they reach. More than one way stays open: which
// of day and month comes first nobody can see in 01/02/2026.

import type { ColumnType } from '../project.js';
import { type TimeFormat, timeOfFormat, WRITTEN_FORMATS } from '../time-format.js';
import { hasWord, TIME_WORDS } from './column-words.js';
import { RisingNumbers } from './rising-numbers.js';

const LOOKS_WRITTEN = /^\s*\d{1,4}[./-]\d{1,2}[./-]\d/;
/** The years that whole numbers are looked for in: earlier and later ones are rarer than other numbers of that size. */
const EARLIEST_MS = Date.UTC(1990, 0, 1);
/** Of eight digits each of which is a day of the calendar, under a name that says so: hardly anything else. */
const EARLIEST_DAY_MS = Date.UTC(1900, 0, 1);
const LATEST_MS = Date.UTC(2100, 0, 1);

export interface ReadTimes {
  readonly format: TimeFormat;
  readonly neverFalls: boolean;
  readonly range: { readonly min: number; readonly max: number };
}

export class DateEvidence {
  private readonly orders: Map<TimeFormat, RisingNumbers>;
  private readonly saysTime: boolean;
  private areDays = true;

  constructor(name: string) {
    this.saysTime = hasWord(name, TIME_WORDS);
    // 1.2.10 is a version, too: a year of two digits counts only where the name says that it is a time.
    const possible = WRITTEN_FORMATS.filter((format) => this.saysTime || format.includes('YYYY'));
    this.orders = new Map(possible.map((format) => [format, new RisingNumbers()]));
  }

  /** Every value of the column in the order of the rows. */
  take(text: string): void {
    if (this.areDays && this.saysTime) this.areDays = !Number.isNaN(timeOfFormat('YYYYMMDD', text));
    if (this.orders.size === 0) return;
    if (!LOOKS_WRITTEN.test(text)) {
      this.orders.clear();
      return;
    }
    for (const [format, order] of this.orders) {
      const ms = timeOfFormat(format, text);
      if (Number.isNaN(ms)) this.orders.delete(format);
      else order.take(ms);
    }
  }

  /** Forms that fit every value so far; says nothing before the first. */
  get formats(): readonly TimeFormat[] {
    return [...this.orders.keys()];
  }

  /**
   * @param type what the values are without this
   * @param wished forms that count where several fit
   * @param numbers the values, where they are numbers
   */
  chosen(type: ColumnType, wished: ReadonlySet<TimeFormat>, numbers: RisingNumbers): ReadTimes | undefined {
    if (type === 'integer') return this.saysTime ? this.ofNumbers(numbers) : undefined;
    if (type !== 'text') return undefined;
    const fitting = [...this.orders];
    const meant = fitting.length === 1 ? fitting : fitting.filter(([format]) => wished.has(format));
    const [found, other] = meant;
    if (found === undefined || other !== undefined) return undefined;
    const [format, { neverFalls, range }] = found;
    return { format, neverFalls, range };
  }

  private ofNumbers({ neverFalls, range }: RisingNumbers): ReadTimes | undefined {
    const forms: TimeFormat[] = this.areDays ? ['YYYYMMDD', 'epoch-s', 'epoch-ms'] : ['epoch-s', 'epoch-ms'];
    for (const format of forms) {
      const [min, max] = [timeOfFormat(format, range.min), timeOfFormat(format, range.max)];
      const earliestMs = format === 'YYYYMMDD' ? EARLIEST_DAY_MS : EARLIEST_MS;
      if (min >= earliestMs && max < LATEST_MS) return { format, neverFalls, range: { min, max } };
    }
    return undefined;
  }
}
