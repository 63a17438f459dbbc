import { describe, expect, it } from '@jest/globals';
import { PlatformError } from '@millrace/domain';
import { badMessage, decodeBatch } from './decode-batch.js';
import type { InboundMessage } from './message.js';

const inbound = (offset: number, text: string | null): InboundMessage => ({
  topic: 't',
  partition: 0,
  offset,
  key: null,
  value: text === null ? null : Buffer.from(text),
  headers: {},
  timestampMs: 0,
});
const decode = (bytes: Uint8Array): string => {
  const text = Buffer.from(bytes).toString();
  if (text === '') throw new PlatformError('corrupt', 'empty');
  if (text === 'bug') throw new TypeError('not a function');
  return text;
};

describe('a batch of messages', () => {
  it('keeps the place of what is corrupt, and sets it aside with the reason', () => {
    const messages = [inbound(7, 'a'), inbound(8, null), inbound(9, 'b')];
    const { batch, deadLetters } = decodeBatch(messages, decode);
    expect(batch).toEqual([
      { offset: 7, timestampMs: 0, message: 'a' },
      { offset: 8, timestampMs: 0, message: undefined },
      { offset: 9, timestampMs: 0, message: 'b' },
    ]);
    expect(deadLetters).toEqual([
      { message: messages[1], reasons: [{ code: 'decode_failed', field: '', message: 'empty' }] },
    ]);
  });

  it('does not take a bug of the decoder for a bad message', () => {
    expect(() => decodeBatch([inbound(1, 'bug')], decode)).toThrow('not a function');
  });
});

describe('a bad message', () => {
  it('tells a failed handler from a failed decoder, in at most 1,000 characters', () => {
    const { reasons } = badMessage(inbound(1, 'x'), new PlatformError('internal', 'x'.repeat(5_000)));
    expect(reasons).toEqual([{ code: 'handler_failed', field: '', message: 'x'.repeat(1_000) }]);
  });
});
