// Checks one raw row against the schema and gives typed values, or every reason why it is bad. The same function checks
// records of HTTP and gRPC, rows of files and messages that others wrote to the topic.
//
// Cost: one pass over the columns, no allocation for a good row. Missing = undefined or null. NaN is never a value.

import type { Reason, ReasonCode } from '@millrace/contracts';
import { EVENT_TIME_AHEAD_MS_MAX, type Scalar, timeOf } from '@millrace/domain';
import { type ColumnSpec, timePart } from '@millrace/project';
import type { RecordSchema } from './record-schema.js';

/** Reasons kept per row; a row with more is bad all the same. */
const REASONS_MAX = 64;
/** Longest record id, entity and prediction id, in characters. */
export const ID_LENGTH_MAX = 256;
/** 1 January of year 1: earlier times do not survive common formats. */
export const EARLIEST_MS = -62_135_596_800_000;

const TOO_WIDE = 'is beyond 2^53, which only an id or an entity may be: send it as a text, to a text column';
const WHOLE = /^[+-]?\d{1,40}$/;

export function addReason(reasons: Reason[], code: ReasonCode, field: string, message: string): void {
  if (reasons.length < REASONS_MAX) reasons.push({ code, field, message });
}

/** A value as a message shows it, cut to a few characters. */
export function shown(value: unknown): string {
  const text =
    typeof value === 'string'
      ? JSON.stringify(value.slice(0, 40))
      : typeof value === 'object'
        ? 'an object'
        : String(value);
  return text.slice(0, 60);
}

function checkNumber(column: ColumnSpec, raw: unknown, reasons: Reason[]): Scalar {
  if (typeof raw !== 'number') {
    addReason(reasons, 'wrong_type', column.name, `${shown(raw)} is not a number`);
    return null;
  }
  if (!Number.isFinite(raw)) {
    addReason(reasons, 'not_finite', column.name, `${raw} is not a finite number`);
    return null;
  }
  if (column.type === 'integer' && !Number.isSafeInteger(raw)) {
    addReason(
      reasons,
      'wrong_type',
      column.name,
      `${raw} ${Number.isInteger(raw) ? TOO_WIDE : 'is not a whole number'}`,
    );
    return null;
  }
  checkBounds(column, raw, raw, reasons);
  return raw === 0 ? 0 : raw;
}

function checkBounds(column: ColumnSpec, value: number, raw: unknown, reasons: Reason[]): void {
  if (column.min !== undefined && value < column.min) {
    addReason(reasons, 'below_min', column.name, `${raw} is below ${column.min}`);
  }
  if (column.max !== undefined && value > column.max) {
    addReason(reasons, 'above_max', column.name, `${raw} is above ${column.max}`);
  }
}

const wholeOf = (text: string): bigint | null => (WHOLE.test(text) ? BigInt(text) : null);

/** A whole number without plus sign and leading zeros; null for any other text. */
export const wholeDigits = (text: string): string | null => wholeOf(text)?.toString() ?? null;

/** An integer that names something: a number where a double holds it, else the text of its digits. */
function checkWholeName(column: ColumnSpec, raw: unknown, reasons: Reason[]): Scalar {
  const text = typeof raw === 'bigint' ? String(raw) : raw;
  if (typeof text !== 'string') return checkNumber(column, text, reasons);
  const value = wholeOf(text);
  if (value === null || BigInt.asIntN(64, value) !== value) {
    const what = value === null ? 'is not a whole number' : 'is beyond 64 bits: declare the column as text';
    addReason(reasons, 'wrong_type', column.name, `${shown(raw)} ${what}`);
    return null;
  }
  const number = Number(value);
  checkBounds(column, number, value, reasons);
  return Number.isSafeInteger(number) ? number : String(value);
}

function checkText(column: ColumnSpec, domain: ReadonlySet<string> | null, given: unknown, reasons: Reason[]): Scalar {
  // Ids are whole numbers in many systems: their digits are the text.
  const raw = idText(given);
  if (typeof raw !== 'string') {
    addReason(reasons, 'wrong_type', column.name, `${shown(raw)} is not a text`);
    return null;
  }
  if (raw.length > column.lengthMax) {
    addReason(reasons, 'oversize', column.name, `${raw.length} characters, at most ${column.lengthMax}`);
    return null;
  }
  if (!raw.isWellFormed()) {
    addReason(reasons, 'malformed', column.name, 'half a surrogate pair is no text');
    return null;
  }
  if (domain !== null && !domain.has(raw)) {
    addReason(reasons, 'not_in_domain', column.name, `${shown(raw)} is not one of the ${domain.size} allowed values`);
  }
  return raw;
}

export function checkValue(schema: RecordSchema, index: number, raw: unknown, reasons: Reason[]): Scalar {
  const column = schema.columns[index] as ColumnSpec;
  switch (column.type) {
    case 'number':
      return checkNumber(column, typeof raw === 'bigint' ? Number(raw) : raw, reasons);
    case 'integer':
      if (schema.wholeNames[index]) return checkWholeName(column, raw, reasons);
      if (typeof raw !== 'bigint') return checkNumber(column, raw, reasons);
      addReason(reasons, 'wrong_type', column.name, `${raw} ${TOO_WIDE}`);
      return null;
    case 'text':
      return checkText(column, schema.domains[index] as ReadonlySet<string> | null, raw, reasons);
    case 'boolean':
      if (typeof raw === 'boolean') return raw;
      addReason(reasons, 'wrong_type', column.name, `${shown(raw)} is not true or false`);
      return null;
    case 'timestamp': {
      const ms = timeOf(raw);
      if (!Number.isNaN(ms)) return ms;
      if (index === schema.eventTimeIndex) {
        addReason(reasons, 'bad_event_time', column.name, `${shown(raw)} is not a time`);
      } else {
        addReason(reasons, 'wrong_type', column.name, `${shown(raw)} is not a time in milliseconds or ISO 8601`);
      }
      return null;
    }
  }
}

/** Adds a reason when the event time lies before year 1 or more than a day ahead of processing time. */
export function checkEventTime(field: string, eventTimeMs: number, nowMs: number, reasons: Reason[]): void {
  if (!Number.isSafeInteger(eventTimeMs)) {
    addReason(reasons, 'bad_event_time', field, `${eventTimeMs} is not a time in milliseconds`);
  } else if (eventTimeMs < EARLIEST_MS || eventTimeMs > nowMs + EVENT_TIME_AHEAD_MS_MAX) {
    addReason(reasons, 'bad_event_time', field, `${eventTimeMs} lies before year 1 or in the future`);
  }
}

/** A whole number as the text of its digits; anything else as it is. */
export function idText(id: unknown): unknown {
  return typeof id === 'bigint' || Number.isSafeInteger(id) ? String(id) : id;
}

/** A loop costs less than a regular expression: there are three ids to look at in most rows. */
function hasControl(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x20 || code === 0x7f) return true;
  }
  return false;
}

/** Adds a reason when an id is empty, too long or carries control characters; `remedy` says how to give one. */
export function checkId(field: string, id: unknown, reasons: Reason[], remedy = ''): void {
  if (typeof id !== 'string' || id === '') {
    addReason(reasons, 'bad_id', field, `is missing or empty${remedy}`);
  } else if (id.length > ID_LENGTH_MAX) {
    addReason(reasons, 'bad_id', field, `${id.length} characters, at most ${ID_LENGTH_MAX}`);
  } else if (hasControl(id) || !id.isWellFormed()) {
    addReason(reasons, 'bad_id', field, 'carries control characters or half a surrogate pair');
  }
}

/**
 * Reads every column by `read(position)`, writes its value to `out` and its faults to `reasons`. Derived columns are
 * filled. `out` means nothing when reasons were added.
 */
export function checkRow(
  schema: RecordSchema,
  read: (index: number) => unknown,
  out: Scalar[],
  nowMs: number,
  reasons: Reason[],
): void {
  const { columns, derivedFrom } = schema;
  const before = reasons.length;
  for (let index = 0; index < columns.length; index++) {
    const raw = read(index);
    if (raw !== undefined && raw !== null) {
      out[index] = checkValue(schema, index, raw, reasons);
      continue;
    }
    out[index] = null;
    const column = columns[index] as ColumnSpec;
    if (column.required && !column.outcome && column.derive === undefined) {
      addReason(
        reasons,
        index === schema.eventTimeIndex ? 'bad_event_time' : 'missing_field',
        column.name,
        'is missing',
      );
    }
  }
  if (reasons.length > before) return;
  for (let index = 0; index < columns.length; index++) {
    const from = derivedFrom[index] as number;
    if (from < 0 || out[index] !== null) continue;
    const column = columns[index] as ColumnSpec;
    const source = out[from];
    if (typeof source === 'number' && column.derive !== undefined) out[index] = timePart(source, column.derive.part);
    else if (column.required) addReason(reasons, 'missing_field', column.name, 'is missing, and so is its source');
  }
  const { eventTimeIndex, entityIndex, recordIdIndex, labelIndex } = schema;
  const outcome = out[labelIndex] ?? null;
  const fault = outcome === null ? undefined : schema.outcomeFault(outcome);
  if (fault !== undefined) addReason(reasons, 'not_in_domain', (columns[labelIndex] as ColumnSpec).name, fault);
  if (eventTimeIndex >= 0)
    checkEventTime((columns[eventTimeIndex] as ColumnSpec).name, out[eventTimeIndex] as number, nowMs, reasons);
  if (entityIndex >= 0) checkId((columns[entityIndex] as ColumnSpec).name, String(out[entityIndex]), reasons);
  if (recordIdIndex >= 0) checkId((columns[recordIdIndex] as ColumnSpec).name, String(out[recordIdIndex]), reasons);
}
