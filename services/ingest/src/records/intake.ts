// Sorts inputs into good and bad: records and labels that go to Kafka, and rejections with every reason. A good record
// goes on as soon as it is checked, as the row it was read into; nothing is made of it here. Pure; encoding, sending
// and answering is the edges' part.

import type { LabelMessage, Reason } from '@millrace/contracts';
import type { Scalar } from '@millrace/domain';
import { applyLabelRule, type ColumnSpec, writtenValue } from '@millrace/project';
import type { Delivery, Rejection } from '../deadletters/rejection.js';
import { addReason, checkId, checkRow, shown } from '../schema/check-row.js';
import { entityOf, eventTimeOf, type RecordSchema, recordIdOf } from '../schema/record-schema.js';
import { ownValue, type RecordInput } from './record-input.js';

export interface RecordIntake {
  accepted: number;
  /** Labels of records that brought their outcome along. */
  labels: LabelMessage[];
  rejections: Rejection[];
}

/** What a caller is told once the accepted ones are safe. */
export interface IntakeOutcome {
  accepted: number;
  rejections: readonly Rejection[];
}

const ID_REMEDY =
  '; send it with the record, name the column that holds it with data.recordId, or send clientId and sequence ' +
  '(gRPC: client_id and record_sequence)';

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

/** Where good records go. */
export interface RecordSink {
  /** `row`: by column position, null = missing; it is another record's when this has returned. */
  add(recordId: string, entity: string, eventTimeMs: number, row: readonly Scalar[]): void;
}

/** Two ids of one record: labels sent for the one that is dropped would find nothing. */
function checkBeside(schema: RecordSchema, input: RecordInput, row: readonly Scalar[], reasons: Reason[]): void {
  const column = schema.columns[schema.recordIdIndex];
  if (column === undefined || !input.hasOwnId || input.recordId === String(row[schema.recordIdIndex])) return;
  if ((ownValue(input.values, column.name) ?? null) === null) return;
  addReason(
    reasons,
    'bad_id',
    'recordId',
    `${shown(input.recordId)} is not the record's ${column.name}, ${shown(row[schema.recordIdIndex])}: leave it out`,
  );
}

/** The column of the record's id may be left out where the id stands beside the values. */
function rawValue(schema: RecordSchema, input: RecordInput, index: number): unknown {
  const column = schema.columns[index] as ColumnSpec;
  const given = ownValue(input.values, column.name);
  const value = input.isRead === true ? given : writtenValue(column, given);
  if (index !== schema.recordIdIndex || !input.hasOwnId) return value;
  return value ?? input.recordId;
}

/** The id of a record that may be bad, for the one who sent it. */
function claimedId(schema: RecordSchema, input: RecordInput): string {
  const claimed = schema.recordIdIndex < 0 ? input.recordId : rawValue(schema, input, schema.recordIdIndex);
  return typeof claimed === 'object' ? '' : String(claimed ?? '').slice(0, 256);
}

export function intakeRecords(
  schema: RecordSchema,
  inputs: readonly RecordInput[],
  delivery: Delivery,
  sink: RecordSink,
): RecordIntake {
  const result: RecordIntake = { accepted: 0, labels: [], rejections: [] };
  const { project, source, nowMs } = { project: schema.project.name, ...delivery };
  const rule = schema.project.data.label;
  const row: Scalar[] = new Array(schema.columns.length).fill(null);
  let input = inputs[0] as RecordInput;
  const read = (column: number) => rawValue(schema, input, column);
  let reasons: Reason[] = [];
  for (let index = 0; index < inputs.length; index++) {
    input = inputs[index] as RecordInput;
    if (input.faults.length > 0) reasons.push(...input.faults);
    else {
      if (schema.recordIdIndex < 0) checkId('recordId', input.recordId, reasons, ID_REMEDY);
      unknownFields(schema, input.values, reasons);
      checkRow(schema, read, row, nowMs, reasons);
      if (reasons.length === 0) checkBeside(schema, input, row, reasons);
    }
    if (reasons.length > 0) {
      result.rejections.push({ index, recordId: claimedId(schema, input), reasons });
      reasons = [];
      continue;
    }
    const entity = entityOf(schema, row);
    const eventTimeMs = eventTimeOf(schema, row, nowMs);
    const recordId = recordIdOf(schema, row, input.recordId);
    sink.add(recordId, entity, eventTimeMs, row);
    result.accepted += 1;
    const label = applyLabelRule(rule, row[schema.labelIndex]);
    if (rule === undefined || label === null) continue;
    const knownAtMs = eventTimeMs + rule.delayMs;
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
  }
  return result;
}
