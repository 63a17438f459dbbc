import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { NumberColumn } from './number-column.js';

describe('a column of numbers', () => {
  it('is what was pushed, whichever part of it is asked for', () => {
    const number = fc.double({ noNaN: true, noDefaultInfinity: true });
    const given = fc.array(fc.option(number, { freq: 20 }), { maxLength: 300, size: 'max' });
    fc.assert(
      fc.property(given, fc.nat(300), fc.nat(300), (values, from, count) => {
        const column = new NumberColumn();
        for (const value of values) column.push(value);
        const all = Array.from(column.part(0, column.length), (value) => (Number.isNaN(value) ? null : value));
        expect(all).toEqual(values);
        expect(column.hasGaps).toBe(values.includes(null));
        const start = Math.min(from, values.length);
        expect(column.part(start, start + count)).toHaveLength(values.slice(start, start + count).length);
      }),
    );
  });
});
