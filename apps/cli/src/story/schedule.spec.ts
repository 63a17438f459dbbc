import { describe, expect, it } from '@jest/globals';
import { Schedule } from './schedule.js';

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
  });
});
