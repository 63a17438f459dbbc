// What is written somewhere as the raw value of a column, for ingest, labels and batch prediction alike. A text of a
// file (`textValue`): numbers and booleans are read, anything else stays a text and is then refused by the schema or
// the model's input with its reason. "NaN" and "Infinity" become such numbers, so that the reason is "not finite". A
// value of a record (`writtenValue`) has a type already. For both, an empty text is missing in a column of texts (as it
// is in a request to a model), so is a text that the column declares, and a time of the column's own form is
// milliseconds.

import type { ColumnSpec } from './project.js';
import { timeOfFormat } from './time-format.js';

/** What of a column says how its values are written. */
export type WrittenColumn = Pick<ColumnSpec, 'type' | 'missing' | 'format'>;

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;
const DIGITS = /^-?\d{16,40}$/;
const NUMBER_WITH_COMMA = /^[+-]?(\d+,?\d*|,\d+)([eE][+-]?\d+)?$/;
const NOT_FINITE: ReadonlyMap<string, number> = new Map([
  ['nan', Number.NaN],
  ['inf', Number.POSITIVE_INFINITY],
  ['+inf', Number.POSITIVE_INFINITY],
  ['-inf', Number.NEGATIVE_INFINITY],
  ['infinity', Number.POSITIVE_INFINITY],
  ['+infinity', Number.POSITIVE_INFINITY],
  ['-infinity', Number.NEGATIVE_INFINITY],
]);
/** In any case of letters. */
const BOOLEANS: ReadonlyMap<string, boolean> = new Map([
  ...['true', 't', 'yes', 'y', '1'].map((word) => [word, true] as const),
  ...['false', 'f', 'no', 'n', '0'].map((word) => [word, false] as const),
]);

/**
 * Whether this text stands for no value: an empty one of a column of texts, and what the column declares, where white
 * space around it does not count.
 */
export function isMissingText({ type, missing }: WrittenColumn, text: string): boolean {
  return (type === 'text' && text === '') || (missing?.includes(text.trim()) ?? false);
}

/**
 * null = missing. An integer that a double does not hold comes as bigint: as an id all of its digits count.
 * @param decimal with ',' a number with a point is none: it could be a thousand or one and a half
 */
export function textValue(column: WrittenColumn, field: string | null, decimal: '.' | ',' = '.'): unknown {
  if (field === null || isMissingText(column, field)) return null;
  switch (column.type) {
    case 'number':
    case 'integer': {
      const text = field.trim();
      if (text === '') return null;
      if (column.type === 'integer' && DIGITS.test(text)) return wholeNumber(text);
      if (decimal === '.' ? NUMBER.test(text) : NUMBER_WITH_COMMA.test(text)) return Number(text.replace(',', '.'));
      return NOT_FINITE.get(text.toLowerCase()) ?? field;
    }
    case 'boolean': {
      const text = field.trim().toLowerCase();
      if (text === '') return null;
      return BOOLEANS.get(text) ?? field;
    }
    case 'timestamp': {
      const text = field.trim();
      if (text === '') return null;
      if (column.format !== undefined) return ofForm(column, text);
      return /^[+-]?\d+$/.test(text) ? Number(text) : text;
    }
    case 'text':
      return field;
  }
}

/** A value of a record, as JSON or Parquet has it. */
export function writtenValue(column: WrittenColumn, value: unknown): unknown {
  if (typeof value === 'string' && isMissingText(column, value)) return null;
  if (column.type !== 'timestamp' || column.format === undefined || value === null || value === undefined) return value;
  return ofForm(column, value);
}

/** What is not of the form stays as it is, to be refused with its reason. */
function ofForm({ format }: WrittenColumn, value: unknown): unknown {
  const ms = format === undefined ? Number.NaN : timeOfFormat(format, value);
  // A number that is not of the form must not pass as milliseconds.
  if (!Number.isNaN(ms)) return ms;
  return typeof value === 'number' ? String(value) : value;
}

function wholeNumber(digits: string): number | bigint {
  const number = Number(digits);
  return Number.isSafeInteger(number) ? number : BigInt(digits);
}
