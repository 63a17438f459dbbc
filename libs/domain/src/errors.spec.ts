import { describe, expect, it } from '@jest/globals';
import { assert } from './assert.js';
import { ManualClock } from './clock.js';
import { ERROR_CODES, PlatformError } from './errors.js';

describe('PlatformError', () => {
  it('says its code in the message and keeps facts and cause', () => {
    const cause = new Error('socket closed');
    const error = new PlatformError('unavailable', 'Kafka is away', { facts: { broker: 1 }, cause });
    expect(error.message).toBe('[unavailable] Kafka is away');
    expect(error.reason).toBe('Kafka is away');
    expect(error.facts).toEqual({ broker: 1 });
    expect(error.cause).toBe(cause);
    expect(error.retry).toEqual({ afterMs: 200 });
  });

  it.each(ERROR_CODES)('has an answer to "retry?" for %s', (code) => {
    const { retry } = new PlatformError(code, 'x');
    expect(retry === 'never' || retry === 'now' || retry.afterMs > 0).toBe(true);
  });

  it('wraps anything thrown and lets its own kind pass', () => {
    const own = new PlatformError('conflict', 'x');
    expect(PlatformError.from(own)).toBe(own);
    expect(PlatformError.from(new TypeError('y'))).toMatchObject({ code: 'internal', reason: 'y' });
    expect(PlatformError.from('z', 'corrupt')).toMatchObject({ code: 'corrupt', reason: 'z' });
    expect(PlatformError.from(undefined).reason).toBe('undefined');
  });
});

describe('assert', () => {
  it('ends what goes on with a broken invariant', () => {
    expect(() => assert(1 + 1 === 2, 'arithmetic')).not.toThrow();
    expect(() => assert(0, 'zero')).toThrow('assertion failed: zero');
  });
});

describe('ManualClock', () => {
  it('moves only when told to', () => {
    const clock = new ManualClock(5);
    clock.advance(10);
    expect([clock.nowMs(), clock.monotonicMs()]).toEqual([15, 15]);
  });
});
