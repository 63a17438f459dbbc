import { describe, expect, it } from '@jest/globals';
import type { DeadLetter } from '@millrace/contracts';
import { letterView } from './letter-view.js';

const reason = { code: 'wrong_type', field: 'amount', message: 'm' } as const;

function view(payload: string, changes: Partial<DeadLetter> = {}, idColumn?: string) {
  const bytes = new TextEncoder().encode(payload);
  const letter = {
    source: 'upload:a.csv',
    offset: 4,
    payload: bytes,
    payloadBytes: bytes.length,
    reasons: [reason],
    ...changes,
  };
  return letterView(letter as DeadLetter, idColumn);
}

describe('a dead letter as people look at it', () => {
  it.each([
    ['a record', '{"recordId":"r","values":{"amount":"ten"}}', '"ten"'],
    ['a flat record or label', '{"recordId":"r","amount":9007199254740993}', '9007199254740993'],
    ['a record that lacks the column', '{"values":{"other":1}}', undefined],
    ['null', '{"values":{"amount":null}}', undefined],
    ['what is no JSON', 'a;b;c', undefined],
    ['JSON that is no object', '[1]', undefined],
  ])('says what the column held: %s', (_what, payload, value) => {
    expect(view(payload).reasons[0]).toEqual(value === undefined ? reason : { ...reason, value });
  });

  it('says the row of a file, from 1, and of nothing else', () => {
    expect(view('{}').row).toBe(5);
    expect(view('{}', { source: 'records.v1' }).row).toBeUndefined();
    expect(view('{}', { source: 'http', offset: -1 }).row).toBeUndefined();
  });

  it.each([
    ['a label', '{"recordId":"r7","value":"ja"}', 'r7'],
    ['a label of a prediction', '{"predictionId":"r7/0","value":"ja"}', 'r7/0'],
    ['a record', '{"recordId":"r7","values":{"amount":1}}', 'r7'],
    ['an id of the row', '{"values":{"record_id":"r8"}}', 'r8'],
    ['a row without one', '{"values":{"amount":1}}', undefined],
  ])('says what record it is about: %s', (_what, payload, id) => expect(view(payload).recordId).toBe(id));

  it.each([
    ['a row', '{"values":{"reading_id":1,"zzz":2}}', '1'],
    ['a flat record', '{"reading_id":9007199254740993,"zzz":2}', '9007199254740993'],
    ['one that brings an id beside its column', '{"recordId":"r7","values":{"reading_id":1}}', 'r7'],
    ['one without', '{"values":{"zzz":2}}', undefined],
  ])("says the record by the project's own column of ids: %s", (_what, payload, id) => {
    expect(view(payload, {}, 'reading_id').recordId).toBe(id);
    expect(view(payload, {}, 'constructor').recordId).toBe(id === 'r7' ? id : undefined);
  });

  it('says no value of an original that was not kept whole', () => {
    expect(view('{"values":{"amount":1}}', { payloadBytes: 99_999 }).reasons[0]).toEqual(reason);
  });
});
