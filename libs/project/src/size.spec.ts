import { expect, it } from '@jest/globals';
import { parseSize } from './size.js';

it.each([
  ['20GB', 20e9],
  ['500MB', 5e8],
  ['1.5TB', 1.5e12],
  ['0MB', 0],
  ['20', null],
  ['20 GB', null],
  ['20gb', null],
  ['-1GB', null],
])('%s is %s bytes', (text, bytes) => {
  expect(parseSize(text)).toBe(bytes);
});
