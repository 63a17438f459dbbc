import { describe, expect, it } from '@jest/globals';
import { canary, STEP_MS_DEFAULT } from './canary.js';

const target = (version: number, weight: number, name: string) => ({ version, weight, name });

describe('canary', () => {
  it('gives the first version all traffic, and a later one its first step', () => {
    expect(canary.whenReady([], 1).weights).toEqual([{ version: 1, weight: 100 }]);
    expect(canary.whenReady([target(1, 100, 'blue')], 2).weights).toEqual([
      { version: 1, weight: 95 },
      { version: 2, weight: 5 },
    ]);
  });

  it('takes the steps of a project file in place of its own', () => {
    const own = canary.withSteps?.([{ weight: 30, forMs: 1 }, { weight: 60 }]);
    expect(own?.steps).toEqual([{ weight: 30, forMs: 1 }, { weight: 60 }]);
    expect(own?.whenReady([target(1, 100, 'blue')], 2).weights[1]).toEqual({ version: 2, weight: 30 });
    expect(own?.name).toBe('canary');
  });

  it('leaves those who share the traffic their proportions', () => {
    const live = [target(1, 60, 'blue'), target(2, 40, 'green')];
    expect(canary.whenReady(live, 3).weights).toEqual([
      { version: 1, weight: 57 },
      { version: 2, weight: 38 },
      { version: 3, weight: 5 },
    ]);
  });

  it('what a step lets through meets at most four times the traffic in the next', () => {
    const shares = [...(canary.steps ?? []).map(({ weight }) => weight), 100];
    for (const [i, share] of shares.slice(1).entries()) expect(share / (shares[i] as number)).toBeLessThanOrEqual(4);
  });

  it('at ten requests a second a fault in a hundredth of them shows in the first step, in 95 of 100 rollouts', () => {
    const [first] = canary.steps ?? [];
    const requests = (10 * STEP_MS_DEFAULT * (first?.weight ?? 0)) / 100 / 1_000;
    expect(1 - (1 - 0.01) ** requests).toBeGreaterThan(0.95);
    expect(first?.forMs).toBe(STEP_MS_DEFAULT);
  });
});
