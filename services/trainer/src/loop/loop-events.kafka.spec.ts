import { describe, expect, it } from '@jest/globals';
import { encodeRoute } from '@millrace/contracts';
import { emptyRoute, type RouteTarget } from '@millrace/routing';
import { loopEntries } from './loop-events.kafka.js';
import type { LoopRunner } from './loop-runner.js';
import type { LoopInput } from './loop-state.js';

/** What the loop hears of a route with these targets. */
async function heard(targets: RouteTarget[]): Promise<LoopInput | undefined> {
  let input: LoopInput | undefined;
  const runner = {
    apply: async (_project: string, told: LoopInput) => {
      input = told;
    },
  } as unknown as LoopRunner;
  const route = { ...emptyRoute('p'), revision: 3, targets, loadedVersions: [1, 2], previousVersion: 1 };
  await loopEntries(runner)['routes.v1']?.('p', Buffer.from(encodeRoute(route)), { partition: 0, offset: 0 } as never);
  return input;
}

describe('what the loop hears of a route', () => {
  it('is the version with most of the traffic', async () => {
    const targets = [
      { version: 1, weight: 40, name: 'blue' },
      { version: 2, weight: 60, name: 'green' },
    ];
    expect(await heard(targets)).toMatchObject({ kind: 'route', liveVersion: 2, previousVersion: 1, phase: 'idle' });
    expect(await heard([])).toMatchObject({ liveVersion: 0 });
  });

  it('at 50/50 is the version that router and serving call primary, too: the lower', async () => {
    const targets = [
      { version: 2, weight: 50, name: 'green' },
      { version: 1, weight: 50, name: 'blue' },
    ];
    expect(await heard(targets)).toMatchObject({ liveVersion: 1 });
  });
});
