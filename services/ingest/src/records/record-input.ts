// The JSON form of a record. Either { "recordId": "...", "values": { column: value } } or flat: the columns beside
// "recordId" (or "record_id", which a column of the project may be called instead). Anything else is malformed, with
// the reason.

import type { Reason, ReasonCode } from '@millrace/contracts';
import { parseExactJson } from '@millrace/domain';
import { ID_KEYS } from '@millrace/project';
import { addReason, idText } from '../schema/check-row.js';

export interface RecordInput {
  recordId: string;
  /** False: `recordId` stands in for one that the record does not bring. */
  hasOwnId: boolean;
  values: Readonly<Record<string, unknown>>;
  /** Faults found before the schema was asked: no JSON, no object. */
  faults: readonly Reason[];
  /** The values were read by their columns already: times are milliseconds, what is missing is not there. */
  isRead?: boolean;
}

/** What of a schema a record's form depends on. */
interface Columns {
  readonly indexOf: { has(name: string): boolean };
}

const NO_FAULTS: readonly Reason[] = [];
const NO_VALUES: Readonly<Record<string, unknown>> = {};

/** A column may be called "constructor": what every object has is no value. */
export function ownValue<T>(values: Readonly<Record<string, T>>, column: string): T | undefined {
  const value = values[column];
  // What every object has are functions, and an object.
  const isOwn = value === null || (typeof value !== 'function' && typeof value !== 'object');
  return isOwn || Object.hasOwn(values, column) ? value : undefined;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** An input that is bad before the schema is asked. */
export function malformedRecord(message: string, code: ReasonCode = 'malformed'): RecordInput {
  const faults: Reason[] = [];
  addReason(faults, code, '', message);
  return { recordId: '', hasOwnId: false, values: NO_VALUES, faults };
}

/** `fallbackId` serves records that bring no id of their own (client id + sequence, file + row). */
export function recordFromJson(raw: unknown, fallbackId: string, { indexOf }: Columns): RecordInput {
  if (!isObject(raw)) return malformedRecord('a record is a JSON object');
  const keys = isObject(raw.values) ? ID_KEYS : ID_KEYS.filter((key) => !indexOf.has(key));
  const id = keys.map((key) => raw[key]).find((value) => value !== undefined && value !== null);
  const hasOwnId = id !== undefined && id !== null && id !== '';
  const recordId = hasOwnId ? idText(id) : fallbackId;
  if (typeof recordId !== 'string') return malformedRecord('recordId is a text or a whole number');
  if (isObject(raw.values)) return { recordId, hasOwnId, values: raw.values, faults: NO_FAULTS };
  const values = { ...raw };
  for (const key of keys) delete values[key];
  return { recordId, hasOwnId, values, faults: NO_FAULTS };
}

/** One line of NDJSON. NaN and Infinity are not JSON: such a line is malformed. */
export function recordFromLine(line: string, fallbackId: string, columns: Columns): RecordInput {
  let raw: unknown;
  try {
    raw = parseExactJson(line);
  } catch (error) {
    return malformedRecord(`not JSON: ${(error as Error).message.slice(0, 120)}`);
  }
  return recordFromJson(raw, fallbackId, columns);
}
