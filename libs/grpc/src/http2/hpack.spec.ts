// Vectors of RFC 7541, appendix C, and a decoder that never reads past its block.

import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { AnswerBlocks } from '../http2-server/answer-blocks.js';
import { HpackDecoder, HpackError, literalField } from './hpack.js';

const LIST_BYTES = 16_384;

function decode(decoder: HpackDecoder, hex: string): string[] {
  const fields: string[] = [];
  decoder.decode(Buffer.from(hex.replaceAll(' ', ''), 'hex'), LIST_BYTES, fields);
  return fields;
}

describe('decoder', () => {
  it('follows the requests of C.4: Huffman texts and a table that grows', () => {
    const decoder = new HpackDecoder();
    expect(decode(decoder, '8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff')).toEqual([
      ...[':method', 'GET', ':scheme', 'http', ':path', '/', ':authority', 'www.example.com'],
    ]);
    expect(decode(decoder, '8286 84be 5886 a8eb 1064 9cbf')).toEqual([
      ...[':method', 'GET', ':scheme', 'http', ':path', '/'],
      ...[':authority', 'www.example.com', 'cache-control', 'no-cache'],
    ]);
    expect(decode(decoder, '8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf')).toEqual([
      ...[':method', 'GET', ':scheme', 'https', ':path', '/index.html'],
      ...[':authority', 'www.example.com', 'custom-key', 'custom-value'],
    ]);
  });

  it('reads what literalField writes, whatever its length', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, unit: 'grapheme-ascii' }), fc.nat(700), (name, length) => {
        const value = 'v'.repeat(length);
        const fields: string[] = [];
        expect(new HpackDecoder().decode(literalField(name, value), LIST_BYTES, fields)).toBe(true);
        expect(fields).toEqual([name, value]);
      }),
    );
  });

  it('says when a list is too large, and goes on with the connection’s table', () => {
    const decoder = new HpackDecoder();
    const learn = Buffer.concat([Buffer.from('4003612d620a', 'hex'), Buffer.from('0123456789')]);
    expect(decoder.decode(Buffer.concat([learn, Buffer.alloc(500, 0xbe)]), 1_000, [])).toBe(false);
    expect(decode(decoder, 'be')).toEqual(['a-b', '0123456789']);
  });

  it('ends in fields or HpackError for any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        const decoder = new HpackDecoder();
        try {
          const fields: string[] = [];
          decoder.decode(Buffer.from(bytes), LIST_BYTES, fields);
          expect(fields.length % 2).toBe(0);
        } catch (error) {
          expect(error).toBeInstanceOf(HpackError);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('answers', () => {
  it('are understood by a decoder, first and later, and after the peer shrank its table', () => {
    const blocks = new AnswerBlocks();
    const peer = new HpackDecoder();
    const answer = () => {
      const fields: string[] = [];
      peer.decode(blocks.headers, LIST_BYTES, fields);
      blocks.wroteHeaders();
      peer.decode(blocks.okTrailers, LIST_BYTES, fields);
      blocks.wroteOkTrailers();
      return fields;
    };
    const expected = [':status', '200', 'content-type', 'application/grpc', 'grpc-status', '0'];
    for (let n = 0; n < 3; n++) expect(answer()).toEqual(expected);
    expect(blocks.headers.length + blocks.okTrailers.length).toBe(3);
    blocks.peerTableSize(0);
    for (let n = 0; n < 2; n++) expect(answer()).toEqual(expected);
  });
});
