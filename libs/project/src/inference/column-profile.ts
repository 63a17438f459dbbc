// What one column of a table holds: the narrowest type that every value has, how many differ, whether any comes twice,
// whether numbers and times only rise. Texts of a file are read by `textValue`, as ingest will read them; values that
// have a type of their own (JSON, Parquet) keep it. Words for "no value" (missing-words.ts) stand beside until it is
// known what the others are, and what the rest of the table takes for one.
//
// Cost: one map look-up a value, more where it is new. Memory: `valuesMax` texts, and, while no value has come twice,
// all of an integer or text column up to UNIQUE_ROWS_MAX.

import { timeOf } from '@millrace/domain';
import type { ColumnType } from '../project.js';
import { textValue } from '../text-value.js';
import type { TimeFormat } from '../time-format.js';
import { DateEvidence, type Misfits, type NearTimes, VALUES_PER_MISFIT } from './date-evidence.js';
import { isMissingWord, isNeverValue, isThirdAnswer } from './missing-words.js';
import { RisingNumbers } from './rising-numbers.js';

/** Beyond this many rows nobody knows whether a column's values all differ; ids of so many are 60 MB already. */
const UNIQUE_ROWS_MAX = 1_000_000;
const EXAMPLES_MAX = 3;
/** Of different numbers, beside which one word that comes again and again says that there is none. */
const NUMBERS_MIN = 20;
/** A whole number as it is written where it is one: 007 is an article's number, 1.0 a measurement. */
const WHOLE = /^[+-]?(0|[1-9]\d*)$/;
const LEADING_ZERO = /^[+-]?0\d/;

export type ValueSource = 'text' | 'typed';

export interface ColumnProfile {
  readonly name: string;
  readonly type: ColumnType;
  readonly present: number;
  /** Different values; the least there are where `isCounted` is false. */
  readonly distinct: number;
  readonly isCounted: boolean;
  /** Every value once, as far as is known. */
  readonly isUnique: boolean;
  /** Numbers and times that never fall from row to row. */
  readonly neverFalls: boolean;
  /** Whole numbers, each one more than the one before: the number of the row, whatever it is called. */
  readonly countsRows: boolean;
  /** Of numbers and times. */
  readonly range: { readonly min: number; readonly max: number } | null;
  /** Longest text in characters. */
  readonly longest: number;
  /** Values as texts, the most frequent first; all of them where `isCounted`. */
  readonly values: readonly { readonly text: string; readonly count: number }[];
  readonly examples: readonly string[];
  /** Objects or lists stand in it, which no column can hold. */
  readonly isNested: boolean;
  /** Texts that stand for no value; not among `values`. */
  readonly missing: readonly string[];
  /** Of a timestamp column that is neither in ISO 8601 nor in milliseconds. */
  readonly format?: TimeFormat;
  /** Of a timestamp column: the few values that are no times. */
  readonly misfits?: Misfits;
  /** Of a text column that would be one of times, if fewer values were none. */
  readonly nearTimes?: NearTimes;
  /** Of a text column that would be one of numbers but for these few. */
  readonly nearNumbers?: Misfits;
  /** Of `missing`: the one that stands for no value in this column only, which nobody but the table has said. */
  readonly ownWord?: Misfits;
  /** A text column of dates that may be read in each of these ways. */
  readonly couldBe?: readonly TimeFormat[];
  /** A text column of numbers: all with commas for the decimal point, or some of them. */
  readonly commas?: 'all' | 'some';
}

/** What is known of the whole table, or said of it. */
export interface TableTerms {
  /** Words that stand for no value in columns whose other values show it. */
  readonly missing: ReadonlySet<string>;
  /** Of dates that could be read in two ways. */
  readonly formats: ReadonlySet<TimeFormat>;
  /** The form of dates that a person has named. */
  readonly saidFormat?: TimeFormat | undefined;
}

const NOTHING_KNOWN: TableTerms = { missing: new Set(), formats: new Set() };

interface Entry {
  count: number;
  /** Of a text: whether it is a number. */
  readonly isNumber: boolean;
  /** As number or time; NaN for what is neither. */
  readonly number: number;
}

type Decimal = '.' | ',';
type Fits = Readonly<Record<Exclude<ColumnType, 'text'>, (raw: unknown, decimal: Decimal) => boolean>>;

const FITS: Readonly<Record<ValueSource, Fits>> = {
  typed: {
    // A bigint is one that a double does not hold: an id, which only an integer column keeps whole.
    integer: (raw) => typeof raw === 'bigint' || Number.isSafeInteger(raw),
    number: (raw) => typeof raw === 'bigint' || Number.isFinite(raw),
    boolean: (raw) => typeof raw === 'boolean',
    timestamp: (raw) => typeof raw === 'string' && !Number.isNaN(timeOf(raw)),
  },
  text: {
    integer: (raw) => WHOLE.test(String(raw).trim()) && Number.isSafeInteger(Number(raw)),
    number: (raw, decimal) => isNumber(String(raw).trim(), decimal),
    boolean: (raw) => typeof textValue({ type: 'boolean' }, String(raw)) === 'boolean',
    timestamp: (raw) => {
      const value = textValue({ type: 'timestamp' }, String(raw));
      return typeof value === 'string' && !Number.isNaN(timeOf(value));
    },
  },
};

/** Digits that a double would drop (an id above 2^53) or a zero in front make it a name, not a number. */
function isNumber(text: string, decimal: Decimal): boolean {
  if (LEADING_ZERO.test(text) || (WHOLE.test(text) && !Number.isSafeInteger(Number(text)))) return false;
  const value = textValue({ type: 'number' }, text, decimal);
  return typeof value === 'number' && Number.isFinite(value);
}

function isMissing(raw: unknown): boolean {
  if (raw === null || raw === undefined) return true;
  return typeof raw === 'string' ? raw.trim() === '' : typeof raw === 'number' && Number.isNaN(raw);
}

/** In the order in which they are preferred: 0 and 1 are numbers, not words for no and yes. */
const TYPES = ['integer', 'number', 'boolean', 'timestamp'] as const;

export class ColumnProfiler {
  private readonly open = new Set<Exclude<ColumnType, 'text'>>(TYPES);
  private readonly entries = new Map<string, Entry>();
  private readonly examples: string[] = [];
  private unique: Set<string> | null = new Set();
  private present = 0;
  private isCounted = true;
  private isNested = false;
  private longest = 0;
  private readonly numbers = new RisingNumbers();
  private readonly dates: DateEvidence;
  /** Words for "no value", by how often they came. */
  private readonly words = new Map<string, number>();
  /** The one text beside nothing but numbers so far: perhaps this table's own word for "no value". */
  private odd: Misfits | undefined;
  /** It is: in this column, where only numbers stand beside it. */
  private ownWord: Misfits | undefined;
  /** Values that are no numbers. */
  private others: Misfits | undefined;

  constructor(
    readonly name: string,
    private readonly source: ValueSource,
    private readonly valuesMax: number,
    private readonly decimal: Decimal = '.',
  ) {
    this.dates = new DateEvidence(name);
  }

  /** @param row 1 = the first of the file */
  take(raw: unknown, row: number): void {
    if (isMissing(raw)) return;
    if (typeof raw === 'string' && isMissingWord(raw)) {
      const word = raw.trim();
      const count = this.words.get(word) ?? 0;
      // It may turn out to be a value like any other.
      if (count === 0) this.examples.push(word);
      this.words.set(word, count + 1);
      return;
    }
    if (this.isOdd(raw, row)) return;
    this.takeValue(raw, row);
  }

  /** True where it is kept apart for now. A second such text shows that both are values like any other. */
  private isOdd(raw: unknown, row: number): boolean {
    if (this.source !== 'text' || typeof raw !== 'string' || !this.open.has('number')) return false;
    if (FITS.text.number(raw, this.decimal)) return false;
    const odd = this.odd ?? { text: raw, row, count: 0 };
    if (odd.text !== raw) {
      this.settleOdd();
      return false;
    }
    this.odd = { ...odd, count: odd.count + 1 };
    return true;
  }

  /** What was kept apart is a value like any other. */
  private settleOdd(): void {
    const { odd } = this;
    this.odd = undefined;
    if (odd === undefined) return;
    for (let i = 0; i < odd.count; i++) this.takeValue(odd.text, odd.row);
  }

  private takeValue(raw: unknown, row: number): void {
    this.present += 1;
    if (typeof raw === 'object') {
      this.isNested = true;
      this.open.clear();
      return;
    }
    // White space around it stays: it is part of a text as ingest takes it.
    const text = String(raw);
    this.dates.take(text, row);
    const known = this.entries.get(text);
    if (known !== undefined) {
      known.count += 1;
      if (!known.isNumber) this.countOther(text, row);
      this.unique = null;
      this.numbers.take(known.number);
      return;
    }
    for (const type of this.open) {
      if (!FITS[this.source][type](raw, this.decimal)) this.open.delete(type);
    }
    const number = this.numberOf(raw, text);
    const isNumber =
      this.source === 'text' &&
      (this.open.has('number') || (MAY_BE_NUMBER.test(text) && FITS.text.number(raw, this.decimal)));
    if (!isNumber) this.countOther(text, row);
    if (this.entries.size < this.valuesMax) this.entries.set(text, { count: 1, number, isNumber });
    else this.isCounted = false;
    this.longest = Math.max(this.longest, text.length);
    if (this.examples.length - this.words.size < EXAMPLES_MAX) this.examples.push(text);
    this.keepUnique(text);
    this.numbers.take(number);
  }

  private countOther(text: string, row: number): void {
    this.others = { ...(this.others ?? { text, row }), count: (this.others?.count ?? 0) + 1 };
  }

  /** Texts but for a few that are none: a second typo makes a text of a column of numbers. */
  private get nearNumbers(): Misfits | undefined {
    const { others, source, present } = this;
    return source === 'text' && others !== undefined && others.count <= present / VALUES_PER_MISFIT
      ? others
      : undefined;
  }

  /**
   * At the end: beside many different numbers one text, of at most as many rows as these have, is a word for no value.
   */
  end(): void {
    const { odd } = this;
    if (odd === undefined) return;
    const isFew = this.isCounted && this.entries.size < NUMBERS_MIN;
    if (isFew || odd.count > this.present) {
      this.settleOdd();
      return;
    }
    this.odd = undefined;
    this.ownWord = { ...odd, text: odd.text.trim() };
    this.words.set(this.ownWord.text, odd.count);
  }

  /** Words that stand for no value here, because all the other values are numbers, times, or yes and no. */
  get shownMissing(): readonly string[] {
    const isText = this.type() === 'text' && (this.present === 0 || !this.dates.areTimes);
    return isText ? [] : [...this.words.keys()].filter((word) => word !== this.ownWord?.text);
  }

  /** The one way in which its dates can be read. */
  get shownFormat(): TimeFormat | undefined {
    const [format, other] = this.dates.formats;
    return other === undefined && this.present > 0 ? format : undefined;
  }

  profile(terms: TableTerms = NOTHING_KNOWN): ColumnProfile {
    this.end();
    const own = this.type();
    // Of no value every form fits.
    const dates =
      this.present === 0 ? undefined : this.dates.chosen(own, terms.formats, terms.saidFormat, this.numbers);
    const type = dates === undefined ? own : 'timestamp';
    const { ownWord } = this;
    // Among times it is a typo, not a word.
    const isTypo = ownWord !== undefined && dates !== undefined && this.dates.isFew(ownWord.count);
    const missing = [...this.words.keys()].filter(
      (word) => !(isTypo && word === ownWord.text) && this.isMissingHere(word, type, terms),
    );
    const misfits = isTypo ? withTypos(ownWord, dates?.misfits) : dates?.misfits;
    const near = type === 'text' && this.present > 0 ? this.dates.near(terms.saidFormat) : undefined;
    const taken = [...this.words].filter(([word]) => !missing.includes(word));
    const present = taken.reduce((sum, [, count]) => sum + count, this.present);
    const values = [...this.entries]
      .map(([text, { count }]) => ({ text, count }))
      .concat(taken.map(([text, count]) => ({ text, count })))
      .sort((a, b) => b.count - a.count);
    const isUnique = this.unique !== null && taken.every(([, count]) => count === 1);
    const order = dates ?? this.numbers;
    const isOrdered = type !== 'text' && type !== 'boolean' && this.present > 0;
    return {
      name: this.name,
      type,
      present,
      distinct: isUnique ? present : values.length,
      isCounted: this.isCounted,
      isUnique: isUnique && present > 1,
      neverFalls: isOrdered && order.neverFalls,
      countsRows: type === 'integer' && present > 1 && this.numbers.counts,
      range: isOrdered ? order.range : null,
      longest: taken.reduce((most, [word]) => Math.max(most, word.length), this.longest),
      values,
      examples: this.examples.filter((text) => !missing.includes(text)).slice(0, EXAMPLES_MAX),
      isNested: this.isNested,
      missing,
      ...(dates?.format === undefined ? {} : { format: dates.format }),
      ...(misfits === undefined ? {} : { misfits }),
      ...(near === undefined ? {} : { nearTimes: near }),
      ...(type !== 'text' || this.nearNumbers === undefined ? {} : { nearNumbers: this.nearNumbers }),
      ...(ownWord === undefined || isTypo ? {} : { ownWord }),
      ...(type === 'text' && this.present > 0 && this.dates.formats.length > 1 ? { couldBe: this.dates.formats } : {}),
      ...(type === 'text' && this.present > 0 ? commasIn(this.entries.keys()) : {}),
    };
  }

  private type(): ColumnType {
    if (this.present === 0) return 'text';
    const [first] = this.open;
    // One word alone ("no" in every row) is not yet a question of yes and no.
    if (first === 'boolean' && (this.entries.size < 2 || [...this.words.keys()].some(isThirdAnswer))) return 'text';
    return first ?? 'text';
  }

  private isMissingHere(word: string, type: ColumnType, { missing }: TableTerms): boolean {
    return type !== 'text' || this.present === 0 || missing.has(word) || isNeverValue(word);
  }

  private numberOf(raw: unknown, text: string): number {
    if (this.open.has('number')) return Number(this.source === 'text' ? text.trim().replace(this.decimal, '.') : raw);
    return this.open.has('timestamp') ? timeOf(raw) : Number.NaN;
  }

  private keepUnique(text: string): void {
    if (this.unique === null) return;
    const isName = this.open.has('integer') || !this.open.has('number');
    if (!isName || this.unique.has(text) || this.unique.size >= UNIQUE_ROWS_MAX) this.unique = null;
    else this.unique.add(text);
  }
}

const withTypos = (word: Misfits, misfits: Misfits = word): Misfits => ({
  ...(word.row < misfits.row ? word : misfits),
  count: word.count + (misfits === word ? 0 : misfits.count),
});

/** Cheaply: most texts are none. */
const MAY_BE_NUMBER = /^\s*[+-]?[\d.,]/;
const NUMBER_OF_EITHER = /^[+-]?\d*([.,]\d+)?$/;

/**
 * Of numbers that are texts because some of them have a comma where the decimal point is. One other text may stand
 * among many of them: read with commas, it is the column's own word for no value.
 */
function commasIn(texts: Iterable<string>): Pick<ColumnProfile, 'commas'> {
  let [commas, points, all, others] = [0, 0, 0, 0];
  for (const text of texts) {
    all += 1;
    const number = NUMBER_OF_EITHER.exec(text.trim());
    if (number === null) others += 1;
    if (others > 1) return {};
    if (number === null) continue;
    if (number[1]?.startsWith(',')) commas += 1;
    else if (number[1] !== undefined) points += 1;
  }
  if (others === 1 && all - others < NUMBERS_MIN) return {};
  return commas === 0 ? {} : { commas: points === 0 ? 'all' : 'some' };
}
