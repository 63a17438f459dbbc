// A router that a newer one has told a route which it cannot read: it serves by the one before, and writes nothing
// that was decided on it.

import { beforeEach, describe, expect, it } from '@jest/globals';
import { DEFAULT_STRATEGY, emptyRoute, type Route, type RouteAction } from '@millrace/routing';
import { Time } from '../../test/still-time.js';
import { SwitchLog } from '../outcomes/switch-log.js';
import { RouteTable } from '../routing/route-table.js';
import { RouteControl } from './route-control.js';
import { type CommandResult, RouteOwner } from './route-owner.js';

const LOAD_MS_MAX = 60_000;
const facts = { project: 'p', issuedBy: 'ada', reason: 'why', correlationId: '', expectedRevision: 0 };
const LIVE: Route = {
  ...emptyRoute('p'),
  revision: 3,
  targets: [{ version: 1, weight: 100, name: 'blue' }],
  loadedVersions: [1],
};

let time: Time;
let table: RouteTable;
let owner: RouteOwner;
let control: RouteControl;
let written: Route[];
let published: { kinds: string[]; first: Promise<void> };
let removed: string[];
/** Serving has what is asked for. */
let isReady: boolean;

beforeEach(() => {
  [time, table, written, removed, isReady] = [new Time(), new RouteTable(), [], [], true];
  table.apply(LIVE);
  const versions = { fault: () => undefined, isGone: () => false, upToNow: async () => undefined };
  const common = { clock: time.clock, loadTimeoutMs: LOAD_MS_MAX, strategyOf: () => DEFAULT_STRATEGY, versions };
  owner = new RouteOwner(
    table,
    new SwitchLog(() => 0),
    { write: async (route) => void written.push(route), remove: async (project) => void removed.push(project) },
    { modelReady: async () => isReady, readySomewhere: async () => isReady },
    {
      ...{ ...common, mixed: () => undefined, sleep: time.sleep, failures: () => 0, createdAtMs: () => 0 },
      onSettled: () => undefined,
      onError: () => undefined,
    },
  );
  const kinds: string[] = [];
  let said: () => void = () => undefined;
  published = { kinds, first: new Promise((resolve) => (said = resolve)) };
  const publish = async (command: { action: { kind: string } }): Promise<void> => {
    kinds.push(command.action.kind);
    said();
  };
  control = new RouteControl(
    table,
    { publish },
    {
      ...{ ...common, mixed: () => undefined, commandId: () => 'c1', commandTimeoutMs: 30_000 },
      knownProject: () => true,
      onRefused: () => undefined,
    },
  );
});

const apply = (id: string, action: RouteAction): Promise<CommandResult> =>
  owner.apply({ ...{ id, project: 'p', issuedAtMs: 0, expectedRevision: 0, correlationId: '', reason: '' }, action });

describe('a newer router has written a route that this one cannot read', () => {
  it('was overwritten by what this one made of the route before', async () => {
    table.cannotRead('p', 4);
    for (const kind of ['promote', 'startRollout'] as const) {
      const action = { kind, version: 2 };
      await expect(control.submit(facts, action)).rejects.toMatchObject({
        ...{ code: 'conflict', facts: { reason: 'newer_route' } },
        message: expect.stringContaining('update this router first'),
      });
      expect(await apply(kind, action)).toMatchObject({ kind: 'rejected', reason: 'newer_route', route: LIVE });
    }
    expect([table.get('p'), written, published.kinds]).toEqual([LIVE, [], []]);
    // One that can be read has come since.
    table.apply({ ...LIVE, revision: 5 });
    expect(await apply('later', { kind: 'startRollout', version: 2 })).toMatchObject({ route: { revision: 6 } });
  });

  it.each(['abort', 'rollback'] as const)(
    'refused the kill switch, too: %s puts the one before in force',
    async (kind) => {
      table.cannotRead('p', 4);
      const action = kind === 'abort' ? { kind, version: 2 } : { kind };
      const told = control.submit(facts, action);
      await published.first;
      const applied = await apply('c1', action);
      control.onResult('c1', applied);
      expect(applied).toMatchObject({ kind: 'applied', route: { revision: 5, targets: LIVE.targets } });
      expect([await told, published.kinds]).toMatchObject([{ route: { revision: 5 } }, [kind]]);
      expect(written).toMatchObject([{ revision: 5, targets: LIVE.targets }]);
      // Said once; and from now on it is a route like any other.
      expect(await apply('c1', action)).toMatchObject({ kind: 'applied', route: { revision: 5 } });
      expect(await apply('next', { kind: 'startRollout', version: 2 })).toMatchObject({ route: { revision: 6 } });
    },
  );

  it('is not overwritten by the analysis or the loop, which decided by the one before and name its revision', async () => {
    table.cannotRead('p', 9);
    for (const action of [{ kind: 'abort' as const, version: 2 }, { kind: 'rollback' as const }]) {
      const command = {
        id: 'c',
        project: 'p',
        issuedAtMs: 0,
        expectedRevision: 3,
        correlationId: '',
        reason: '',
        action,
      };
      expect(await owner.apply(command)).toMatchObject({ kind: 'rejected', reason: 'newer_route' });
    }
    expect(written).toEqual([]);
  });

  it('without a route before it there is nothing to put in force, and the kill switch says so', async () => {
    table.remove('p');
    table.cannotRead('p', 4);
    expect(await apply('c', { kind: 'rollback' })).toMatchObject({ kind: 'rejected', reason: 'newer_route' });
  });

  it('takes a rollout of the one before back, which the kill switch is to end as well', async () => {
    const steps = {
      plan: [{ weight: 5 }],
      at: 0,
      sinceMs: 1,
      fromRevision: 4,
      salt: 7,
      baseline: [{ version: 1, weight: 100 }],
    };
    const rollout = { phase: 'progressing' as const, version: 2, message: '', steps };
    const targets = [
      { ...LIVE.targets[0], weight: 95 },
      { version: 2, weight: 5, name: 'green' },
    ] as Route['targets'];
    table.apply({ ...LIVE, revision: 4, loadedVersions: [1, 2], targets, rollout });
    table.cannotRead('p', 9);
    expect(await apply('c', { kind: 'rollback' })).toMatchObject({
      ...{ kind: 'applied', route: { revision: 10, targets: LIVE.targets, rollout: { phase: 'failed', version: 2 } } },
    });
  });

  it('outlived its project: the next of the name was refused every command', async () => {
    table.remove('p');
    table.cannotRead('p', 4);
    await owner.drop('p');
    expect([removed, table.isOutdated('p')]).toEqual([['p'], false]);
    expect(await apply('c', { kind: 'startRollout', version: 2 })).toMatchObject({ kind: 'applied' });
    await owner.drop('q');
    expect(removed).toEqual(['p']);
  });

  it('what it cannot read of a route before the one that it knows is nothing new', async () => {
    table.cannotRead('p', 3);
    expect(await apply('c', { kind: 'startRollout', version: 2 })).toMatchObject({ kind: 'applied' });
  });

  it('a load is not settled on the route before, and goes on when one has come that can be read', async () => {
    isReady = false;
    await apply('c', { kind: 'startRollout', version: 2 });
    const loading = table.routeOrEmpty('p');
    expect(loading.rollout.phase).toBe('loading');
    table.cannotRead('p', loading.revision + 1);
    isReady = true;
    await time.pass(LOAD_MS_MAX + 1_000);
    expect([table.get('p'), written]).toEqual([loading, [loading]]);
    const newer = { ...loading, revision: loading.revision + 1, reason: 'by a newer router' };
    table.apply(newer);
    owner.resume(newer);
    await time.pass(1_000);
    expect(table.get('p')).toMatchObject({ revision: newer.revision + 1, targets: [{ version: 2, weight: 100 }] });
  });

  it('a step that is due is not written on the route before', async () => {
    const steps = {
      ...{ plan: [{ weight: 5, forMs: 1_000 }], at: 0, sinceMs: time.nowMs, dueMs: time.nowMs + 1_000 },
      ...{ fromRevision: 4, salt: 7, baseline: [{ version: 1, weight: 100 }] },
    };
    const progressing: Route = {
      ...{ ...LIVE, revision: 4, loadedVersions: [1, 2] },
      targets: [
        { version: 1, weight: 95, name: 'blue' },
        { version: 2, weight: 5, name: 'green' },
      ],
      rollout: { phase: 'progressing', version: 2, message: '', steps },
    };
    table.apply(progressing);
    owner.resume(progressing);
    table.cannotRead('p', 5);
    await time.pass(10_000);
    expect(written).toEqual([]);
    const newer = { ...progressing, revision: 6 };
    table.apply(newer);
    owner.resume(newer);
    await time.pass(1_000);
    expect(written).toMatchObject([{ revision: 7, rollout: { phase: 'promoted', version: 2 } }]);
  });
});
