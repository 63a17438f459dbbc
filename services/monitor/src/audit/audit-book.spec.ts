import { expect, it } from '@jest/globals';
import type { AuditEntry } from '@millrace/contracts';
import { PROJECTS_MAX } from '@millrace/domain';
import { AuditBook } from './audit-book.js';

const entry = (over: Partial<AuditEntry>): AuditEntry => ({
  ...{ writer: 'w', sequence: 1, atMs: 10, who: 'ada', action: 'route.abort', subject: 'version 2', detail: '' },
  ...{ correlationId: '', previousSha256: '', sha256: 'h', id: 'c-1', project: 'p', tool: 'cli', address: '' },
  ...{ reason: '', result: 'applied' },
  ...over,
});
const sound = () => 'sound' as const;
const ids = (book: AuditBook, since = 0, limit = 100) => book.of('p', since, limit).entries.map(({ id }) => id);

it('has the newest first, whatever the order of partitions, each project its own', () => {
  const book = new AuditBook(sound);
  for (const [id, atMs, project] of [
    ['b', 20, 'p'],
    ['a', 10, 'p'],
    ['x', 15, 'q'],
    ['c', 30, 'p'],
  ] as const)
    book.hear(entry({ id, atMs, project }));
  expect(ids(book)).toEqual(['c', 'b', 'a']);
  expect(ids(book, 20)).toEqual(['c', 'b']);
  expect(book.of('p', 0, 1)).toMatchObject({ entries: [{ id: 'c' }], more: 2, leftOut: 0 });
  expect(book.of('nobody', 0, 5)).toEqual({ entries: [], more: 0, leftOut: 0 });
});

it('has once what was told twice, and both where the result is another', () => {
  const book = new AuditBook(sound);
  for (const [sequence, result] of [
    [1, 'refused'],
    [2, 'refused'],
    [3, 'applied'],
  ] as const)
    book.hear(entry({ sequence, result }));
  expect(book.of('p', 0, 9).entries.map(({ result }) => result)).toEqual(['applied', 'refused']);
});

it('says what is not what was written, and passes over what was heard before', () => {
  const standings = ['sound', 'broken', 'repeated'] as const;
  let at = 0;
  const book = new AuditBook(() => standings[at++] as (typeof standings)[number]);
  for (const id of ['a', 'b', 'c']) book.hear(entry({ id }));
  expect(book.of('p', 0, 9).entries.map(({ id, isSound }) => [id, isSound])).toEqual([
    ['b', false],
    ['a', true],
  ]);
});

it('keeps what was done beside a flood of what was refused', () => {
  const book = new AuditBook(sound);
  book.hear(entry({ id: 'done', atMs: 0 }));
  for (let i = 1; i <= 5_000; i++) book.hear(entry({ id: `c-${i}`, atMs: i, result: 'refused' }));
  const { entries, leftOut } = book.of('p', 0, 5_000);
  expect([entries.at(-1)?.id, entries.length, leftOut]).toEqual(['done', 2_000, 3_001]);
  expect(book.of('p', 3_002, 5_000).leftOut).toBe(0);
});

it('is bounded, and says how much it does not hold', () => {
  const book = new AuditBook(sound);
  for (let i = 0; i < 2_003; i++) book.hear(entry({ id: `c-${i}`, atMs: i }));
  expect(book.of('p', 0, 5_000)).toMatchObject({ more: 0, leftOut: 3, entries: { length: 2_000 } });
  expect(book.of('p', 3, 5_000).leftOut).toBe(0);
  for (let i = 0; i < 2 * PROJECTS_MAX; i++) book.hear(entry({ id: 'x', project: `q${i}` }));
  expect(ids(book)).toEqual([]);
});
