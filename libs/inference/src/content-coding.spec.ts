import { describe, expect, it } from '@jest/globals';
import { acceptedCoding } from './content-coding.js';

describe('Accept-Encoding', () => {
  it.each([
    ['', undefined],
    ['identity', undefined],
    ['br', undefined],
    ['gzip', 'gzip'],
    ['deflate', 'deflate'],
    ['gzip, deflate, br', 'gzip'],
    ['deflate;q=0.9, gzip;q=0.1', 'deflate'],
    ['gzip;q=0, deflate', 'deflate'],
    ['GZIP', 'gzip'],
    ['*', 'gzip'],
    ['gzip;q=0, *', 'deflate'],
    ['*;q=0', undefined],
    ['*, deflate;q=0.5', 'gzip'],
    ['x-gzip', 'gzip'],
    ['gzip;q=nonsense', undefined],
  ])('%j is answered with %s', (header, coding) => {
    expect(acceptedCoding(header)).toBe(coding);
  });
});
