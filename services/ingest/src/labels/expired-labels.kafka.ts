// Labels whose record never came, or was deleted, as dead letters: whole, so that a redrive lets them wait again.

import { encodeLabel } from '@millrace/contracts';
import { counter, logger } from '@millrace/telemetry';
import type { DeadLetterSender } from '../deadletters/dead-letters.kafka.js';
import type { RecordSchema } from '../schema/record-schema.js';
import type { WaitingLabel } from './waiting-label.js';

const labelsExpired = counter('millrace.ingest.labels_expired');
const HOUR_MS = 3_600_000;

/** `told`: when it is durable that they wait no more; the same labels are given again until then. */
export function expiredLabels(deadLetters: Pick<DeadLetterSender, 'send'>) {
  const log = logger('labels');
  const hoursOf = ({ project: { data } }: RecordSchema) => Math.round((data.labelWaitMs / HOUR_MS) * 10) / 10;
  const give = async (schema: RecordSchema, labels: readonly WaitingLabel[]): Promise<void> => {
    const { name } = schema.project;
    const hours = hoursOf(schema);
    const message =
      `no record of this id came within ${hours} h (data.label.wait), or retention has deleted it; ` +
      '`millrace dlq redrive` lets the label wait again';
    await deadLetters.send(
      labels.map(({ partition, offset, ...label }) => ({
        ...{ project: name, source: 'labels.v1', scope: '', partition, offset },
        payload: encodeLabel({ ...label, project: name, source: '' }),
        reasons: [{ code: 'no_record', field: 'record_id', message: `'${label.recordId}': ${message}` }] as const,
      })),
    );
  };
  const told = (schema: RecordSchema, labels: number): void => {
    const { name } = schema.project;
    labelsExpired.add(labels, { project: name });
    log.warn('labels whose record did not come are dead letters', { project: name, labels, hours: hoursOf(schema) });
  };
  return { give, told };
}
