import { describe, expect, it } from '@jest/globals';
import { seededRng } from '@millrace/domain';
import { type GroupMember, shareNumbers } from './share-numbers.js';

const plain = (members: GroupMember[], count: number) => Object.fromEntries(shareNumbers(members, count));

describe('shareNumbers', () => {
  it('gives everything to a member that is alone, and halves to two', () => {
    expect(plain([{ id: 'a', held: [] }], 4)).toEqual({ a: [0, 1, 2, 3] });
    const halves = plain(
      [
        { id: 'a', held: [0, 1, 2, 3] },
        { id: 'b', held: [] },
      ],
      4,
    );
    expect(halves).toEqual({ a: [0, 1], b: [2, 3] });
  });

  it('moves only the numbers of a member that left', () => {
    const shares = plain(
      [
        { id: 'a', held: [0, 3] },
        { id: 'c', held: [2, 5] },
      ],
      6,
    );
    expect(shares.a).toEqual(expect.arrayContaining([0, 3]));
    expect(shares.c).toEqual(expect.arrayContaining([2, 5]));
    expect([...(shares.a ?? []), ...(shares.c ?? [])].sort()).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it('believes no claim of numbers that are not, and only the first of two claims', () => {
    expect(
      plain(
        [
          { id: 'a', held: [7, -1, 1] },
          { id: 'b', held: [1] },
        ],
        2,
      ),
    ).toEqual({ a: [1], b: [0] });
  });

  it('shares every number once and evenly, whatever the members say and in whatever order', () => {
    const rng = seededRng(7);
    const upTo = (max: number) => Math.floor(rng.next() * (max + 1));
    for (let round = 0; round < 500; round++) {
      const count = upTo(12);
      const members = Array.from({ length: 1 + upTo(5) }, (_, index) => ({
        id: `m${index}`,
        held: Array.from({ length: upTo(6) }, () => upTo(12)),
      }));
      const shares = plain(members, count);
      expect(plain([...members].reverse(), count)).toEqual(shares);
      const sizes = Object.values(shares).map(({ length }) => length);
      expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
      expect(
        Object.values(shares)
          .flat()
          .sort((a, b) => a - b),
      ).toEqual(Array.from({ length: count }, (_, i) => i));
    }
  });

  it('does not move anything where it is even already', () => {
    const held = { a: [0, 2], b: [1], c: [3] };
    const members = Object.entries(held).map(([id, numbers]) => ({ id, held: numbers }));
    expect(plain(members, 4)).toEqual(held);
  });
});
