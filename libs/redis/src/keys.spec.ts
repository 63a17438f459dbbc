import { describe, expect, it } from '@jest/globals';
import { featuresIndexKey, featuresKey, featuresOffsetsKey, rateKey, routeKey } from './keys.js';

describe('keys', () => {
  it('are readable, and no name reaches into another key', () => {
    expect(routeKey('flights')).toBe('route:flights');
    expect(featuresKey('flights')).toBe('features:{flights}');
    expect(featuresKey('a:b')).not.toBe(featuresKey('a%3Ab'));
    expect(featuresIndexKey('a')).not.toBe(featuresKey('a}:index'));
    expect(featuresOffsetsKey('flights', 'records.v1')).toBe('offsets:features:{flights}:records.v1');
    expect(rateKey('p', 'c')).toBe('rate:p:c');
    expect(rateKey('a', 'b:c')).not.toBe(rateKey('a:b', 'c'));
  });
});
