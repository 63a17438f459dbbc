import { expect, it } from '@jest/globals';
import { PlatformError } from '@millrace/domain';
import { placeOf } from './place.kafka.js';

/** A group that keeps the last word, and two processes of it. */
function aGroup() {
  let kept = '';
  let holder = 'a';
  const away = { a: 0, b: 0 };
  const of = (member: 'a' | 'b') =>
    placeOf(
      () => ({
        numbers: () => (holder === member ? [0] : []),
        lastWord: async () => kept,
        confirm: async (_topic, word = '') => {
          if (away[member]-- > 0) throw new PlatformError('unavailable', 'the group does not know this member');
          kept = word;
        },
      }),
      member,
    );
  const give = (member: 'a' | 'b') => {
    holder = member;
  };
  const forget = () => {
    kept = '';
  };
  return { of, give, away, forget };
}

it('is confirmed to the process that claimed it, also after the group was away', async () => {
  const { of, away } = aGroup();
  const a = of('a');
  expect(await a.claim()).toBe(true);
  away.a = 1;
  await a.confirm();
  await a.confirm();
});

it('is not confirmed to one that lost it, nor to one that has it again after another', async () => {
  const { of, give } = aGroup();
  const [a, b] = [of('a'), of('b')];
  expect([await a.claim(), await b.claim()]).toEqual([true, false]);
  await a.confirm();
  give('b');
  expect(await b.claim()).toBe(true);
  await expect(a.confirm()).rejects.toMatchObject({ code: 'conflict' });
  await b.confirm();
  give('a');
  await expect(a.confirm()).rejects.toMatchObject({ code: 'conflict' });
  // Whoever was refused has not taken the successor's word away.
  give('b');
  await b.confirm();
});

it('is still confirmed where the broker has forgotten a word of long ago', async () => {
  const { of, give, forget } = aGroup();
  const [a, b] = [of('a'), of('b')];
  await a.claim();
  forget();
  await a.confirm();
  give('b');
  await expect(a.confirm()).rejects.toMatchObject({ code: 'conflict' });
  await b.claim();
  await b.confirm();
});
