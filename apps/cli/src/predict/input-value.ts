// One value of a file or of the command line as the model's input takes it. The model's type rules: a text of a CSV
// file is read by the same rule by which ingest reads the training data (textValue), whatever the other rows look like,
// and "yes" stays a text where the input is a text; a value of a JSON record has its type (valueOfJson). A value that
// fits no reading makes its row bad; nothing is rounded.

import { timeOf } from '@millrace/domain';
import { type Datatype, FLOATS } from '@millrace/inference';
import { isMissingText, textValue, type WrittenColumn, writtenValue } from '@millrace/project';

/** null = missing; integers beyond 2^53 keep all their digits. */
export type InputValue = number | bigint | boolean | string | null;

/** Why a value is none of the datatype. */
export class Unfit {
  constructor(readonly why: string) {}
}

const INTEGER_BITS: Partial<Record<Datatype, { signed: boolean; bits: number }>> = {
  INT8: { signed: true, bits: 8 },
  INT16: { signed: true, bits: 16 },
  INT32: { signed: true, bits: 32 },
  INT64: { signed: true, bits: 64 },
  UINT8: { signed: false, bits: 8 },
  UINT16: { signed: false, bits: 16 },
  UINT32: { signed: false, bits: 32 },
  UINT64: { signed: false, bits: 64 },
};
/** Of a value, in a message. */
const SHOWN_LENGTH_MAX = 40;

const unfit = (datatype: Datatype, value: unknown): Unfit =>
  new Unfit(`is not of ${datatype} (${wanted(datatype)}): ${shown(value)}`);

/** What an input takes, in words. */
export function wanted(datatype: Datatype): string {
  if (datatype === 'BYTES') return 'a text';
  if (datatype === 'BOOL') return 'true or false';
  return FLOATS.has(datatype) ? 'a number' : 'a whole number';
}

export function shown(value: unknown): string {
  // JSON has no word for Infinity.
  const isNumber = typeof value === 'bigint' || typeof value === 'number';
  const text = isNumber ? String(value) : (JSON.stringify(value) ?? String(value));
  return text.length > SHOWN_LENGTH_MAX ? `${text.slice(0, SHOWN_LENGTH_MAX)}…` : text;
}

/** A value that has a type of its own: JSON's, Parquet's. */
export function typedValue(datatype: Datatype, value: InputValue): InputValue | Unfit {
  if (value === null) return null;
  if (datatype === 'BYTES') return typeof value === 'string' ? value : unfit(datatype, value);
  if (datatype === 'BOOL') return truth(value) ?? unfit(datatype, value);
  if (typeof value === 'string' || typeof value === 'boolean') return unfit(datatype, value);
  if (Number.isNaN(value)) return null;
  if (FLOATS.has(datatype)) return Number.isFinite(Number(value)) ? Number(value) : unfit(datatype, value);
  return Number.isInteger(value) || typeof value === 'bigint'
    ? inRange(datatype, BigInt(value), value)
    : unfit(datatype, value);
}

/** 0 and 1 stand for false and true, as in V2's JSON. */
function truth(value: Exclude<InputValue, null>): boolean | undefined {
  if (typeof value === 'boolean') return value;
  return typeof value !== 'string' && (Number(value) === 0 || Number(value) === 1) ? Number(value) === 1 : undefined;
}

/** How a file's texts are written. */
export interface Writing {
  /** The project's column of the input's name. */
  readonly column?: WrittenColumn | undefined;
  readonly decimal?: '.' | ',' | undefined;
}

/** A text of a file. A time is milliseconds where the column is one of times. */
export function valueOfText(
  datatype: Datatype,
  text: string | null,
  { column, decimal }: Writing = {},
): InputValue | Unfit {
  if (text === null || (column !== undefined && isMissingText(column, text))) return null;
  if (datatype === 'BYTES') return text;
  if (datatype === 'BOOL') return typedText(datatype, textValue({ type: 'boolean' }, text), text);
  if (column?.format !== undefined) return typedText(datatype, textValue(column, text), text);
  const digits = text.trim();
  if (!FLOATS.has(datatype) && /^[+-]?\d+$/.test(digits))
    return inRange(datatype, BigInt(digits.replace('+', '')), text);
  const read = textValue({ type: 'number' }, text, decimal);
  if (typeof read !== 'string') return typedText(datatype, read, text);
  const ms = mayBeTime(datatype, column) ? timeOf(digits) : Number.NaN;
  if (Number.isNaN(ms) && COMMA.test(digits) && decimal !== ',')
    return new Unfit(`${unfit(datatype, text).why}; where the comma is the decimal sign: --decimal ,`);
  return Number.isNaN(ms) ? unfit(datatype, text) : typedValue(datatype, ms);
}

/** As ingest has it, only of a column of times; where nothing is known of the column, inputs of times are INT64. */
const mayBeTime = (datatype: Datatype, column: WrittenColumn | undefined): boolean =>
  column === undefined ? datatype === 'INT64' : column.type === 'timestamp';

/** A number with a comma for the decimal point. */
const COMMA = /^[+-]?\d+,\d+$/;

/**
 * A value of a JSON record, by REST's rule: what is written as a text is no number. Read beyond it is what ingest reads
 * of a record: a text that the column declares as missing, a time of a column of times, and a whole number as the text
 * of its digits.
 */
export function valueOfJson(datatype: Datatype, given: unknown, column?: WrittenColumn): InputValue | Unfit {
  const value = column === undefined ? given : writtenValue(column, given);
  if (typeof value === 'object' && value !== null) return unfit(datatype, value);
  if (column?.type === 'timestamp' && typeof value === 'string') {
    const ms = timeOf(value);
    return Number.isNaN(ms) ? unfit(datatype, given) : typedValue(datatype, ms);
  }
  const isDigits = column?.type === 'text' && datatype === 'BYTES' && isWhole(value);
  return typedText(datatype, isDigits ? String(value) : value, given);
}

const isWhole = (value: unknown): boolean => typeof value === 'bigint' || Number.isSafeInteger(value);

/** The message shows the text as it stands in the file. */
function typedText(datatype: Datatype, read: unknown, text: unknown): InputValue | Unfit {
  const value = typedValue(datatype, read as InputValue);
  return value instanceof Unfit ? unfit(datatype, text) : value;
}

function inRange(datatype: Datatype, value: bigint, given: unknown): number | bigint | Unfit {
  const { signed, bits } = INTEGER_BITS[datatype] as { signed: boolean; bits: number };
  const fits = signed ? BigInt.asIntN(bits, value) === value : BigInt.asUintN(bits, value) === value;
  if (!fits) return unfit(datatype, given);
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}
