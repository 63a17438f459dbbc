import { create, toBinary } from '@bufbuild/protobuf';
import { describe, expect, it } from '@jest/globals';
import { relayPb } from '@millrace/contracts';
import fc from 'fast-check';
import { decodeFrames, encodeFrames, type InFrame, type OutFrame } from './frame-codec.js';

const allocate = (size: number) => new Uint8Array(size);

const outFrame: fc.Arbitrary<OutFrame> = fc.record({
  id: fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
  version: fc.integer({ min: 0, max: 2 ** 31 - 1 }),
  model: fc.string({ unit: 'grapheme', maxLength: 20 }),
  request: fc.uint8Array({ maxLength: 300 }),
  traceparent: fc.string({ maxLength: 60 }),
  entity: fc.string({ unit: 'grapheme', maxLength: 20 }),
  deadlineMs: fc.integer({ min: 0, max: 2 ** 31 - 1 }),
  cancelled: fc.boolean(),
});

describe('request frames', () => {
  it('are byte for byte what the generated codec writes', () => {
    fc.assert(
      fc.property(fc.array(outFrame, { maxLength: 5 }), (frames) => {
        const message = create(relayPb.ExchangeRequestSchema, {
          frames: frames.map((frame) => ({ ...frame, id: BigInt(frame.id) })),
        });
        const ours = encodeFrames(frames, 0, frames.length, allocate);
        expect([...ours]).toEqual([...toBinary(relayPb.ExchangeRequestSchema, message)]);
      }),
    );
  });
});

describe('response frames', () => {
  it('are read as the generated codec wrote them', () => {
    const frame = fc.record({
      id: fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
      status: fc.integer({ min: 0, max: 16 }),
      message: fc.string({ unit: 'grapheme', maxLength: 100 }),
      response: fc.uint8Array({ maxLength: 300 }),
    });
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 5 }), (frames) => {
        const message = create(relayPb.ExchangeResponseSchema, {
          frames: frames.map((f) => ({ ...f, id: BigInt(f.id) })),
        });
        const seen: InFrame[] = [];
        expect(decodeFrames(toBinary(relayPb.ExchangeResponseSchema, message), (f) => seen.push(f))).toBe(true);
        expect(seen.map((f) => ({ ...f, response: [...f.response] }))).toEqual(
          frames.map((f) => ({ ...f, response: [...f.response] })),
        );
      }),
    );
  });

  it('are refused, never thrown over, when they are garbage', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(typeof decodeFrames(bytes, () => undefined)).toBe('boolean');
      }),
      { numRuns: 2000 },
    );
  });
});
