// The table gives the slots that a Map of strings would.

import { describe, expect, it } from '@jest/globals';
import { seededRng } from '@millrace/domain';
import { IdTable } from './id-table.js';

const ODD = ['', 'a', '\u0000', 'ÿ', 'Ā', '漢字', '\u{1f600}', '\ud800', 'x'.repeat(3_000), 'é'.repeat(70)];

describe('a table of ids', () => {
  it.each(['plain', 'odd'])('numbers %s ids as they come, and finds each again', (kind) => {
    const rng = seededRng(7);
    const table = new IdTable();
    const slots = new Map<string, number>();
    for (let i = 0; i < 20_000; i++) {
      const odd = kind === 'odd' && i % 5 === 0 ? (ODD[rng.below(ODD.length)] as string) : '';
      const id = `${odd}${i % 7 === 0 ? '' : `r${rng.below(12_000)}/0`}`;
      expect(table.slot(id)).toBe(slots.get(id));
      if (!slots.has(id)) {
        expect(table.add(id)).toBe(slots.size);
        slots.set(id, slots.size);
      }
    }
    expect(table.size).toBe(slots.size);
    for (const [id, slot] of slots) {
      expect(table.slot(id)).toBe(slot);
      expect(table.id(slot)).toBe(id);
    }
    expect(table.slot('never')).toBeUndefined();
  });

  it('tells ids apart that begin and end alike', () => {
    const table = new IdTable();
    for (const id of ['ab', 'a', 'b', '', 'aba', 'ba']) table.add(id);
    expect([...Array(table.size).keys()].map((slot) => table.id(slot))).toEqual(['ab', 'a', 'b', '', 'aba', 'ba']);
  });
});
