import { describe, expect, it } from '@jest/globals';
import { BURST, RetryBudget, SHARE } from './retry-budget.js';

function takeAll(budget: RetryBudget, nowMs: number): number {
  let taken = 0;
  while (budget.take(nowMs)) taken += 1;
  return taken;
}

describe('the budget of retries', () => {
  it('lets all that may be in flight be sent again once', () => {
    expect(takeAll(new RetryBudget(), 0)).toBe(BURST);
  });

  it('then gives a share of the requests, and a few a second without any', () => {
    const budget = new RetryBudget();
    takeAll(budget, 0);
    for (let i = 0; i < 1_000; i++) budget.earn();
    expect(Math.abs(takeAll(budget, 0) - 1_000 * SHARE)).toBeLessThanOrEqual(1);
    expect(takeAll(budget, 10_000)).toBe(500);
  });

  it('saves up no more than a burst', () => {
    const budget = new RetryBudget();
    for (let i = 0; i < 1_000_000; i++) budget.earn();
    expect(takeAll(budget, 1e9)).toBe(BURST);
  });
});
