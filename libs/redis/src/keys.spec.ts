import { describe, expect, it } from '@jest/globals';
import { featuresKey, offsetsKey, rateKey, routeKey } from './keys.js';

describe('keys', () => {
  it('are readable, and no name reaches into another key', () => {
    expect(routeKey('flights')).toBe('route:flights');
    expect(featuresKey('a', 'b:c')).not.toBe(featuresKey('a:b', 'c'));
    expect(featuresKey('a', 'b%3Ac')).not.toBe(featuresKey('a', 'b:c'));
    expect(offsetsKey('features', 'records.v1')).toBe('offsets:features:records.v1');
    expect(rateKey('p', 'c')).toBe('rate:p:c');
  });
});
