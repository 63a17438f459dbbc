import { describe, expect, it } from '@jest/globals';
import { Positions } from './positions.js';
import { bucketLength, windowStart } from './window.js';

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
    restored.hold(0, positions.of(0));
    expect(restored.next('predictions', 0)).toBe(3);
    expect(restored.next('labels', 0)).toBe(0);
  });

  it('waits for nothing that a topic of another process had before it was created again', () => {
    const positions = new Positions();
    positions.follow(1, { predictions: 100, labels: 50 });
    positions.reaches('predictions', 1, 120);
    positions.follow(1, { predictions: 0, labels: 50 });
    positions.reaches('predictions', 1, 5);
    expect(positions.told()).toEqual([
      { stream: 'predictions', partition: 1, end: 5 },
      { stream: 'labels', partition: 1, end: 0 },
    ]);
  });
});

describe('windows', () => {
  it('are aligned to the epoch, before it too', () => {
    expect([windowStart(0, 10), windowStart(19, 10), windowStart(-1, 10)]).toEqual([0, 10, -10]);
  });

  it('split into whole buckets', () => {
    expect(bucketLength(3 * 86_400_000)).toBe(3_600_000);
    expect(bucketLength(60_000)).toBe(1_000);
    expect(bucketLength(7)).toBe(7);
  });
});
