// Checks labels: ids, entity, times, and either the label itself or the raw outcome, to which the project's rule
// applies. A label of a project without event time has the time of its arrival where it says none.

import type { LabelMessage, Reason, ReasonCode } from '@millrace/contracts';
import { parseExactJson, type Scalar, suggest, taskOf, timeOf } from '@millrace/domain';
import { applyLabelRule, outcomeFault, writtenValue } from '@millrace/project';
import type { Delivery, Rejection } from '../deadletters/rejection.js';
import { addReason, checkEventTime, checkId, idText, shown, wholeDigits } from '../schema/check-row.js';
import type { RecordSchema } from '../schema/record-schema.js';

export interface LabelInput {
  recordId: unknown;
  predictionId: unknown;
  entity: unknown;
  eventTimeMs: unknown;
  /** Missing = event time plus the project's label delay. */
  knownAtMs: unknown;
  value: unknown;
  raw: unknown;
  faults: readonly Reason[];
}

export interface LabelIntake {
  accepted: LabelMessage[];
  rejections: Rejection[];
}

const NOTHING = {
  recordId: '',
  predictionId: '',
  entity: '',
  eventTimeMs: null,
  knownAtMs: null,
  value: null,
  raw: null,
};
const KEYS = Object.keys(NOTHING);

function fieldHint(key: string): string {
  const near = suggest(key, KEYS);
  return near === null ? `, which are ${KEYS.join(', ')}` : `; '${near}' is one`;
}

/** An input that is bad before the schema is asked. */
export function malformedLabel(message: string, code: ReasonCode = 'malformed'): LabelInput {
  const faults: Reason[] = [];
  addReason(faults, code, '', message);
  return { ...NOTHING, faults };
}

/** The JSON form: the fields of LabelInput but `faults`; ids and entity may be whole numbers. */
export function labelFromJson(json: unknown): LabelInput {
  const faults: Reason[] = [];
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    return malformedLabel('a label is a JSON object');
  }
  const given = json as Record<string, unknown>;
  for (const key of Object.keys(given)) {
    if (!KEYS.includes(key))
      addReason(faults, 'unknown_field', key.slice(0, 64), `is no field of a label${fieldHint(key)}`);
  }
  const id = (value: unknown): unknown => idText(value ?? '');
  return {
    recordId: id(given.recordId),
    predictionId: id(given.predictionId),
    entity: id(given.entity),
    eventTimeMs: given.eventTimeMs ?? null,
    knownAtMs: given.knownAtMs ?? null,
    value: given.value ?? null,
    raw: given.raw ?? null,
    faults,
  };
}

export function labelFromLine(line: string): LabelInput {
  try {
    return labelFromJson(parseExactJson(line));
  } catch (error) {
    return malformedLabel(`not JSON: ${(error as Error).message.slice(0, 120)}`);
  }
}

function outcome(schema: RecordSchema, input: LabelInput, reasons: Reason[]): number {
  const rule = schema.project.data.label;
  if (input.raw !== null && input.value !== null) {
    addReason(reasons, 'unknown_field', 'value', 'stands beside raw, the outcome itself: leave one of them out');
  } else if (input.raw !== null) {
    const column = schema.columns[schema.labelIndex];
    const raw = column === undefined ? input.raw : writtenValue(column, input.raw);
    const value = applyLabelRule(rule, raw as Scalar);
    const fault = outcomeFault(rule, raw);
    if (fault !== undefined) addReason(reasons, 'not_in_domain', rule?.column ?? '', fault);
    else if (value === null)
      addReason(reasons, 'wrong_type', rule?.column ?? '', 'does not fit the label rule of the project');
    else return taken(schema, value, rule?.column ?? '', reasons);
  } else if (typeof input.value === 'boolean') return Number(input.value);
  else if (input.value === null)
    addReason(reasons, 'missing_field', 'value', 'is missing: give true, false, 1 or 0, or the outcome itself as raw');
  else if (typeof input.value !== 'number')
    addReason(
      reasons,
      'wrong_type',
      'value',
      `${shown(input.value)} is not true, false, 1 or 0; the outcome as it was observed goes into raw`,
    );
  else if (!Number.isFinite(input.value))
    addReason(reasons, 'not_finite', 'value', `${input.value} is not a finite number`);
  else return taken(schema, input.value, 'value', reasons);
  return 0;
}

function taken(schema: RecordSchema, label: number, field: string, reasons: Reason[]): number {
  const fault = taskOf(schema.project.scope.task).labelFault(label);
  if (fault !== undefined) addReason(reasons, 'not_in_domain', field, fault);
  return label;
}

/** JSON leaves a time out, protobuf says 0. */
function isUnsaid(timeMs: unknown): boolean {
  return timeMs === null || timeMs === 0;
}

function isMissingTime(schema: RecordSchema, { eventTimeMs }: LabelInput): boolean {
  return schema.eventTimeIndex >= 0 && eventTimeMs === null;
}

function eventTimeOfLabel(schema: RecordSchema, { eventTimeMs }: LabelInput, nowMs: number): number {
  return schema.eventTimeIndex < 0 && isUnsaid(eventTimeMs) ? nowMs : timeOf(eventTimeMs);
}

/** An id that a column holds, as that column's records have it: by another spelling no record would be found. */
function checkOwnId(schema: RecordSchema, index: number, field: string, id: unknown, reasons: Reason[]): void {
  const before = reasons.length;
  checkId(field, id, reasons);
  const column = schema.columns[index];
  if (column?.type !== 'integer' || reasons.length > before) return;
  const digits = wholeDigits(id as string);
  if (digits === null)
    addReason(reasons, 'bad_id', field, `${shown(id)} is no whole number, as column '${column.name}' is`);
  else if (digits !== id)
    addReason(reasons, 'bad_id', field, `${shown(id)} is ${digits} in column '${column.name}': send it so`);
}

function checkEntity(schema: RecordSchema, entity: unknown, reasons: Reason[]): void {
  if (schema.entityIndex >= 0) checkOwnId(schema, schema.entityIndex, 'entity', entity, reasons);
  else if (entity !== '')
    addReason(
      reasons,
      'unknown_field',
      'entity',
      'the project has no entity: leave it out, or name its column with data.entity',
    );
}

/** `given`: as it was written, which may be no time at all. */
function checkTime(field: string, given: unknown, timeMs: number, nowMs: number, reasons: Reason[]): void {
  if (Number.isNaN(timeMs)) addReason(reasons, 'bad_event_time', field, `${shown(given)} is not a time`);
  else checkEventTime(field, timeMs, nowMs, reasons);
}

/** Checks labels and gives the messages of the good ones. */
export function intakeLabels(schema: RecordSchema, inputs: readonly LabelInput[], delivery: Delivery): LabelIntake {
  const result: LabelIntake = { accepted: [], rejections: [] };
  inputs.forEach((input, index) => {
    const reasons: Reason[] = [...input.faults];
    const value = reasons.length > 0 ? 0 : outcome(schema, input, reasons);
    const eventTimeMs = eventTimeOfLabel(schema, input, delivery.nowMs);
    const knownAtMs = isUnsaid(input.knownAtMs)
      ? eventTimeMs + (schema.project.data.label?.delayMs ?? 0)
      : timeOf(input.knownAtMs);
    if (reasons.length === 0) {
      if (input.predictionId !== '') checkId('prediction_id', input.predictionId, reasons);
      if (input.recordId !== '' || input.predictionId === '')
        checkOwnId(schema, schema.recordIdIndex, 'record_id', input.recordId, reasons);
      checkEntity(schema, input.entity, reasons);
      if (isMissingTime(schema, input)) addReason(reasons, 'bad_event_time', 'event_time_ms', 'is missing');
      else checkTime('event_time_ms', input.eventTimeMs, eventTimeMs, delivery.nowMs, reasons);
      // Without a time of its own a label is dated by the project's delay, which may end after today.
      if (!isUnsaid(input.knownAtMs)) checkTime('known_at_ms', input.knownAtMs, knownAtMs, delivery.nowMs, reasons);
    }
    if (reasons.length > 0) {
      result.rejections.push({ index, recordId: String(input.recordId).slice(0, 256), reasons });
      return;
    }
    result.accepted.push({
      project: schema.project.name,
      recordId: input.recordId as string,
      predictionId: input.predictionId as string,
      entity: input.entity as string,
      value,
      eventTimeMs,
      knownAtMs,
      source: delivery.source,
      ingestedAtMs: delivery.nowMs,
    });
  });
  return result;
}
