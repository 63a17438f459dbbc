import { describe, expect, it } from '@jest/globals';
import { Watermark } from './watermark.js';

describe('Watermark', () => {
  it('is the minimum of the newest event times of partitions with traffic', () => {
    const watermark = new Watermark(5_000);
    expect(watermark.value(true)).toBe(Number.NEGATIVE_INFINITY);
    watermark.observe('a', 100, 0);
    watermark.observe('b', 50, 0);
    watermark.observe('a', 90, 0);
    expect(watermark.value(true)).toBe(50);
  });

  it('never goes back', () => {
    const watermark = new Watermark(5_000);
    watermark.observe('a', 100, 0);
    expect(watermark.value(true)).toBe(100);
    watermark.observe('b', 10, 0);
    expect(watermark.value(true)).toBe(100);
  });

  it('is not held back by a partition without traffic while others have some', () => {
    const watermark = new Watermark(5_000);
    watermark.observe('quiet', 10, 0);
    for (let ms = 0; ms <= 6_000; ms += 100) watermark.observe('busy', 1_000 + ms, ms);
    expect(watermark.value(true)).toBe(7_000);
  });

  it('does not run ahead after an outage, when one partition is fetched before the others', () => {
    const watermark = new Watermark(5_000);
    watermark.observe('a', 10, 0);
    watermark.observe('b', 10, 0);
    watermark.observe('a', 1_000_000, 60_000);
    expect(watermark.value(true)).toBe(10);
    watermark.observe('b', 999_000, 60_100);
    expect(watermark.value(true)).toBe(999_000);
  });

  it('stands still while partitions are behind their end, and when all are quiet', () => {
    const watermark = new Watermark(5_000);
    watermark.observe('a', 10, 0);
    expect(watermark.value(false)).toBe(Number.NEGATIVE_INFINITY);
    expect(watermark.value(true)).toBe(10);
    for (let ms = 0; ms < 60_000; ms += 500) watermark.tick(ms);
    expect(watermark.value(true)).toBe(10);
  });
});
