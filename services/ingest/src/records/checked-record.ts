// A record of the topic as the project's schema of today sees it. Ingest checked it before it was written; one of
// another writer is checked again here, and so is one of an earlier schema that this process has never seen.

import type { Reason, RecordMessage } from '@millrace/contracts';
import type { Scalar } from '@millrace/domain';
import type { ColumnSpec } from '@millrace/project';
import { addReason, checkRow, checkValue } from '../schema/check-row.js';
import { entityOf, eventTimeOf, type RecordSchema, recordIdOf } from '../schema/record-schema.js';
import { ownValue } from './record-input.js';

/** The record with values of this schema, or why it is none. */
export function checkedRecord(schema: RecordSchema, record: RecordMessage, nowMs: number): RecordMessage | Reason[] {
  if (record.schemaHash === schema.hash) return record;
  const row: Scalar[] = [];
  const reasons: Reason[] = [];
  for (const name in record.values) {
    if (!schema.indexOf.has(name))
      addReason(reasons, 'unknown_field', name.slice(0, 64), 'is no column of the project');
  }
  checkRow(schema, (index) => columnValue(schema, record, index), row, nowMs, reasons);
  if (reasons.length > 0) return reasons;
  return {
    ...record,
    values: storedValues(schema, row),
    recordId: recordIdOf(schema, row, record.recordId),
    entity: entityOf(schema, row),
    eventTimeMs: eventTimeOf(schema, row, record.ingestedAtMs),
  };
}

/**
 * A record that was acknowledged by an earlier schema of the project whose columns nobody knows any more: values that
 * fit their column of today, by name. What does not is missing; what the record says of itself stays.
 */
export function fittedRecord(schema: RecordSchema, record: RecordMessage): RecordMessage {
  const row = schema.columns.map((_, index) => {
    const reasons: Reason[] = [];
    const given = columnValue(schema, record, index) ?? null;
    const value = given === null ? null : checkValue(schema, index, given, reasons);
    return reasons.length > 0 ? null : value;
  });
  return { ...record, values: storedValues(schema, row) };
}

const columnValue = (schema: RecordSchema, record: RecordMessage, index: number) =>
  ownValue(record.values, (schema.columns[index] as ColumnSpec).name);

function storedValues(schema: RecordSchema, row: readonly Scalar[]): Record<string, Scalar> {
  const values: Record<string, Scalar> = {};
  for (const index of schema.stored) values[(schema.columns[index] as ColumnSpec).name] = row[index] as Scalar;
  return values;
}
