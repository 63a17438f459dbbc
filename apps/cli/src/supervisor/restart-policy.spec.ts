import { describe, expect, it } from '@jest/globals';
import { seededRng } from '@millrace/domain';
import { DEFAULT_RESTART_LIMITS, RestartPolicy } from './restart-policy.js';

const limits = {
  ...DEFAULT_RESTART_LIMITS,
  firstDelayMs: 100,
  maxDelayMs: 1_000,
  jitterShare: 0.2,
  maxDeaths: 6,
  maxDeathsUnready: 2,
};

function ready(seed: number): RestartPolicy {
  const policy = new RestartPolicy(seededRng(seed), limits);
  policy.onReady();
  return policy;
}

function delays(policy: RestartPolicy, deaths: number): number[] {
  return Array.from({ length: deaths }, () => {
    const decision = policy.onDeath(10);
    return decision.kind === 'restart' ? decision.delayMs : Number.NaN;
  });
}

describe('RestartPolicy', () => {
  it('doubles the delay up to the maximum, within the jitter', () => {
    const found = delays(ready(1), 6);
    const bare = [100, 200, 400, 800, 1_000, 1_000];
    found.forEach((delay, index) => {
      expect(delay).toBeGreaterThanOrEqual((bare[index] as number) * 0.8);
      expect(delay).toBeLessThanOrEqual((bare[index] as number) * 1.2);
    });
  });

  it('does not restart two processes in step', () => {
    expect(delays(ready(1), 6)).not.toEqual(delays(ready(2), 6));
  });

  it('gives up after the allowed deaths in a row', () => {
    const policy = ready(1);
    delays(policy, 6);
    expect(policy.onDeath(10)).toEqual({ kind: 'give-up', deaths: 7 });
  });

  it('gives up sooner on a process that never was ready', () => {
    const policy = new RestartPolicy(seededRng(1), limits);
    delays(policy, 2);
    expect(policy.onDeath(10)).toEqual({ kind: 'give-up', deaths: 3 });
  });

  it('forgets earlier deaths of a process that stayed up', () => {
    const policy = ready(1);
    delays(policy, 6);
    expect(policy.onDeath(limits.stableAfterMs)).toMatchObject({ kind: 'restart', attempt: 1 });
  });
});
