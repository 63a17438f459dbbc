// What one column of a table holds: the narrowest type that every value has, how many differ, whether any comes twice,
// whether numbers and times only rise. Texts of a file are read by `textValue`, as ingest will read them; values that
// have a type of their own (JSON, Parquet) keep it.
//
// Cost: one map look-up a value, more where it is new. Memory: `valuesMax` texts, and, while no value has come twice,
// all of an integer or text column up to UNIQUE_ROWS_MAX.

import { timeOf } from '@millrace/domain';
import type { ColumnType } from '../project.js';
import { textValue } from '../text-value.js';

/** Beyond this many rows nobody knows whether a column's values all differ; ids of so many are 60 MB already. */
const UNIQUE_ROWS_MAX = 1_000_000;
const EXAMPLES_MAX = 3;
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
}

interface Entry {
  count: number;
  /** As number or time; NaN for what is neither. */
  readonly number: number;
}

const FITS: Readonly<Record<ValueSource, Readonly<Record<Exclude<ColumnType, 'text'>, (raw: unknown) => boolean>>>> = {
  typed: {
    // A bigint is one that a double does not hold: an id, which only an integer column keeps whole.
    integer: (raw) => typeof raw === 'bigint' || Number.isSafeInteger(raw),
    number: (raw) => typeof raw === 'bigint' || Number.isFinite(raw),
    boolean: (raw) => typeof raw === 'boolean',
    timestamp: (raw) => typeof raw === 'string' && !Number.isNaN(timeOf(raw)),
  },
  text: {
    integer: (raw) => WHOLE.test(String(raw).trim()) && Number.isSafeInteger(Number(raw)),
    number: (raw) => isNumber(String(raw).trim()),
    boolean: (raw) => typeof textValue('boolean', String(raw)) === 'boolean',
    timestamp: (raw) => {
      const value = textValue('timestamp', String(raw));
      return typeof value === 'string' && !Number.isNaN(timeOf(value));
    },
  },
};

/** Digits that a double would drop (an id above 2^53) or a zero in front make it a name, not a number. */
function isNumber(text: string): boolean {
  if (LEADING_ZERO.test(text) || (WHOLE.test(text) && !Number.isSafeInteger(Number(text)))) return false;
  const value = textValue('number', text);
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
  private last = Number.NEGATIVE_INFINITY;
  private neverFalls = true;
  private counts = true;
  private min = Number.POSITIVE_INFINITY;
  private max = Number.NEGATIVE_INFINITY;

  constructor(
    readonly name: string,
    private readonly source: ValueSource,
    private readonly valuesMax: number,
  ) {}

  take(raw: unknown): void {
    if (isMissing(raw)) return;
    this.present += 1;
    if (typeof raw === 'object') {
      this.isNested = true;
      this.open.clear();
      return;
    }
    // White space around it stays: it is part of a text as ingest takes it.
    const text = String(raw);
    const known = this.entries.get(text);
    if (known !== undefined) {
      known.count += 1;
      this.unique = null;
      this.follow(known.number);
      return;
    }
    for (const type of this.open) {
      if (!FITS[this.source][type](raw)) this.open.delete(type);
    }
    const number = this.open.has('number') ? Number(raw) : this.open.has('timestamp') ? timeOf(raw) : Number.NaN;
    if (this.entries.size < this.valuesMax) this.entries.set(text, { count: 1, number });
    else this.isCounted = false;
    this.longest = Math.max(this.longest, text.length);
    if (this.examples.length < EXAMPLES_MAX) this.examples.push(text);
    this.keepUnique(text);
    this.follow(number);
  }

  profile(): ColumnProfile {
    const type = this.type();
    const values = [...this.entries].map(([text, { count }]) => ({ text, count })).sort((a, b) => b.count - a.count);
    const isOrdered = type !== 'text' && type !== 'boolean' && this.present > 0;
    return {
      name: this.name,
      type,
      present: this.present,
      distinct: this.unique !== null ? this.present : values.length,
      isCounted: this.isCounted,
      isUnique: this.unique !== null && this.present > 1,
      neverFalls: isOrdered && this.neverFalls,
      countsRows: type === 'integer' && this.present > 1 && this.counts,
      range: isOrdered ? { min: this.min, max: this.max } : null,
      longest: this.longest,
      values,
      examples: this.examples,
      isNested: this.isNested,
    };
  }

  private type(): ColumnType {
    if (this.present === 0) return 'text';
    const [first] = this.open;
    // One word alone ("no" in every row) is not yet a question of yes and no.
    if (first === 'boolean' && this.entries.size < 2) return 'text';
    return first ?? 'text';
  }

  private keepUnique(text: string): void {
    if (this.unique === null) return;
    const isName = this.open.has('integer') || !this.open.has('number');
    if (!isName || this.unique.has(text) || this.unique.size >= UNIQUE_ROWS_MAX) this.unique = null;
    else this.unique.add(text);
  }

  private follow(number: number): void {
    if (Number.isNaN(number)) return;
    if (number < this.last) this.neverFalls = false;
    if (this.present > 1 && number !== this.last + 1) this.counts = false;
    this.last = number;
    this.min = Math.min(this.min, number);
    this.max = Math.max(this.max, number);
  }
}
