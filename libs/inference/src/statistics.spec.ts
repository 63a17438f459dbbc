import { describe, expect, it } from '@jest/globals';
import { VersionStatistics } from './statistics.js';

function busy(factor: number): VersionStatistics {
  const statistics = new VersionStatistics();
  for (let i = 0; i < factor; i++) {
    statistics.batch(3, 2, 1, 4, 2);
    statistics.batch(1, 1, 1, 2, 1);
    statistics.succeeded(1_000 + i, 9, 2);
    statistics.hit(900, 1, 0.5);
    statistics.missed(0.25);
    statistics.failed(5, 'REJECTED');
    statistics.responded(0, 'success', 3, 1);
    statistics.responded(1, 'emptyResponse', 1, 0);
    statistics.firstResponse(700);
  }
  return statistics;
}

describe('VersionStatistics.merge', () => {
  it('of two processes is what one would have counted, also from a clone without methods', () => {
    const sum = new VersionStatistics();
    sum.merge(busy(2));
    sum.merge(structuredClone(busy(3)));
    expect(sum).toEqual(busy(5));
    const copy = busy(1);
    sum.merge(copy);
    expect(copy).toEqual(busy(1));
  });

  it('adds nothing where nothing was counted', () => {
    const sum = busy(1);
    sum.merge(new VersionStatistics());
    expect(sum).toEqual(busy(1));
  });
});
