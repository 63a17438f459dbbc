// What `train` and `models register` say of a version whose rollout goes in steps.

import { describe, expect, it } from '@jest/globals';
import { arrivalText, bringIntoService } from './into-service.js';

const target = (version: number, weight: number) => ({ version, weight, name: `v${version}` });
const steps = {
  ...{ plan: [{ weight: 5, forMs: 60_000 }, { weight: 50 }], at: 0, sinceMs: 1_000, dueMs: 61_000 },
  ...{ fromRevision: 3, salt: 7, baseline: [{ version: 1, weight: 100 }] },
};

function arrival(rollout: object, targets: ReturnType<typeof target>[]) {
  const control = { startRollout: async () => undefined, routeOrNone: async () => ({ rollout, targets }) };
  return bringIntoService({ control } as never, 'p', 2, 'r');
}

describe('a version on its way into service', () => {
  it('is not there with the first share of a rollout in steps, and which step it is at is told', async () => {
    const { isInService, why } = await arrival({ phase: 'progressing', version: 2, message: '', steps }, [
      target(1, 95),
      target(2, 5),
    ]);
    expect(isInService).toBe(false);
    expect(why).toMatch(/^it comes in steps \(version 2: step 1 of 2 \(5 %\) .*\); `millrace rollout status p`$/);
  });

  it('is there with all traffic, and with the share that a person gave it', async () => {
    expect(await arrival({ phase: 'promoted', version: 2, message: '' }, [target(2, 100)])).toEqual({
      ...{ isInService: true, why: '' },
    });
    const split = await arrival({ phase: 'promoted', version: 1, message: '' }, [target(1, 60), target(2, 40)]);
    expect(arrivalText(2, split)).toBe('version 2 is in service');
  });

  it('is not where its rollout has failed', async () => {
    const failed = await arrival({ phase: 'failed', version: 2, message: 'not ready' }, [target(1, 100)]);
    expect(arrivalText(2, failed)).toBe('version 2 is not in service yet: its rollout failed: not ready');
  });
});
