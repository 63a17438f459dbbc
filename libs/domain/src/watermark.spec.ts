import { describe, expect, it } from '@jest/globals';
import { Watermark, type WatermarkRules } from './watermark.js';

const ALL_TIME: WatermarkRules<'predictions' | 'labels'> = {
  idleMs: { predictions: 5_000, labels: 60_000 },
  silence: 'all time',
  allSilent: 'newest',
};
const BUSY_TIME: WatermarkRules<'records'> = { idleMs: { records: 5_000 }, silence: 'busy time', allSilent: 'hold' };

describe('the watermark of streams of their own pace', () => {
  it('is the least advanced of the sources and never goes back', () => {
    const watermark = new Watermark(ALL_TIME);
    expect(watermark.advance(0, [])).toBe(Number.NEGATIVE_INFINITY);
    watermark.observe('predictions', 0, 500, 0);
    watermark.observe('predictions', 1, 300, 0);
    expect(watermark.advance(0, [])).toBe(300);
    watermark.observe('predictions', 2, 100, 0);
    expect(watermark.advance(0, [])).toBe(300);
    watermark.observe('predictions', 1, 250, 0);
    expect(watermark.advance(0, [])).toBe(300);
  });

  it('does not wait for a partition that has been idle, unless it has unread messages', () => {
    const watermark = new Watermark(ALL_TIME);
    watermark.observe('predictions', 0, 100, 0);
    watermark.observe('predictions', 1, 900, 4_000);
    expect(watermark.advance(5_000, [{ stream: 'predictions', partition: 0 }])).toBe(100);
    expect(watermark.advance(5_000, [])).toBe(900);
  });

  it('waits longer for labels, so that windows do not close while their delivery is down', () => {
    const watermark = new Watermark(ALL_TIME);
    watermark.observe('labels', 0, 100, 0);
    watermark.observe('predictions', 0, 900, 30_000);
    expect(watermark.advance(30_000, [])).toBe(100);
    watermark.observe('predictions', 0, 950, 60_000);
    expect(watermark.advance(60_000, [])).toBe(950);
  });

  it('stands still while a partition that it never saw has unread messages', () => {
    const watermark = new Watermark(ALL_TIME);
    watermark.observe('predictions', 0, 900, 0);
    expect(watermark.advance(0, [{ stream: 'predictions', partition: 3 }])).toBe(Number.NEGATIVE_INFINITY);
    expect(watermark.advance(0, [])).toBe(900);
  });

  it('takes the latest event time when everything is silent', () => {
    const watermark = new Watermark(ALL_TIME);
    watermark.observe('predictions', 0, 100, 0);
    watermark.observe('predictions', 1, 900, 0);
    expect(watermark.advance(6_000, [])).toBe(900);
  });

  it('survives saving; restored sources are not idle', () => {
    const watermark = new Watermark(ALL_TIME);
    watermark.observe('predictions', 0, 100, 0);
    watermark.observe('predictions', 1, 900, 0);
    watermark.advance(0, []);
    const restored = new Watermark(ALL_TIME);
    restored.restore(JSON.parse(JSON.stringify(watermark.state())), 50_000);
    expect(restored.currentMs).toBe(100);
    restored.observe('predictions', 1, 950, 50_001);
    expect(restored.advance(50_001, [])).toBe(100);
  });
});

describe('the watermark in busy time', () => {
  const partitions = { a: 0, b: 1 };
  const busyTime = () => {
    const watermark = new Watermark(BUSY_TIME);
    const observe = (partition: keyof typeof partitions, eventMs: number, nowMs: number) =>
      watermark.observe('records', partitions[partition], eventMs, nowMs);
    return { watermark, observe };
  };

  it('is not held back by a partition without traffic while others have some', () => {
    const { watermark, observe } = busyTime();
    observe('a', 10, 0);
    for (let ms = 0; ms <= 6_000; ms += 100) observe('b', 1_000 + ms, ms);
    expect(watermark.advance(6_000, [])).toBe(7_000);
  });

  it('does not run ahead after an outage, when one partition is fetched before the others', () => {
    const { watermark, observe } = busyTime();
    observe('a', 10, 0);
    observe('b', 10, 0);
    observe('a', 1_000_000, 60_000);
    expect(watermark.advance(60_000, [])).toBe(10);
    observe('b', 999_000, 60_100);
    expect(watermark.advance(60_100, [])).toBe(999_000);
  });

  it('stands still while partitions are behind their end, and when all are quiet', () => {
    const { watermark, observe } = busyTime();
    observe('a', 10, 0);
    expect(watermark.advance(0, 'some')).toBe(Number.NEGATIVE_INFINITY);
    expect(watermark.advance(0, [])).toBe(10);
    observe('b', 20, 0);
    for (let ms = 0; ms < 60_000; ms += 500) expect(watermark.advance(ms, [])).toBe(10);
  });

  it('holds where it is when all are silent by its own clock too', () => {
    const silent = new Watermark({ ...BUSY_TIME, idleMs: { records: 0 } });
    silent.observe('records', 0, 100, 0);
    expect(silent.advance(0, [])).toBe(Number.NEGATIVE_INFINITY);
  });
});
