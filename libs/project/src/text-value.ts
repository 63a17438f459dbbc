// A text of a file as the raw value of a column, for ingest and for batch prediction alike: numbers and booleans are
// read, anything else stays a text and is then refused by the schema or the model's input with its reason. "NaN" and
// "Infinity" become such numbers, so that the reason is "not finite".

import type { ColumnType } from './project.js';

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
 * null = missing. An integer that a double does not hold comes as bigint: as an id all of its digits count.
 * @param decimal with ',' a number with a point is none: it could be a thousand or one and a half
 */
export function textValue(type: ColumnType, field: string | null, decimal: '.' | ',' = '.'): unknown {
  if (field === null) return null;
  switch (type) {
    case 'number':
    case 'integer': {
      const text = field.trim();
      if (text === '') return null;
      if (type === 'integer' && DIGITS.test(text)) return wholeNumber(text);
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
      return /^[+-]?\d+$/.test(text) ? Number(text) : text;
    }
    case 'text':
      return field;
  }
}

function wholeNumber(digits: string): number | bigint {
  const number = Number(digits);
  return Number.isSafeInteger(number) ? number : BigInt(digits);
}
