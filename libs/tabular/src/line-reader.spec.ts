import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { LineReader, type TextLine } from './line-reader.js';

function lines(text: string, piece: number, max = 6): TextLine[] {
  const found: TextLine[] = [];
  const reader = new LineReader((line) => found.push(line), max);
  for (let at = 0; at < text.length; at += piece) reader.push(text.slice(at, at + piece));
  reader.end();
  return found;
}

describe('LineReader', () => {
  it('gives lines, passes empty ones over and cuts long ones', () => {
    expect(lines('ab\n\n  \nabcdefghij\nc', 100)).toEqual([
      { row: 0, text: 'ab', fault: null },
      { row: 1, text: 'abcdef', fault: 'longer than 6 characters' },
      { row: 2, text: 'c', fault: null },
    ]);
  });

  it('takes lines of a million characters', () => {
    const found: TextLine[] = [];
    const reader = new LineReader((line) => found.push(line));
    const most = 'x'.repeat(1_048_576);
    reader.push(`${most}\n${most}x\n`);
    expect(found.map(({ fault }) => fault)).toEqual([null, 'longer than 1048576 characters']);
  });

  it('gives the same lines whatever the pieces', () => {
    const text = fc.string({ unit: fc.constantFrom('a', '\n', 'b'), maxLength: 60 });
    fc.assert(
      fc.property(text, fc.integer({ min: 1, max: 9 }), (whole, piece) => {
        expect(lines(whole, piece)).toEqual(lines(whole, 1_000));
      }),
    );
  });
});
