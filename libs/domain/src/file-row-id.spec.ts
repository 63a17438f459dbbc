import { expect, it } from '@jest/globals';
import { fileIdOf, fileRowIdOf } from './file-row-id.js';

it('names rows of a file from 1, by the beginning of its hash', () => {
  const sha256 = '0123456789abcdef'.repeat(4);
  expect([fileIdOf(sha256), fileRowIdOf(sha256, 0)]).toEqual(['0123456789abcdef', '0123456789abcdef/1']);
});
