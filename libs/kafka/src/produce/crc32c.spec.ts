import { describe, expect, it } from '@jest/globals';
import { crc32c } from './crc32c.js';

/** The definition: a bit at a time. */
function slow(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  }
  return ~crc >>> 0;
}

describe('CRC-32C', () => {
  // RFC 3720, B.4, and the check value of the catalogues.
  it.each([
    ['123456789', Buffer.from('123456789'), 0xe3069283],
    ['32 zeros', Buffer.alloc(32), 0x8a9136aa],
    ['32 ones', Buffer.alloc(32, 0xff), 0x62a8ab43],
    ['0 to 31', Buffer.from(Array.from({ length: 32 }, (_, i) => i)), 0x46dd794e],
  ])('of %s is as published', (_what, bytes, sum) => {
    expect(crc32c(bytes)).toBe(sum);
  });

  it('is the definition at every length and offset', () => {
    const bytes = Buffer.from(Array.from({ length: 90 }, (_, i) => (i * 151 + 7) & 255));
    for (let from = 0; from < 9; from++)
      for (let to = from; to <= bytes.length; to++)
        expect(crc32c(bytes, from, to)).toBe(slow(bytes.subarray(from, to)));
  });
});
