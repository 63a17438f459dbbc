import { describe, expect, it } from '@jest/globals';
import { EventClock } from './event-clock.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const RULES = { aheadMs: MINUTE, jumpMs: 24 * HOUR };
const NOW = Date.UTC(2026, 0, 10);

describe('an event clock', () => {
  it('follows the largest time, and never goes back', () => {
    const clock = new EventClock();
    expect(clock.reachedMs).toBe(Number.NEGATIVE_INFINITY);
    for (const ms of [5, 3, 9, 7]) clock.observe('a', NOW + ms, NOW, RULES);
    expect(clock.reachedMs).toBe(NOW + 9);
  });

  it('is not moved by one sender whose clock is ahead, however often it sends, nor by its being the first', () => {
    const clock = new EventClock();
    expect(clock.observe('wrong', NOW + 12 * HOUR, NOW, RULES)).toBe(false);
    expect(clock.observe('a', NOW - MINUTE, NOW, RULES)).toBe(true);
    for (let i = 0; i < 1_000; i++) clock.observe('wrong', NOW + 12 * HOUR + i, NOW + i, RULES);
    expect(clock.reachedMs).toBe(NOW - MINUTE);
  });

  it('believes what two say, as far as both do', () => {
    const clock = new EventClock();
    clock.observe('a', NOW, NOW, RULES);
    clock.observe('b', NOW + 5 * HOUR, NOW, RULES);
    expect(clock.observe('c', NOW + 3 * HOUR, NOW, RULES)).toBe(true);
    expect(clock.reachedMs).toBe(NOW + 3 * HOUR);
  });

  it('follows a replay of old times, but for a jump that only one makes', () => {
    const clock = new EventClock();
    const old = Date.UTC(2020, 0, 1);
    for (let hour = 0; hour < 48; hour++) clock.observe('a', old + hour * HOUR, NOW, RULES);
    expect(clock.reachedMs).toBe(old + 47 * HOUR);
    expect(clock.observe('b', Date.UTC(2025, 0, 1), NOW, RULES)).toBe(false);
    expect(clock.observe('a', old + 48 * HOUR, NOW, RULES)).toBe(true);
    expect(clock.reachedMs).toBe(old + 48 * HOUR);
  });

  it('takes a pause of the stream for one, whoever sends first after it', () => {
    const clock = new EventClock();
    clock.observe('a', NOW, NOW, RULES);
    const later = NOW + 30 * 24 * HOUR;
    expect(clock.observe('a', later, later, RULES)).toBe(true);
    // Likewise after a restart, which knows when it was heard last.
    const again = new EventClock(NOW, NOW);
    expect(again.observe('a', later, later, RULES)).toBe(true);
  });

  it('is set back by a reset, and remembers a bounded number of doubts', () => {
    const clock = new EventClock();
    clock.observe('a', NOW, NOW, RULES);
    for (const wrong of ['b', 'c']) clock.observe(wrong, NOW + 12 * HOUR, NOW, RULES);
    expect(clock.reachedMs).toBe(NOW + 12 * HOUR);
    clock.reset(NOW);
    expect(clock.reachedMs).toBe(NOW);
    expect(clock.observe('a', NOW + MINUTE, NOW, RULES)).toBe(true);
    expect(clock.reachedMs).toBe(NOW + MINUTE);
  });
});
