import { describe, expect, it } from '@jest/globals';
import { PlatformError } from '@millrace/domain';
import fc from 'fast-check';
import {
  decodeExchangeRequest,
  decodeExchangeResponse,
  encodeExchangeRequest,
  encodeExchangeResponse,
  type RequestFrame,
  type ResponseFrame,
} from './relay-frames.js';

const requestFrame: fc.Arbitrary<RequestFrame> = fc.record({
  id: fc.integer({ min: 0, max: 2 ** 52 }),
  version: fc.nat(),
  model: fc.string(),
  request: fc.uint8Array(),
  traceparent: fc.string({ unit: 'grapheme' }),
  entity: fc.string({ unit: 'grapheme' }),
  deadlineMs: fc.nat(),
  cancelled: fc.boolean(),
  stream: fc.boolean(),
  shadow: fc.boolean(),
  rolloutRevision: fc.integer({ min: 0, max: 2 ** 52 }),
  rolloutWeight: fc.nat(99),
});
const responseFrame: fc.Arbitrary<ResponseFrame> = fc.record({
  id: fc.integer({ min: 0, max: 2 ** 52 }),
  status: fc.nat(16),
  message: fc.string({ unit: 'grapheme' }),
  response: fc.uint8Array(),
  more: fc.boolean(),
  refusal: fc.nat(2),
});

function collect<F>(decode: (bytes: Uint8Array, each: (frame: F) => void) => void, bytes: Uint8Array): F[] {
  const frames: F[] = [];
  decode(bytes, (frame) => frames.push(frame));
  return frames;
}

describe('relay frames', () => {
  it('come back as they went, and messages can be joined', () => {
    fc.assert(
      fc.property(fc.array(requestFrame), fc.array(requestFrame), (a, b) => {
        const joined = Uint8Array.from([...encodeExchangeRequest(a), ...encodeExchangeRequest(b)]);
        expect(collect(decodeExchangeRequest, joined)).toEqual([...a, ...b]);
      }),
    );
    fc.assert(
      fc.property(fc.array(responseFrame), (frames) => {
        expect(collect(decodeExchangeResponse, encodeExchangeResponse(frames))).toEqual(frames);
      }),
    );
  });

  it('never crash on garbage', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        for (const decode of [decodeExchangeRequest, decodeExchangeResponse]) {
          try {
            decode(bytes, () => {});
          } catch (error) {
            expect((error as PlatformError).code).toBe('invalid_argument');
          }
        }
      }),
      { numRuns: 1000 },
    );
  });
});
