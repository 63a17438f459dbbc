// Sorts inputs into good and bad: records and labels that go to Kafka, and rejections with every reason. Pure; sending
// and acknowledging is the edges' part.

import type { LabelMessage, Reason, RecordMessage } from '@millrace/contracts';
import type { Scalar } from '@millrace/domain';
import { applyLabelRule, type ColumnSpec } from '@millrace/project';
import type { Delivery, Rejection } from '../deadletters/rejection.js';
import { addReason, checkId, checkRow } from '../schema/check-row.js';
import type { RecordSchema } from '../schema/record-schema.js';
import type { RecordInput } from './record-input.js';

export interface RecordIntake {
  accepted: RecordMessage[];
  /** Labels of records that brought their outcome along. */
  labels: LabelMessage[];
  rejections: Rejection[];
}

/** What a caller is told once the accepted ones are safe. */
export interface IntakeOutcome {
  accepted: number;
  rejections: readonly Rejection[];
}

/** Unknown fields named in reasons per record. */
const UNKNOWN_FIELDS_MAX = 8;

function unknownFields(schema: RecordSchema, values: Readonly<Record<string, unknown>>, reasons: Reason[]): void {
  let found = 0;
  for (const name in values) {
    if (schema.indexOf.has(name)) continue;
    if (found++ < UNKNOWN_FIELDS_MAX)
      addReason(reasons, 'unknown_field', name.slice(0, 64), 'is no column of the project');
  }
}

/** Values by column name, without missing ones and outcomes. */
function storedValues(schema: RecordSchema, row: readonly Scalar[]): Record<string, Scalar> {
  const values: Record<string, Scalar> = {};
  for (const index of schema.stored) {
    const value = row[index] as Scalar;
    if (value !== null) values[(schema.columns[index] as ColumnSpec).name] = value;
  }
  return values;
}

/** Checks one record; gives the typed row (by column position) in `row`, or reasons. */
export function checkRecord(schema: RecordSchema, input: RecordInput, nowMs: number, row: Scalar[]): readonly Reason[] {
  if (input.faults.length > 0) return input.faults;
  const reasons: Reason[] = [];
  checkId('record_id', input.recordId, reasons);
  unknownFields(schema, input.values, reasons);
  checkRow(schema, (index) => input.values[(schema.columns[index] as ColumnSpec).name], row, nowMs, reasons);
  return reasons;
}

export function intakeRecords(schema: RecordSchema, inputs: readonly RecordInput[], delivery: Delivery): RecordIntake {
  const result: RecordIntake = { accepted: [], labels: [], rejections: [] };
  const { project, source, nowMs } = { project: schema.project.name, ...delivery };
  const row: Scalar[] = new Array(schema.columns.length).fill(null);
  inputs.forEach((input, index) => {
    const reasons = checkRecord(schema, input, nowMs, row);
    if (reasons.length > 0) {
      result.rejections.push({ index, recordId: input.recordId.slice(0, 256), reasons });
      return;
    }
    const entity = String(row[schema.entityIndex]);
    const eventTimeMs = row[schema.eventTimeIndex] as number;
    const { recordId } = input;
    result.accepted.push({
      project,
      recordId,
      entity,
      eventTimeMs,
      values: storedValues(schema, row),
      schemaHash: schema.hash,
      source,
      ingestedAtMs: nowMs,
    });
    const label = applyLabelRule(schema.project.data.label, row[schema.labelIndex]);
    if (label === null) return;
    const knownAtMs = eventTimeMs + schema.project.data.label.delayMs;
    result.labels.push({
      project,
      recordId,
      predictionId: '',
      entity,
      value: label,
      eventTimeMs,
      knownAtMs,
      source,
      ingestedAtMs: nowMs,
    });
  });
  return result;
}
