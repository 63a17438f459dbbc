import { describe, expect, it } from '@jest/globals';
import { Positions } from './positions.js';
import { Watermark } from './watermark.js';
import { bucketLength, isDue, windowStart } from './window.js';

const idleMs = { predictions: 5_000, labels: 60_000 };
const nothing = { behind: () => [] };

describe('Watermark', () => {
  it('is the least advanced of the sources and never goes back', () => {
    const watermark = new Watermark(idleMs);
    expect(watermark.advance(0, nothing)).toBe(Number.NEGATIVE_INFINITY);
    watermark.observe('predictions', 0, 500, 0);
    watermark.observe('predictions', 1, 300, 0);
    expect(watermark.advance(0, nothing)).toBe(300);
    watermark.observe('predictions', 2, 100, 0);
    expect(watermark.advance(0, nothing)).toBe(300);
    watermark.observe('predictions', 1, 250, 0);
    expect(watermark.advance(0, nothing)).toBe(300);
  });

  it('does not wait for a partition that has been idle, unless it has unread messages', () => {
    const watermark = new Watermark(idleMs);
    watermark.observe('predictions', 0, 100, 0);
    watermark.observe('predictions', 1, 900, 4_000);
    expect(watermark.advance(5_000, { behind: () => [{ stream: 'predictions', partition: 0 }] })).toBe(100);
    expect(watermark.advance(5_000, nothing)).toBe(900);
  });

  it('waits longer for labels, so that windows do not close while their delivery is down', () => {
    const watermark = new Watermark(idleMs);
    watermark.observe('labels', 0, 100, 0);
    watermark.observe('predictions', 0, 900, 30_000);
    expect(watermark.advance(30_000, nothing)).toBe(100);
    watermark.observe('predictions', 0, 950, 60_000);
    expect(watermark.advance(60_000, nothing)).toBe(950);
  });

  it('stands still while a partition that it never saw has unread messages', () => {
    const watermark = new Watermark(idleMs);
    watermark.observe('predictions', 0, 900, 0);
    expect(watermark.advance(0, { behind: () => [{ stream: 'predictions', partition: 3 }] })).toBe(
      Number.NEGATIVE_INFINITY,
    );
    expect(watermark.advance(0, nothing)).toBe(900);
  });

  it('takes the latest event time when everything is silent', () => {
    const watermark = new Watermark(idleMs);
    watermark.observe('predictions', 0, 100, 0);
    watermark.observe('predictions', 1, 900, 0);
    expect(watermark.advance(6_000, nothing)).toBe(900);
  });

  it('survives saving; restored sources are not idle', () => {
    const watermark = new Watermark(idleMs);
    watermark.observe('predictions', 0, 100, 0);
    watermark.observe('predictions', 1, 900, 0);
    watermark.advance(0, nothing);
    const restored = new Watermark(idleMs);
    restored.restore(JSON.parse(JSON.stringify(watermark.state())), 50_000);
    expect(restored.currentMs).toBe(100);
    restored.observe('predictions', 1, 950, 50_001);
    expect(restored.advance(50_001, nothing)).toBe(100);
  });
});

describe('Positions', () => {
  it('knows new from applied messages, and what is unread', () => {
    const positions = new Positions();
    positions.reaches('predictions', 0, 3);
    expect(positions.behind()).toHaveLength(1);
    expect(positions.lag).toBe(3);
    positions.applied('predictions', 0, 2);
    expect(positions.behind()).toHaveLength(0);
    expect(positions.isNew('predictions', 0, 2)).toBe(false);
    expect(positions.isNew('predictions', 0, 3)).toBe(true);
    const restored = new Positions();
    restored.restore(positions.state());
    expect(restored.next('predictions', 0)).toBe(3);
    expect(restored.next('labels', 0)).toBe(0);
  });
});

describe('windows', () => {
  it('are aligned to the epoch, before it too', () => {
    expect([windowStart(0, 10), windowStart(19, 10), windowStart(-1, 10)]).toEqual([0, 10, -10]);
  });

  it('are due only after delay and lateness', () => {
    expect([isDue(0, 10, 4, 13), isDue(0, 10, 4, 14)]).toEqual([false, true]);
  });

  it('split into whole buckets', () => {
    expect(bucketLength(3 * 86_400_000)).toBe(3_600_000);
    expect(bucketLength(60_000)).toBe(1_000);
    expect(bucketLength(7)).toBe(7);
  });
});
