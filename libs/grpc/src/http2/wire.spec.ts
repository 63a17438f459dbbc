import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Deframer, encodeStatusMessage, timeoutMs, type WireMessage } from './wire.js';

function framed(bytes: Uint8Array): number[] {
  const { length } = bytes;
  return [0, (length >>> 24) & 255, (length >>> 16) & 255, (length >>> 8) & 255, length & 255, ...bytes];
}

describe('deframer', () => {
  it('gives back the messages, however the bytes were cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 6 }),
        fc.array(fc.integer({ min: 1, max: 9 })),
        (messages, cuts) => {
          const bytes = Uint8Array.from(messages.flatMap(framed));
          const deframer = new Deframer(1000);
          const seen: WireMessage[] = [];
          let at = 0;
          for (let i = 0; at < bytes.length; i++) {
            const step = cuts[i % Math.max(1, cuts.length)] ?? 7;
            expect(deframer.push(bytes.subarray(at, at + step), (message) => seen.push(message))).toBeNull();
            at += step;
          }
          expect(seen.map((message) => [...message.bytes])).toEqual(messages.map((message) => [...message]));
          expect(deframer.end()).toBeNull();
        },
      ),
    );
  });

  it('refuses a message beyond the bound before it is there, and notices a cut one', () => {
    const none = () => undefined;
    expect(new Deframer(10).push(Uint8Array.from([0, 0, 0, 0, 11]), none)).toBe('too_large');
    expect(new Deframer(10).push(Uint8Array.from([0, 255, 255, 255, 255, 1]), none)).toBe('too_large');
    const cut = new Deframer(10);
    expect(cut.push(Uint8Array.from([0, 0, 0, 0, 5, 1]), none)).toBeNull();
    expect(cut.end()).toBe('truncated');
  });
});

describe('headers', () => {
  it.each([
    ['1S', 1000],
    ['250m', 250],
    ['2H', 7_200_000],
    ['99999999n', 99.999999],
  ])('timeout %s is %d ms', (header, expected) => expect(timeoutMs(header)).toBeCloseTo(expected));

  it('has no end without a timeout, and says so when it is malformed', () => {
    expect(timeoutMs(undefined)).toBe(Number.POSITIVE_INFINITY);
    for (const header of ['', '1', '123456789S', '-1S']) expect(timeoutMs(header)).toBeNaN();
  });

  it('encodes a status message so that a header can carry it', () => {
    expect(encodeStatusMessage("model 'x' is not known")).toBe("model 'x' is not known");
    expect(encodeStatusMessage('100 % ü\n')).toBe('100 %25 %C3%BC%0A');
  });
});
