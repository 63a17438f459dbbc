import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { decodeText, textBytes, type WireRules } from './text.js';
import { WireReader } from './wire-reader.js';
import { textFieldBytes, varintBytes, WireWriter } from './wire-writer.js';

const TOPIC: WireRules = { code: 'corrupt', badText: 'replace' };
const text = fc.string({ unit: 'grapheme', maxLength: 300 });
const integer = fc.integer({ min: Number.MIN_SAFE_INTEGER, max: Number.MAX_SAFE_INTEGER });

/** Field 1 with these bytes. */
const field = (...bytes: number[]) => Uint8Array.from([10, bytes.length, ...bytes]);

function readText(bytes: Uint8Array, how: 'text' | 'name', rules?: WireRules): string {
  const reader = new WireReader(bytes, rules);
  reader.tag();
  return reader[how]();
}

describe('a growing writer', () => {
  it('writes what a reader reads, however long a part is and however small the writer began', () => {
    const writer = WireWriter.growing(1);
    fc.assert(
      fc.property(fc.array(fc.tuple(text, integer, fc.double()), { maxLength: 20 }), (rows) => {
        for (const [name, number, double] of rows) {
          const start = writer.begin(7);
          writer.textAlways(1, name);
          writer.intAlways(2, number);
          writer.doubleField(3, double);
          writer.end(start);
        }
        const reader = new WireReader(writer.finish());
        for (const [name, number, double] of rows) {
          expect(reader.tag()).toBe((7 << 3) | 2);
          const end = reader.lengthEnd();
          expect([reader.tag(), reader.text(end)]).toEqual([10, name]);
          expect([reader.tag(), reader.int()]).toEqual([16, number]);
          if (!Object.is(double, 0)) expect([reader.tag(), reader.double()]).toEqual([25, double]);
          reader.finish(end);
        }
        expect(reader.more()).toBe(false);
      }),
    );
  });

  it('begins anew after a reset, and refuses what is no safe integer', () => {
    const writer = WireWriter.growing();
    writer.text(1, 'half a message');
    expect(() => writer.int(2, 2 ** 53)).toThrow('[invalid_argument] not a safe integer');
    writer.reset();
    writer.text(1, 'a');
    expect([...writer.finish()]).toEqual([10, 1, 97]);
  });
});

describe('a writer into bytes of the size of the message', () => {
  it('fills them to the last byte and never beyond', () => {
    fc.assert(
      fc.property(text, fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }), (name, number) => {
        const bytes = new Uint8Array(textFieldBytes(name) + 1 + varintBytes(number));
        const writer = new WireWriter(bytes);
        writer.text(1, name);
        writer.intAlways(2, number);
        expect(writer.at).toBe(bytes.length);
        const reader = new WireReader(bytes);
        if (name !== '') expect([reader.tag(), reader.text()]).toEqual([10, name]);
        expect([reader.tag(), reader.int()]).toEqual([16, number]);
      }),
    );
  });
});

describe('texts', () => {
  it.each([39, 40, 41, 64, 96, 97])('of %i bytes that come again, or nearly, are what they are', (length) => {
    const one = 'a'.repeat(length);
    const other = `${one.slice(1)}b`;
    for (const value of [one, other, one, one, `ü${one.slice(2)}`, one]) {
      const writer = WireWriter.growing();
      writer.textAlways(1, value);
      expect(readText(writer.finish(), 'name')).toBe(value);
    }
  });

  it('are the same read as text and as name, and as long as they say', () => {
    fc.assert(
      fc.property(text, (value) => {
        const writer = WireWriter.growing();
        writer.textAlways(1, value);
        const bytes = writer.finish();
        expect([readText(bytes, 'text'), readText(bytes, 'name'), readText(bytes, 'name')]).toEqual([
          value,
          value,
          value,
        ]);
        expect(textBytes(value)).toBe(Buffer.byteLength(value));
      }),
    );
  });

  it.each([
    ['a continuation byte alone', field(0x61, 0x80)],
    ['half a character', field(0x61, 0xc3)],
    ['half a surrogate pair', field(0xed, 0xa0, 0x80)],
  ])('of %s are refused or mended, as the rules say', (_what, bytes) => {
    for (const how of ['text', 'name'] as const) {
      expect(() => readText(bytes, how)).toThrow('[invalid_argument] a text is not valid UTF-8');
      expect(readText(bytes, how, TOPIC)).toContain('\uFFFD');
    }
  });

  it('may hold the replacement character itself', () => {
    const bytes = field(0xef, 0xbf, 0xbd);
    expect([readText(bytes, 'text'), readText(bytes, 'name')]).toEqual(['\uFFFD', '\uFFFD']);
    expect(decodeText(bytes, 2, 5)).toBe('\uFFFD');
  });
});

describe('a reader', () => {
  it.each<[string, number[], (reader: WireReader) => unknown]>([
    ['an endless varint', new Array(11).fill(0x80), (reader) => reader.int()],
    ['a varint that ends early', [0x80], (reader) => reader.int()],
    ['an integer no double holds', [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f], (reader) => reader.int()],
    ['half a double', [1, 2, 3], (reader) => reader.double()],
    ['half a float', [1, 2, 3], (reader) => reader.float()],
    ['a length past the end', [5, 1], (reader) => reader.text()],
    ['field number 0', [0], (reader) => reader.tag()],
    ['a group', [], (reader) => reader.skip((1 << 3) | 3)],
    ['a field past the end', [1], (reader) => reader.skip((1 << 3) | 1)],
    ['packed values that run over', [1, 0x80, 0x01], (reader) => reader.ints([], 10)],
  ])('calls %s malformed, with the code it was given', (_what, bytes, read) => {
    expect(() => read(new WireReader(Uint8Array.from(bytes)))).toThrow('[invalid_argument] malformed message');
    expect(() => read(new WireReader(Uint8Array.from(bytes), TOPIC))).toThrow('[corrupt] malformed message');
  });
});

describe('names that come again', () => {
  const strict = new TextDecoder('utf-8', { fatal: false, ignoreBOM: true });

  it('are what their bytes say, however alike they are to names before them', () => {
    // Alike in length and in the last bytes, which choose the slot of a longer one.
    const bytes = (length: number, k: number) => Uint8Array.from({ length }, (_, i) => (i === k ? 98 : 97));
    for (const length of [1, 39, 40, 41, 64, 127, 128, 129, 300])
      for (let k = 0; k < length; k++)
        expect(decodeText(bytes(length, k), 0, length, TOPIC)).toBe(String.fromCharCode(...bytes(length, k)));
  });

  it('are what their bytes say, UTF-8 or not', () => {
    const part = fc.oneof(
      fc.constantFrom('é', 'ÿ', '漢', 'x', '\u0000'),
      fc.string({ unit: 'grapheme', maxLength: 30 }),
    );
    const broken = fc.uint8Array({ maxLength: 150 });
    const whole = fc.array(part, { maxLength: 12 }).map((parts) => new TextEncoder().encode(parts.join('')));
    fc.assert(
      fc.property(fc.oneof(whole, broken), (bytes) => {
        for (let time = 0; time < 2; time++)
          expect(decodeText(bytes, 0, bytes.length, TOPIC)).toBe(strict.decode(bytes));
      }),
      { numRuns: 2_000 },
    );
  });
});
