// Rows of files as their dead letters keep them: the JSON form of a record, so that a redrive can read them. Rows of
// text files keep their texts as they stood there, marked by `decimal`, and are typed when they are read again.

import { parseExactJson } from '@millrace/domain';
import { textValue } from '@millrace/project';
import { jsonPayload } from '../deadletters/dead-letter.js';
import { malformedRecord, type RecordInput, recordFromJson } from '../records/record-input.js';
import type { RecordSchema } from '../schema/record-schema.js';

/** Of a file whose values have types. */
export function rowPayload(schema: RecordSchema, recordId: string, value: (column: number) => unknown): Uint8Array {
  return jsonPayload({ recordId, values: valuesOf(schema, value) });
}

/** Of a file of texts. */
export function textRowPayload(
  schema: RecordSchema,
  recordId: string,
  text: (column: number) => string | null,
  decimal: '.' | ',',
): Uint8Array {
  return jsonPayload({ recordId, decimal, values: valuesOf(schema, text) });
}

function valuesOf(schema: RecordSchema, value: (column: number) => unknown): Record<string, unknown> {
  const given = schema.columns.flatMap((column, index) => {
    const own = value(index);
    return own === null || own === undefined ? [] : [[column.name, own] as const];
  });
  return Object.fromEntries(given);
}

/** A row of a file out of its dead letter, for the schema of today. */
export function rowFromPayload(schema: RecordSchema, text: string, fallbackId: string): RecordInput {
  let raw: unknown;
  try {
    raw = parseExactJson(text);
  } catch {
    return malformedRecord('the row itself is broken; mend it in the file and import that again');
  }
  // The id that an import gave the row is not one that the row brings.
  const input = { ...recordFromJson(raw, fallbackId, schema), hasOwnId: false };
  const { decimal } = raw as { decimal?: unknown };
  if (input.faults.length > 0 || (decimal !== '.' && decimal !== ',')) return input;
  const typed = Object.entries(input.values).map(([name, value]) => {
    const column = schema.columns[schema.indexOf.get(name) ?? -1];
    return [name, column === undefined || typeof value !== 'string' ? value : textValue(column, value, decimal)];
  });
  return { ...input, values: Object.fromEntries(typed), isRead: true };
}
