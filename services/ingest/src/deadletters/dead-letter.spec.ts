import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { type BadInput, jsonPayload, makeDeadLetter } from './dead-letter.js';
import { DeadLetterList } from './dead-letter-list.js';

const sha256 = (bytes: Uint8Array | string) => createHash('sha256').update(bytes).digest('hex');
const bad = (changes: Partial<BadInput> = {}): BadInput => ({
  project: 'p',
  source: 'file:x',
  partition: 0,
  offset: 3,
  scope: 'i',
  payload: new Uint8Array([1, 2]),
  reasons: [{ code: 'malformed', field: '', message: 'm' }],
  ...changes,
});
const letter = (changes: Partial<BadInput> = {}, nowMs = 0) => makeDeadLetter(bad(changes), nowMs, sha256);

describe('dead letters', () => {
  it('keep length and hash of the whole, and the first 64 KiB', () => {
    const payload = new Uint8Array(70_000).fill(7);
    expect(letter({ payload })).toMatchObject({ payloadBytes: 70_000, payloadSha256: sha256(payload) });
    expect(letter({ payload }).payload).toHaveLength(65_536);
  });

  it('have an id that only place and content make', () => {
    expect(letter({}, 1).id).toBe(letter({}, 2).id);
    const others = [
      { offset: 4 },
      { partition: 1 },
      { project: 'q' },
      { source: 'http' },
      { scope: 'j' },
      { payload: new Uint8Array([1]) },
    ];
    expect(new Set(others.map((changes) => letter(changes).id).concat(letter().id)).size).toBe(others.length + 1);
  });

  it('show numbers that are no JSON', () => {
    expect(new TextDecoder().decode(jsonPayload({ x: Number.NaN, y: 5n }))).toBe('{"x":"NaN","y":"5"}');
  });
});

describe('DeadLetterList', () => {
  it('lists the newest first, counts each once, and stays within its bounds', () => {
    const list = new DeadLetterList({ entriesMax: 3, payloadBytesMax: 1_000 });
    for (const offset of [1, 2, 3, 4, 4, 5]) list.add(letter({ offset }));
    expect(list.list(null, 10, false).map(({ offset }) => offset)).toEqual([5, 4, 3]);
    expect(list.list('p', 1, false).map(({ offset }) => offset)).toEqual([5]);
    expect(list.list('other', 10, false)).toEqual([]);
    expect(list.count('p')).toBe(5);
    list.add(letter({ offset: 6, payload: new Uint8Array(999) }));
    expect(list.list(null, 10, false).map(({ offset }) => offset)).toEqual([6]);
    expect(list.matching(letter({ offset: 2 }).id, 9)).toEqual([]);
    const kept = letter({ offset: 6, payload: new Uint8Array(999) });
    expect(list.matching(kept.id.slice(0, 8), 9)).toEqual([kept]);
  });

  it('leaves out what was taken in again, which it offered for ever, until that is refused once more', () => {
    const list = new DeadLetterList({ entriesMax: 3, payloadBytesMax: 1_000 });
    const first = letter({ offset: 1 }, 100);
    const mark = { ...first, payload: new Uint8Array(), redrivenAtMs: 200 };
    // A mark of what is not kept any more says nothing.
    expect([list.add(mark), list.list('p', 9, true)]).toEqual([false, []]);
    for (const one of [first, letter({ offset: 2 }, 100), mark, mark]) list.add(one);
    const seen = (redriven: boolean) => list.list('p', 9, redriven).map(({ offset }) => offset);
    expect([seen(false), seen(true), list.count('p'), list.redrivenCount('p')]).toEqual([[2], [2, 1], 2, 1]);
    expect(list.matching(first.id, 9)).toEqual([{ ...first, redrivenAtMs: 200 }]);
    // A redelivery of the old refusal does not; a refusal since does.
    list.add(first);
    expect(seen(false)).toEqual([2]);
    list.add(letter({ offset: 1 }, 300));
    expect([seen(false), list.redrivenCount('p')]).toEqual([[2, 1], 0]);
  });
});
