// A load has its time from when it was asked for: other changes of the route, and who owns it, do not give it another.

import { beforeEach, describe, expect, it } from '@jest/globals';
import { DEFAULT_STRATEGY, emptyRoute, type Route, type RouteAction } from '@millrace/routing';
import { Time } from '../../test/still-time.js';
import { SwitchLog } from '../outcomes/switch-log.js';
import { RouteTable } from '../routing/route-table.js';
import { RouteOwner } from './route-owner.js';

const LOAD_MS_MAX = 60_000;
const LIVE: Route = {
  ...emptyRoute('p'),
  revision: 3,
  targets: [
    { version: 1, weight: 50, name: 'blue' },
    { version: 2, weight: 50, name: 'green' },
  ],
  loadedVersions: [1, 2],
};

let time: Time;
let table: RouteTable;
let owner: RouteOwner;
let serial: number;

/** Another router, whose clock is so much ahead; serving has versions 1 and 2 alone. */
function anOwner(of: RouteTable, aheadMs = 0): RouteOwner {
  const { clock } = time;
  return new RouteOwner(
    of,
    new SwitchLog(() => 0),
    { write: async () => undefined, remove: async () => undefined },
    { modelReady: async (_, version) => version < 3, readySomewhere: async (_, version) => version < 3 },
    {
      clock: { ...clock, nowMs: () => clock.nowMs() + aheadMs },
      ...{ loadTimeoutMs: LOAD_MS_MAX, sleep: time.sleep, failures: () => 0, createdAtMs: () => 0 },
      strategyOf: () => DEFAULT_STRATEGY,
      mixed: () => undefined,
      versions: { fault: () => undefined, isGone: () => false, upToNow: async () => undefined },
      onSettled: () => undefined,
      onError: () => undefined,
    },
  );
}

const route = (): Route => table.routeOrEmpty('p');
const phase = (): string => route().rollout.phase;

async function done(action: RouteAction): Promise<void> {
  serial += 1;
  const facts = { issuedAtMs: 0, expectedRevision: 0, correlationId: '', reason: 'why' };
  const { kind } = await owner.apply({ id: `c${serial}`, project: 'p', ...facts, action });
  expect(kind).toBe('applied');
}

beforeEach(async () => {
  [time, table, serial] = [new Time(), new RouteTable(), 0];
  table.apply(LIVE);
  owner = anOwner(table);
  await done({ kind: 'startRollout', version: 3 });
  expect(route().rollout).toMatchObject({ phase: 'loading', version: 3, loadingSinceMs: time.nowMs });
});

describe('the time of a load', () => {
  it.each<[string, (i: number) => RouteAction]>([
    [
      'weights',
      (i) => ({
        kind: 'setWeights',
        weights: [
          { version: 1, weight: 50 + (i % 2) },
          { version: 2, weight: 50 - (i % 2) },
        ],
      }),
    ],
    ['shadows', (i) => ({ kind: 'setShadows', versions: [1 + (i % 2)], share: 10 })],
  ])('was given anew each time that %s were set meanwhile, so that it never ended', async (_, change) => {
    for (let i = 1; i < 4; i++) {
      await time.pass(LOAD_MS_MAX / 4);
      await done(change(i));
      expect(phase()).toBe('loading');
    }
    await time.pass(LOAD_MS_MAX / 4 + 1_000);
    expect(route().rollout).toMatchObject({
      phase: 'failed',
      version: 3,
      message: `not ready within ${LOAD_MS_MAX} ms`,
    });
  });

  it('goes on where another router takes the route over', async () => {
    await time.pass(LOAD_MS_MAX / 2);
    owner.release('p');
    owner = anOwner(table);
    owner.resume(route());
    await time.pass(LOAD_MS_MAX / 2 - 1_000);
    expect(phase()).toBe('loading');
    await time.pass(2_000);
    expect(phase()).toBe('failed');
  });

  it.each([3_600_000, -3_600_000])(
    'ends with a clock that is %s ms ahead, after a look at serving',
    async (aheadMs) => {
      owner.release('p');
      owner = anOwner(table, aheadMs);
      owner.resume(route());
      await time.pass(4_000);
      expect(phase()).toBe('loading');
      await time.pass(LOAD_MS_MAX);
      expect(phase()).toBe('failed');
    },
  );

  it('is another one for the next load of the same version', async () => {
    await time.pass(LOAD_MS_MAX - 1_000);
    await done({ kind: 'abort', version: 3 });
    await done({ kind: 'startRollout', version: 3 });
    await time.pass(LOAD_MS_MAX - 1_000);
    expect(phase()).toBe('loading');
    await time.pass(2_000);
    expect(phase()).toBe('failed');
  });
});
