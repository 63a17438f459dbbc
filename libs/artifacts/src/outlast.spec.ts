import { describe, expect, it } from '@jest/globals';
import { ManualClock, PlatformError } from '@millrace/domain';
import { OUTLAST_MS, outlast } from './outlast.js';

function setUp(answers: (attempt: number) => string) {
  const clock = new ManualClock(0);
  let attempts = 0;
  const write = async () => answers(++attempts);
  const done = outlast(write, clock, async (ms) => clock.advance(ms));
  return { clock, done, attempts: () => attempts };
}

const away = (code: 'unavailable' | 'permission_denied' | 'invalid_argument'): never => {
  throw new PlatformError(code, 'the bucket');
};

describe('a write that ends long work', () => {
  it.each(['unavailable', 'permission_denied'] as const)('waits out a store that is %s for minutes', async (code) => {
    const { clock, done } = setUp((attempt) => (attempt < 100 ? away(code) : 'written'));
    expect(await done).toBe('written');
    expect(clock.nowMs()).toBe(99 * 5_000);
  });

  it('fails when its time is over', async () => {
    const { clock, done } = setUp(() => away('unavailable'));
    await expect(done).rejects.toMatchObject({ code: 'unavailable' });
    expect(clock.nowMs()).toBeLessThanOrEqual(OUTLAST_MS);
    expect(clock.nowMs()).toBeGreaterThan(OUTLAST_MS - 10_000);
  });

  it('fails at once for any other reason', async () => {
    const { done, attempts } = setUp(() => away('invalid_argument'));
    await expect(done).rejects.toMatchObject({ code: 'invalid_argument' });
    expect(attempts()).toBe(1);
  });
});
