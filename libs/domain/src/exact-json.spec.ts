import { describe, expect, it } from '@jest/globals';
import { exactJson, parseExactJson } from './exact-json.js';

describe('exact JSON', () => {
  it.each([
    ['{"id":9007199254740993}', { id: 9007199254740993n }],
    ['[-9223372036854775808]', [-9223372036854775808n]],
    ['{"id":9007199254740991,"x":0.1234567890123456789}', { id: 9007199254740991, x: 0.12345678901234568 }],
    ['{"id":"9007199254740993","t":" 1234567890123456789 "}', { id: '9007199254740993', t: ' 1234567890123456789 ' }],
    [`[${'1'.repeat(60)}]`, [Number('1'.repeat(60))]],
    ['[12345678901234567890e1]', [123456789012345680000]],
  ])('keeps the digits of integers, and of nothing else: %s', (text, value) => {
    expect(parseExactJson(text)).toEqual(value);
  });

  it('writes what it read', () => {
    const text = '{"id":9007199254740993,"more":[18446744073709551615,1.5,null,"9007199254740993"]}';
    expect(exactJson(parseExactJson(text))).toBe(text);
  });

  it('refuses what is no JSON', () => {
    expect(() => parseExactJson('{1234567890123456789')).toThrow(SyntaxError);
  });
});
