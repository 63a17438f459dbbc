import { describe, expect, it } from '@jest/globals';
import type { DeadLetter } from '@millrace/contracts';
import type { RecordSchema } from '../schema/record-schema.js';
import { Redrive } from './redrive.js';

const text = (value: string) => new TextEncoder().encode(value);
const schema = { project: { name: 'flights' } } as RecordSchema;

function redriven(letter: Partial<DeadLetter> | null) {
  const taken: { kind: string; input: unknown; source: string; original: Uint8Array }[] = [];
  const take =
    (kind: string) =>
    async (
      _schema: RecordSchema,
      [input]: readonly unknown[],
      source: string,
      original: (at: number) => Uint8Array,
    ) => {
      taken.push({ kind, input, source, original: original(0) });
      return { accepted: 1, rejections: [] };
    };
  const payload = letter?.payload ?? text('{"recordId":"r1","values":{"x":1}}');
  const whole = { id: 'L1', project: 'flights', source: 'http', payload, payloadBytes: payload.length, ...letter };
  const redrive = new Redrive(
    { find: () => (letter === null ? null : (whole as DeadLetter)) },
    { get: () => schema },
    { records: take('record'), labels: take('label') },
  );
  return { taken, payload, run: () => redrive.run('L1') };
}

describe('a dead letter taken in again', () => {
  it('is a record, unless its source says that it was a label', async () => {
    const record = redriven({});
    expect(await record.run()).toEqual({ accepted: 1, rejected: [] });
    expect(record.taken).toEqual([
      {
        kind: 'record',
        input: { recordId: 'r1', hasOwnId: true, values: { x: 1 }, faults: [] },
        source: 'redrive',
        original: record.payload,
      },
    ]);
    const label = redriven({ source: 'grpc:labels', payload: text('{"recordId":"r1","value":1}') });
    await label.run();
    expect(label.taken[0]).toMatchObject({ kind: 'label', input: { recordId: 'r1', value: 1 } });
  });

  it('takes the id of the letter where the record has none', async () => {
    const { taken, run } = redriven({ payload: text('{"x":1}') });
    await run();
    expect(taken[0]?.input).toMatchObject({ recordId: 'L1' });
  });

  it.each([
    ['is not known', null, 'not_found'],
    ['was not kept whole', { payloadBytes: 70_000 }, 'conflict'],
    ['is no text', { payload: new Uint8Array([0xff, 0xfe]) }, 'conflict'],
  ] as const)('is refused when it %s', async (_why, letter, code) => {
    const { taken, run } = redriven(letter);
    await expect(run()).rejects.toMatchObject({ code, retry: 'never' });
    expect(taken).toEqual([]);
  });
});
