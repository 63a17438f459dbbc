import { describe, expect, it } from '@jest/globals';
import { bandit, DEFAULT_BANDIT } from './bandit.js';

describe('the bandit strategy', () => {
  it('gives the new version its first share, and whoever served before the rest as they shared it', () => {
    const strategy = bandit.withBandit?.({ ...DEFAULT_BANDIT, start: 40 });
    const live = [
      { version: 1, weight: 50, name: 'blue' },
      { version: 2, weight: 50, name: 'green' },
    ];
    expect(strategy?.whenReady(live, 3).weights).toEqual([
      { version: 1, weight: 30 },
      { version: 2, weight: 30 },
      { version: 3, weight: 40 },
    ]);
    expect(strategy?.whenReady([], 3).weights).toEqual([{ version: 3, weight: 100 }]);
  });

  it('has one step, of its time, and its terms go with the rollout', () => {
    const { start, forMs, ...terms } = DEFAULT_BANDIT;
    expect(bandit.steps).toEqual([{ weight: start, forMs }]);
    expect(bandit.bandit).toEqual(terms);
    expect(bandit.withSteps).toBeUndefined();
  });
});
