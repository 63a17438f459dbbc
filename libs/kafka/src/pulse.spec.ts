import { describe, expect, it } from '@jest/globals';
import { ManualClock } from '@millrace/domain';
import { Pulse } from './pulse.js';

const TIMEOUT_MS = 6_000;

describe('Pulse', () => {
  it('takes a consumer for lost that fetches again and again after its time is over, and for none before', () => {
    const clock = new ManualClock();
    const pulse = new Pulse(TIMEOUT_MS, clock);
    pulse.heard();
    clock.advance(TIMEOUT_MS - 1);
    expect([1, 2, 3, 4, 5].map(() => pulse.fetched())).toEqual([false, false, false, false, false]);
    expect(pulse.isOver).toBe(false);
    clock.advance(1);
    expect(pulse.isOver).toBe(true);
    expect([1, 2, 3, 4].map(() => pulse.fetched())).toEqual([false, false, false, true]);
  });

  it('counts anew once the group has answered, for example after the process stood still', () => {
    const clock = new ManualClock();
    const pulse = new Pulse(TIMEOUT_MS, clock);
    pulse.heard();
    clock.advance(60_000);
    expect([pulse.fetched(), pulse.fetched(), pulse.fetched()]).toEqual([false, false, false]);
    pulse.heard();
    clock.advance(TIMEOUT_MS);
    expect(pulse.fetched()).toBe(false);
  });
});
