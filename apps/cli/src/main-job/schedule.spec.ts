import { describe, expect, it } from '@jest/globals';
import { reservePace, Schedule } from './schedule.js';

describe('Schedule', () => {
  it('is due evenly, whatever the calls, and gives each arrival once', () => {
    const schedule = new Schedule(1_000, 50);
    expect(schedule.take(49, 100)).toBe(0);
    expect(schedule.take(50, 100)).toBe(1);
    expect(schedule.take(50, 100)).toBe(0);
    expect(schedule.take(150, 30)).toBe(30);
    expect(schedule.take(150, 1_000)).toBe(70);
    expect(schedule.sent).toBe(101);
    expect(schedule.dueMs(100)).toBe(150);
    expect(schedule.isRamp(0)).toBe(false);
  });

  it('rises to its rate over the ramp, without a gap or a burst where it ends', () => {
    const schedule = new Schedule(1_000, 0, 5);
    // (100 + 1,000) / 2 a second for 5 seconds.
    expect(schedule.isRamp(2_749)).toBe(true);
    expect(schedule.isRamp(2_750)).toBe(false);
    expect(schedule.dueMs(2_750)).toBeCloseTo(5_000, 6);
    expect(schedule.dueMs(3_750)).toBeCloseTo(6_000, 6);
    let previousGap = Number.POSITIVE_INFINITY;
    for (let i = 1; i < 4_000; i++) {
      const gap = schedule.dueMs(i) - schedule.dueMs(i - 1);
      expect(gap > 0 && gap <= previousGap + 1e-6).toBe(true);
      previousGap = gap;
    }
    expect(previousGap).toBeCloseTo(1, 3);
  });

  it('changes its rate from the next arrival on, without a gap or a burst', () => {
    const schedule = new Schedule(1_000, 0, 5);
    schedule.take(6_000, 10_000);
    const next = schedule.dueMs(schedule.sent);
    schedule.rate = 10;
    expect(schedule.dueMs(schedule.sent)).toBeCloseTo(next, 6);
    expect(schedule.take(next + 250, 1_000)).toBe(3);
    schedule.rate = 1_000;
    expect(schedule.take(next + 310, 1_000)).toBe(11);
  });
});

describe('reservePace', () => {
  it('is full before the reserve, falls with what is left of it, and never ends', () => {
    const pace = (sent: number) => reservePace(sent, { from: 1_000, to: 2_000 });
    expect([0, 999, 1_000, 1_500, 1_900].map(pace)).toEqual([1, 1, 1, 0.5, 0.1]);
    expect([1_999, 2_000, 5_000].map(pace)).toEqual([0.01, 0.01, 0.01]);
    expect(reservePace(5, { from: 0, to: 0 })).toBe(0.01);
  });
});
