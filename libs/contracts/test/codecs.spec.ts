// Contract of every codec: round trip, bytes of earlier releases, every truncation and garbage is `corrupt` and never
// anything else, unknown fields are ignored.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { PlatformError, seededRng } from '@millrace/domain';
import { CODEC_SAMPLES, type CodecSample } from './samples.js';

const GOLDEN = join(process.cwd(), 'libs/contracts/golden');
const releases = readdirSync(GOLDEN).filter((name) => name.startsWith('v'));

/** What a decoder makes of bytes: a value, or the error's code. */
function outcome(sample: CodecSample, bytes: Uint8Array): unknown {
  try {
    sample.decode(bytes);
    return 'value';
  } catch (error) {
    return error instanceof PlatformError ? error.code : error;
  }
}

describe.each(CODEC_SAMPLES.map((sample) => [sample.name, sample] as const))('codec %s', (name, sample) => {
  it('gives back what it was given', () => {
    expect(sample.decode(sample.encode())).toEqual(sample.value);
    // A Buffer from Kafka, somewhere in a larger one.
    const larger = Buffer.concat([Buffer.from([9, 9, 9]), sample.encode(), Buffer.from([9])]);
    expect(sample.decode(larger.subarray(3, larger.length - 1))).toEqual(sample.value);
  });

  it('encodes the same value to the same bytes', () => {
    expect(Buffer.from(sample.encode()).equals(Buffer.from(sample.encode()))).toBe(true);
  });

  it('reads the bytes of every release', () => {
    const golden = releases.map((release) => join(GOLDEN, release, `${name}.bin`)).filter(existsSync);
    // None at all: `npm run golden` writes what a new message lacks. A test writes no golden.
    expect(golden).not.toEqual([]);
    for (const file of golden) expect(sample.decode(readFileSync(file))).toEqual(sample.value);
  });

  it('calls every truncation and every flipped bit corrupt, or reads a valid value', () => {
    const bytes = sample.encode();
    for (let length = 0; length < bytes.length; length++)
      expect(['value', 'corrupt']).toContain(outcome(sample, bytes.subarray(0, length)));
    expect(outcome(sample, bytes.subarray(0, 0))).toBe('corrupt');
    const rng = seededRng(11);
    for (let round = 0; round < 300; round++) {
      const broken = Uint8Array.from(bytes);
      const at = rng.below(broken.length);
      broken[at] = (broken[at] as number) ^ (1 << rng.below(8));
      expect(['value', 'corrupt']).toContain(outcome(sample, broken));
      const garbage = Uint8Array.from({ length: rng.below(64) }, () => rng.below(256));
      expect(['value', 'corrupt']).toContain(outcome(sample, garbage));
    }
  });

  if (name !== 'drift-event')
    it('ignores fields that only a later release knows; a route, which is written again, carries them', () => {
      // Field 1000, length-delimited, three bytes; field 1001, varint; field 1002, 64 bits; field 1003, 32 bits.
      const unknown = [
        0xc2, 0x3e, 3, 1, 2, 3, 0xc8, 0x3e, 0xff, 0x7f, 0xd1, 0x3e, 1, 2, 3, 4, 5, 6, 7, 8, 0xdd, 0x3e, 1, 2, 3, 4,
      ];
      const unread = Buffer.from(unknown).toString('base64');
      const expected = name.startsWith('route') ? { ...(sample.value as object), unread } : sample.value;
      const decoded = sample.decode(Buffer.concat([Buffer.from(sample.encode()), Buffer.from(unknown)]));
      expect(decoded).toEqual(expected);
    });
});
