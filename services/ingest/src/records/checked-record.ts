// A record of the topic as the project's schema of today sees it. Ingest checked it before it was written; one of
// another revision of the schema, or of another writer, is checked again here.

import type { Reason, RecordMessage } from '@millrace/contracts';
import type { Scalar } from '@millrace/domain';
import type { ColumnSpec } from '@millrace/project';
import { addReason, checkRow } from '../schema/check-row.js';
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
  checkRow(schema, (index) => ownValue(record.values, (schema.columns[index] as ColumnSpec).name), row, nowMs, reasons);
  if (reasons.length > 0) return reasons;
  const values: Record<string, Scalar> = {};
  for (const index of schema.stored) values[(schema.columns[index] as ColumnSpec).name] = row[index] as Scalar;
  return {
    ...record,
    values,
    recordId: recordIdOf(schema, row, record.recordId),
    entity: entityOf(schema, row),
    eventTimeMs: eventTimeOf(schema, row, record.ingestedAtMs),
  };
}
