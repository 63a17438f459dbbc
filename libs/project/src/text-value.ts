// A text of a file as the raw value of a column, for ingest and for batch prediction alike: numbers and booleans are
// read, anything else stays a text and is then refused by the schema or the model's input with its reason. "NaN" and
// "Infinity" become such numbers, so that the reason is "not finite".

import type { ColumnType } from './project.js';

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;
const DIGITS = /^-?\d{16,40}$/;
const NOT_FINITE: Readonly<Record<string, number>> = {
  nan: Number.NaN,
  inf: Number.POSITIVE_INFINITY,
  '+inf': Number.POSITIVE_INFINITY,
  '-inf': Number.NEGATIVE_INFINITY,
  infinity: Number.POSITIVE_INFINITY,
  '+infinity': Number.POSITIVE_INFINITY,
  '-infinity': Number.NEGATIVE_INFINITY,
};

/** null = missing. An integer that a double does not hold comes as bigint: as an id all of its digits count. */
export function textValue(type: ColumnType, field: string | null): unknown {
  if (field === null) return null;
  switch (type) {
    case 'number':
    case 'integer': {
      const text = field.trim();
      if (text === '') return null;
      if (NUMBER.test(text)) return type === 'integer' && DIGITS.test(text) ? wholeNumber(text) : Number(text);
      return NOT_FINITE[text.toLowerCase()] ?? field;
    }
    case 'boolean': {
      const text = field.trim().toLowerCase();
      if (text === '') return null;
      if (text === 'true' || text === '1') return true;
      return text === 'false' || text === '0' ? false : field;
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
