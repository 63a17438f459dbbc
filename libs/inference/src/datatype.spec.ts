import { describe, expect, it } from '@jest/globals';
import { halfToNumber, numberToBfloat, numberToHalf } from './datatype.js';

describe('half precision', () => {
  it('keeps every FP16 value', () => {
    for (let bits = 0; bits < 65536; bits++) {
      const value = halfToNumber(bits);
      if (!Number.isNaN(value) && numberToHalf(value) !== bits)
        throw new Error(`bits ${bits} became ${numberToHalf(value)}`);
    }
    expect(numberToHalf(65504)).toBe(0x7bff);
    expect(numberToHalf(65520)).toBe(0x7c00);
    expect(numberToHalf(1 + 2 ** -11)).toBe(0x3c00);
    expect(numberToBfloat(1.00390625)).toBe(0x3f80);
  });
});
