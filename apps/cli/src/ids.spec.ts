import { describe, expect, it } from '@jest/globals';
import { idOf } from './ids.js';

const IDS = ['abcdef0123', 'abcdef9999', '1234567890'];
const find = (given: string) => idOf(given, IDS, 'dataset version', 'millrace datasets loans');

describe('an id', () => {
  it('is taken whole, or by its first characters where only one begins so', () => {
    expect(find('1234567890')).toBe('1234567890');
    expect(find('123456')).toBe('1234567890');
    expect(find('abcdef0')).toBe('abcdef0123');
  });

  it.each([
    ['abcdef', 'invalid_argument', 'may be 2 of them: write more of abcdef0123, abcdef9999'],
    ['12345', 'invalid_argument', 'dataset version 12345: write at least 6 characters'],
    ['ffffff', 'not_found', 'there is no dataset version ffffff; `millrace datasets loans` lists them.'],
    ['123465', 'not_found', "Did you mean '123456'?"],
  ])('%s is refused', (given, code, reason) =>
    expect(() => find(given)).toThrow(expect.objectContaining({ code, reason: expect.stringContaining(reason) })),
  );
});
