// What intake takes of inputs, as the messages that they become.

import type { RecordMessage } from '@millrace/contracts';
import type { Delivery } from '../src/deadletters/rejection.js';
import { intakeRecords, type RecordIntake } from '../src/records/intake.js';
import type { RecordInput } from '../src/records/record-input.js';
import type { RecordSchema } from '../src/schema/record-schema.js';

export interface RecordsTaken extends Omit<RecordIntake, 'accepted'> {
  accepted: RecordMessage[];
}

export function recordsTaken(schema: RecordSchema, inputs: readonly RecordInput[], delivery: Delivery): RecordsTaken {
  const { name: project } = schema.project;
  const { source, nowMs: ingestedAtMs } = delivery;
  const accepted: RecordMessage[] = [];
  const result = intakeRecords(schema, inputs, delivery, {
    add: (recordId, entity, eventTimeMs, row) => {
      const given = schema.stored.flatMap((index) => {
        const value = row[index];
        return value === null || value === undefined ? [] : [[schema.columns[index]?.name, value] as const];
      });
      const values = Object.fromEntries(given);
      accepted.push({ project, recordId, entity, eventTimeMs, values, schemaHash: schema.hash, source, ingestedAtMs });
    },
  });
  if (result.accepted !== accepted.length) throw new Error(`${result.accepted} of ${accepted.length} are counted`);
  return { ...result, accepted };
}
