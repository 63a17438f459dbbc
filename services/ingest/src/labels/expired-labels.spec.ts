import { expect, it } from '@jest/globals';
import { type DeadLetter, decodeLabel, decodeRecord } from '@millrace/contracts';
import { ManualClock } from '@millrace/domain';
import { type BadInput, makeDeadLetter } from '../deadletters/dead-letter.js';
import { Redrive } from '../redrive/redrive.js';
import type { RecordSchema } from '../schema/record-schema.js';
import { expiredLabels } from './expired-labels.kafka.js';

const schema = { project: { name: 'p', data: { labelWaitMs: 5_400_000 } } } as unknown as RecordSchema;
const label = {
  ...{ recordId: 'r', predictionId: 'r/0', entity: 'ann', value: 1 },
  ...{ eventTimeMs: 1_000, knownAtMs: 2_000, ingestedAtMs: 3_000, partition: 2, offset: 7 },
};
const sha = (bytes: Uint8Array | string) => Buffer.from(bytes).toString('hex');

it('make dead letters that say why, with one id however often, and that a redrive takes in whole', async () => {
  const letters: DeadLetter[] = [];
  const send = async (bad: readonly BadInput[]) => {
    letters.push(...bad.map((input) => makeDeadLetter(input, 9, sha)));
  };
  const { give: expired } = expiredLabels({ send });
  await expired(schema, [label]);
  await expired(schema, [label]);
  const [letter, again] = letters as [DeadLetter, DeadLetter];
  expect(letter).toMatchObject({ project: 'p', source: 'labels.v1', partition: 2, offset: 7 });
  expect(letter.reasons).toMatchObject([{ code: 'no_record', message: expect.stringContaining("'r': no record") }]);
  expect(letter.reasons[0]?.message).toContain('1.5 h');
  expect(again.id).toBe(letter.id);

  const taken: unknown[] = [];
  const take = async (_schema: RecordSchema, inputs: readonly unknown[]) => {
    taken.push(...inputs);
    return { accepted: 1, rejections: [] };
  };
  const ports = { records: take, labels: take, decodeRecord, decodeLabel, mark: async () => {} };
  await new Redrive({ matching: () => [letter] }, { get: () => schema }, ports, new ManualClock()).run(
    letter.id,
    false,
  );
  const { ingestedAtMs: _at, partition: _partition, offset: _offset, ...whole } = label;
  expect(taken).toMatchObject([whole]);
});
