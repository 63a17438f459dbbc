import { describe, expect, it } from '@jest/globals';
import { type RestartLimits, RestartPolicy } from './restart-policy.js';
import { seededRng } from './rng.js';

const limits: RestartLimits = {
  firstDelayMs: 100,
  maxDelayMs: 1_000,
  factor: 2,
  stableAfterMs: 20_000,
  maxDeaths: 6,
  maxDeathsUnready: 2,
};
const SHORT = { aliveMs: 10, ready: true };
const UNREADY = { aliveMs: 10, ready: false };
const STABLE = { aliveMs: limits.stableAfterMs, ready: true };

const jittered = (seed: number) => new RestartPolicy(limits, { share: 0.2, rng: seededRng(seed) });

function delays(policy: RestartPolicy, deaths: number): number[] {
  return Array.from({ length: deaths }, () => {
    const decision = policy.onDeath(SHORT);
    return decision.kind === 'restart' ? decision.delayMs : Number.NaN;
  });
}

describe('RestartPolicy', () => {
  it.each([
    [2, [100, 200, 400, 800, 1_000, 1_000]],
    [4, [100, 400, 1_000, 1_000, 1_000, 1_000]],
  ])('multiplies the delay by %d up to the maximum', (factor, expected) => {
    expect(delays(new RestartPolicy({ ...limits, factor }), 6)).toEqual(expected);
  });

  it('stays within the jitter, and does not restart two processes in step', () => {
    const bare = [100, 200, 400, 800, 1_000, 1_000];
    const found = delays(jittered(1), 6);
    found.forEach((delay, index) => {
      expect(delay).toBeGreaterThanOrEqual((bare[index] as number) * 0.8);
      expect(delay).toBeLessThanOrEqual((bare[index] as number) * 1.2);
    });
    expect(found).not.toEqual(delays(jittered(2), 6));
  });

  it('gives up after the allowed deaths in a row', () => {
    const policy = new RestartPolicy(limits);
    delays(policy, 6);
    expect(policy.onDeath(SHORT)).toEqual({ kind: 'give-up', deaths: 7 });
  });

  it('never gives up on a process that was ready, where that is the limit', () => {
    const policy = new RestartPolicy({ ...limits, maxDeaths: Number.POSITIVE_INFINITY });
    expect(delays(policy, 1_000).at(-1)).toBe(limits.maxDelayMs);
  });

  it('gives up sooner on lives that never were ready, also where each of them was long', () => {
    for (const life of [UNREADY, { ...STABLE, ready: false }]) {
      const policy = new RestartPolicy(limits);
      for (let i = 0; i < limits.maxDeathsUnready; i++) expect(policy.onDeath(life)).toMatchObject({ kind: 'restart' });
      expect(policy.onDeath(life)).toEqual({ kind: 'give-up', deaths: 3 });
    }
  });

  it('counts unready lives anew after a ready one, and keeps the back-off', () => {
    const policy = new RestartPolicy(limits);
    policy.onDeath(UNREADY);
    policy.onDeath(UNREADY);
    expect(policy.onDeath(SHORT)).toMatchObject({ kind: 'restart', attempt: 3 });
    expect(policy.onDeath(UNREADY)).toMatchObject({ kind: 'restart', attempt: 4, delayMs: 800 });
  });

  it('forgets earlier deaths of a process that stayed up', () => {
    const policy = new RestartPolicy(limits);
    delays(policy, 6);
    expect(policy.onDeath(STABLE)).toMatchObject({ kind: 'restart', attempt: 1, delayMs: 100 });
  });
});
