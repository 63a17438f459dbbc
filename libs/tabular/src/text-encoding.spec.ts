import { describe, expect, it } from '@jest/globals';
import { EncodingEvidence } from './text-encoding.js';

function found(bytes: readonly number[], pieceBytes = bytes.length) {
  const evidence = new EncodingEvidence();
  for (let at = 0; at < bytes.length; at += pieceBytes)
    evidence.take(Uint8Array.from(bytes.slice(at, at + pieceBytes)));
  return evidence.end();
}
const utf8 = (text: string) => [...new TextEncoder().encode(text)];
const latin1 = (text: string) => [...text].map((c) => c.charCodeAt(0));

describe('the encoding of a text', () => {
  it.each([
    ['ASCII', utf8('a,b'), 'utf-8', false],
    ['UTF-8 with letters of many scripts', utf8('naïve,日本,😀'), 'utf-8', false],
    ['UTF-8 that holds a replacement character itself', utf8('a\uFFFDb'), 'utf-8', false],
    ['Latin-1', latin1('name\nMüller\nJosé'), 'windows-1252', false],
    ['Windows-1252 quotes and the euro', [0x93, 0x61, 0x94, 0x80], 'windows-1252', false],
    ['UTF-8 with one damaged byte', [...utf8('Müller José Ågren'), 0xff], 'utf-8', true],
    ['UTF-8 that ends within a character', [...utf8('Müller José'), 0xc3], 'utf-8', true],
    ['UTF-16 with its mark', [0xff, 0xfe, 0x61, 0], 'utf-16le', false],
    ['the other UTF-16', [0xfe, 0xff, 0, 0x61], 'utf-16be', false],
  ])('%s', (_what, bytes, encoding, damaged) => {
    expect(found(bytes)).toEqual({ encoding, damaged });
    // A character may lie across two pieces.
    expect(found(bytes, 2)).toEqual({ encoding, damaged });
  });
});
