import { describe, expect, it } from '@jest/globals';
import { applyShift, shiftStart } from './shift.js';

describe('applyShift', () => {
  it('adds with a modulus, multiplies, sets, and leaves what is not a number', () => {
    const values = { hour: 22, distance: 100, origin: 'SFO', flag: 3, gone: null };
    applyShift(values, [
      { feature: 'hour', operation: 'add', value: 5, modulo: 24 },
      { feature: 'distance', operation: 'multiply', value: 1.6 },
      { feature: 'origin', operation: 'add', value: 1 },
      { feature: 'flag', operation: 'set', value: 0 },
      { feature: 'gone', operation: 'add', value: 1 },
    ]);
    expect(values).toEqual({ hour: 3, distance: 160, origin: 'SFO', flag: 0, gone: null });
  });

  it('starts where the share says', () => {
    expect(shiftStart(120_000, { fromShare: 2 / 3, operations: [] })).toBe(80_000);
    expect(shiftStart(120_000, undefined)).toBe(Number.POSITIVE_INFINITY);
  });
});
