import { describe, expect, it } from '@jest/globals';
import { featuresIndexKey, featuresKey, featuresOffsetsKey, responseKey } from './keys.js';

describe('keys', () => {
  it('are readable, and no name reaches into another key', () => {
    expect(featuresKey('flights')).toBe('features:{flights}');
    expect(featuresKey('a:b')).not.toBe(featuresKey('a%3Ab'));
    expect(featuresIndexKey('a')).not.toBe(featuresKey('a}:index'));
    expect(featuresOffsetsKey('flights', 'records.v1')).toBe('offsets:features:{flights}:records.v1');
    expect(featuresOffsetsKey('a', 'b:c')).not.toBe(featuresOffsetsKey('a}:b', 'c'));
    expect(responseKey('0a1b')).toBe('response:0a1b');
  });
});
