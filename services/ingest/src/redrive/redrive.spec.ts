import { describe, expect, it } from '@jest/globals';
import type { DeadLetter } from '@millrace/contracts';
import { ManualClock } from '@millrace/domain';
import type { RecordSchema } from '../schema/record-schema.js';
import { Redrive } from './redrive.js';

const text = (value: string) => new TextEncoder().encode(value);
const schema = {
  project: { name: 'flights' },
  columns: [
    { name: 'x', type: 'number' },
    { name: 'paid', type: 'boolean' },
  ],
  indexOf: new Map([
    ['x', 0],
    ['paid', 1],
  ]),
} as unknown as RecordSchema;

function redriven(letter: Partial<DeadLetter> | null, among: readonly Partial<DeadLetter>[] = []) {
  const taken: { kind: string; input: unknown; source: string }[] = [];
  const marked: DeadLetter[] = [];
  const clock = new ManualClock(5_000);
  const take =
    (kind: string) =>
    async (_schema: RecordSchema, [input]: readonly unknown[], source: string) => {
      taken.push({ kind, input, source });
      return { accepted: 1, rejections: [] };
    };
  const payload = letter?.payload ?? text('{"recordId":"r1","values":{"x":1}}');
  const whole = {
    id: 'L1',
    project: 'flights',
    source: 'http',
    payload,
    payloadBytes: payload.length,
    redrivenAtMs: 0,
    ...letter,
  };
  const redrive = new Redrive(
    { matching: () => (letter === null ? [] : [whole, ...among]) as DeadLetter[] },
    { get: () => schema },
    {
      records: take('record'),
      labels: take('label'),
      decodeRecord: (bytes) => JSON.parse(new TextDecoder().decode(bytes)),
      decodeLabel: (bytes) => JSON.parse(new TextDecoder().decode(bytes)),
      mark: async (one) => {
        marked.push(one);
      },
    },
    clock,
  );
  return { taken, marked, run: (again = false) => redrive.run('L1', again) };
}

describe('a dead letter taken in again', () => {
  it('is a record, unless its source says that it was a label', async () => {
    const record = redriven({});
    expect(await record.run()).toEqual({ accepted: 1, rejected: [], project: 'flights', kind: 'record' });
    expect(record.taken).toEqual([
      { kind: 'record', input: { recordId: 'r1', hasOwnId: true, values: { x: 1 }, faults: [] }, source: 'redrive' },
    ]);
    const label = redriven({ source: 'grpc:labels', payload: text('{"recordId":"r1","value":1}') });
    expect(await label.run()).toMatchObject({ kind: 'label' });
    expect(label.taken[0]).toMatchObject({ kind: 'label', input: { recordId: 'r1', value: 1 } });
  });

  it('is a message of a topic where it was one', async () => {
    const record = redriven({ source: 'records.v1' });
    await record.run();
    expect(record.taken[0]).toMatchObject({ kind: 'record', input: { recordId: 'r1', values: { x: 1 } } });
    const label = redriven({ source: 'labels.v1', payload: text('{"recordId":"r1","value":1}') });
    await label.run();
    expect(label.taken[0]).toMatchObject({ kind: 'label', input: { recordId: 'r1', value: 1, raw: null } });
  });

  it('is a row of a file whose texts are read as the file was', async () => {
    const payload = text('{"recordId":"f/3","decimal":",","values":{"x":"1,5","paid":"yes","other":"1,5"}}');
    const { taken, run } = redriven({ source: 'upload:loans.csv', payload });
    await run();
    const values = { x: 1.5, paid: true, other: '1,5' };
    expect(taken[0]?.input).toEqual({ recordId: 'f/3', hasOwnId: false, values, faults: [], isRead: true });
    const broken = redriven({ source: 'upload:loans.csv', payload: text('1;2;3') });
    await broken.run();
    expect(broken.taken[0]?.input).toMatchObject({ faults: [{ code: 'malformed' }] });
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
    ['is no message of its topic', { source: 'records.v1', payload: text('{') }, 'conflict'],
  ] as const)('is refused when it %s', async (_why, letter, code) => {
    const { taken, run } = redriven(letter);
    await expect(run()).rejects.toMatchObject({ code, retry: 'never' });
    expect(taken).toEqual([]);
  });

  it('leaves a trace, and is taken twice only where that is asked: it was "taken in" again and again', async () => {
    const first = redriven({});
    await first.run();
    expect(first.marked).toEqual([expect.objectContaining({ id: 'L1', redrivenAtMs: 5_000, payload: text('') })]);
    const second = redriven({ redrivenAtMs: 5_000 });
    await expect(second.run()).rejects.toMatchObject({
      ...{ code: 'conflict', retry: 'never' },
      reason: expect.stringMatching(/^dead letter L1 was taken in at 1970-01-01T00:00:05Z already: `--again`/),
    });
    expect(second.taken).toEqual([]);
    expect(await second.run(true)).toMatchObject({ accepted: 1 });
  });

  it('is taken in once where several ask at the same moment', async () => {
    const { run, taken } = redriven({});
    const asked = await Promise.allSettled([run(), run(), run(true)]);
    expect(asked.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected']);
    expect(asked[1]).toMatchObject({
      reason: { code: 'conflict', reason: 'dead letter L1 is being taken in right now' },
    });
    expect(taken).toHaveLength(1);
  });

  it('is named by the beginning of its id, as long as no other begins so', async () => {
    const { run } = redriven({ id: 'L1a' }, [{ id: 'L1b' }]);
    await expect(run()).rejects.toThrow('L1 begins several ids: L1a, L1b; write more of it');
  });
});
