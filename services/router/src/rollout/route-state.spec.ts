import { describe, expect, it } from '@jest/globals';
import type { Command, CommandAction } from '@millrace/contracts';
import fc from 'fast-check';
import { emptyRoute, primaryVersion, type Route, readyVersions } from './route.js';
import { decide, type LoadOutcome, RECENT_COMMANDS_MAX, sameTraffic, settleLoad } from './route-state.js';

let serial = 0;
function command(action: CommandAction, over: Partial<Command> = {}): Command {
  serial += 1;
  return {
    id: `c${serial}`,
    project: 'p',
    issuedBy: 'test',
    issuedAtMs: 1,
    expectedRevision: 0,
    correlationId: 'k',
    reason: 'r',
    action,
    ...over,
  };
}

function change(route: Route | undefined, action: CommandAction): Route {
  const decision = decide(route, command(action), 5);
  if (decision.kind !== 'changed') throw new Error(JSON.stringify(decision));
  return decision.route;
}

function settle(route: Route, kind: 'ready' | 'failed'): Route {
  const outcome: LoadOutcome = { kind, version: route.rollout.version, revision: route.revision, message: 'no file' };
  const decision = settleLoad(route, outcome, 6);
  if (decision.kind !== 'changed') throw new Error(JSON.stringify(decision));
  return decision.route;
}

const rollOut = (route: Route | undefined, version: number) =>
  settle(change(route, { kind: 'startRollout', version }), 'ready');

describe('a blue/green rollout', () => {
  it('loads first, then moves all traffic, and alternates colours', () => {
    const loading = change(undefined, { kind: 'startRollout', version: 1 });
    expect(loading).toMatchObject({ revision: 1, targets: [], loadedVersions: [1], rollout: { phase: 'loading' } });
    const one = settle(loading, 'ready');
    expect(one).toMatchObject({
      revision: 2,
      targets: [{ version: 1, weight: 100, colour: 'blue' }],
      previousVersion: 0,
    });
    const two = rollOut(one, 2);
    expect(two.targets).toEqual([{ version: 2, weight: 100, colour: 'green' }]);
    expect(two).toMatchObject({
      previousVersion: 1,
      loadedVersions: [1, 2],
      rollout: { phase: 'promoted', version: 2 },
    });
    const three = rollOut(two, 3);
    expect(three.targets[0]).toMatchObject({ version: 3, colour: 'blue' });
    expect(three.loadedVersions).toEqual([1, 2, 3]);
    expect(change(three, { kind: 'startRollout', version: 4 }).loadedVersions).toEqual([2, 3, 4]);
  });

  it('rolls back to the previous version once, and promote of the same version undoes it', () => {
    const two = rollOut(rollOut(undefined, 1), 2);
    const back = change(two, { kind: 'rollback' });
    expect(back.targets).toEqual([{ version: 1, weight: 100, colour: 'blue' }]);
    expect(decide(back, command({ kind: 'rollback' }), 1)).toMatchObject({ reason: 'nothing_to_roll_back' });
    const undone = change(back, { kind: 'promote', version: 2 });
    expect(undone.targets).toEqual([{ version: 2, weight: 100, colour: 'green' }]);
    expect(undone.previousVersion).toBe(1);
  });

  it('leaves live traffic as it was when the load fails, and a late success changes nothing', () => {
    const one = rollOut(undefined, 1);
    const loading = change(one, { kind: 'startRollout', version: 2 });
    const failed = settle(loading, 'failed');
    expect(failed).toMatchObject({
      targets: one.targets,
      loadedVersions: [1],
      rollout: { phase: 'failed', version: 2 },
    });
    const late = settleLoad(failed, { kind: 'ready', version: 2, revision: loading.revision }, 9);
    expect(late).toMatchObject({ kind: 'rejected', reason: 'load_superseded' });
  });

  it.each<[string, CommandAction, string]>([
    ['a second rollout while one loads', { kind: 'startRollout', version: 4 }, 'rollout_in_progress'],
    ['promotion of the version that still loads', { kind: 'promote', version: 3 }, 'not_loaded'],
    ['promotion of an unknown version', { kind: 'promote', version: 9 }, 'not_loaded'],
    ['promotion of what is live', { kind: 'promote', version: 2 }, 'already_live'],
    ['a version that is no version', { kind: 'promote', version: 0.5 }, 'invalid_version'],
    ['weights that do not add up', { kind: 'setWeights', weights: [{ version: 1, weight: 99 }] }, 'invalid_weights'],
    [
      'weight on the version that still loads',
      {
        kind: 'setWeights',
        weights: [
          { version: 2, weight: 50 },
          { version: 3, weight: 50 },
        ],
      },
      'not_loaded',
    ],
  ])('refuses %s', (_, action, reason) => {
    const loading = change(rollOut(rollOut(undefined, 1), 2), { kind: 'startRollout', version: 3 });
    expect(decide(loading, command(action), 1)).toMatchObject({ kind: 'rejected', reason });
  });

  it('refuses another revision than the expected one, and applies a command once', () => {
    const one = rollOut(undefined, 1);
    const stale = command({ kind: 'startRollout', version: 2 }, { expectedRevision: 1 });
    expect(decide(one, stale, 1)).toMatchObject({ kind: 'rejected', reason: 'revision_conflict' });
    const fresh = command({ kind: 'startRollout', version: 2 }, { expectedRevision: one.revision });
    const first = decide(one, fresh, 1);
    if (first.kind !== 'changed') throw new Error('not applied');
    expect(decide(first.route, fresh, 2)).toEqual({ kind: 'unchanged', route: first.route });
  });

  it('refuses a command from long ago', () => {
    const old = command({ kind: 'startRollout', version: 1 });
    expect(decide(undefined, old, old.issuedAtMs + 3_600_001)).toMatchObject({ kind: 'rejected', reason: 'expired' });
  });

  it('a rollback out of a split returns to who had all traffic before it', () => {
    const back = change(rollOut(rollOut(undefined, 1), 2), { kind: 'rollback' });
    const split = change(back, {
      kind: 'setWeights',
      weights: [
        { version: 2, weight: 10 },
        { version: 1, weight: 90 },
      ],
    });
    expect(split.targets.map((target) => [target.version, target.weight, target.colour])).toEqual([
      [1, 90, 'blue'],
      [2, 10, 'green'],
    ]);
    const more = change(split, {
      kind: 'setWeights',
      weights: [
        { version: 2, weight: 90 },
        { version: 1, weight: 10 },
      ],
    });
    expect(primaryVersion(change(more, { kind: 'rollback' }))).toBe(1);
  });
});

type Step = CommandAction | { kind: 'settle'; ready: boolean } | { kind: 'repeat' };

const version = fc.integer({ min: 0, max: 5 });
const step: fc.Arbitrary<Step> = fc.oneof(
  version.map((v): Step => ({ kind: 'startRollout', version: v })),
  version.map((v): Step => ({ kind: 'promote', version: v })),
  fc.constant<Step>({ kind: 'rollback' }),
  fc.constant<Step>({ kind: 'repeat' }),
  fc.boolean().map((ready): Step => ({ kind: 'settle', ready })),
  fc.tuple(version, version, fc.integer({ min: -1, max: 101 })).map(
    ([a, b, w]): Step => ({
      kind: 'setWeights',
      weights: [
        { version: a, weight: w },
        { version: b, weight: 100 - w },
      ],
    }),
  ),
);

function checkInvariants(route: Route): void {
  const sum = route.targets.reduce((total, target) => total + target.weight, 0);
  expect(route.targets.length === 0 || sum === 100).toBe(true);
  expect(route.targets.length).toBeLessThanOrEqual(2);
  expect(new Set(route.targets.map((target) => target.version)).size).toBe(route.targets.length);
  expect(new Set(route.targets.map((target) => target.colour)).size).toBe(route.targets.length);
  for (const target of route.targets) {
    expect(target.weight).toBeGreaterThan(0);
    expect(readyVersions(route)).toContain(target.version);
  }
  expect(route.previousVersion === 0 || readyVersions(route).includes(route.previousVersion)).toBe(true);
  expect(
    route.previousVersion === 0 || route.previousVersion !== route.targets[0]?.version || route.targets.length > 1,
  ).toBe(true);
  expect(route.loadedVersions.length).toBeLessThanOrEqual(5);
  expect(new Set(route.loadedVersions).size).toBe(route.loadedVersions.length);
  expect(route.recentCommandIds.length).toBeLessThanOrEqual(RECENT_COMMANDS_MAX);
}

describe('random command sequences', () => {
  it('keep every invariant; nothing once live goes dark; what gave up traffic stays loaded', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        let route = emptyRoute('p');
        let last: Command | undefined;
        for (const next of steps) {
          const before = route;
          if (next.kind === 'settle') {
            const outcome = {
              kind: next.ready ? 'ready' : 'failed',
              version: route.rollout.version,
              revision: route.revision,
              message: 'x',
            };
            const decision = settleLoad(route, outcome as LoadOutcome, 1);
            if (decision.kind === 'changed') route = decision.route;
            if (!next.ready) expect(sameTraffic(before, route)).toBe(true);
          } else {
            const sent: Command | undefined = next.kind === 'repeat' ? last : command(next);
            if (sent === undefined) continue;
            const decision = decide(route, sent, 1);
            if (next.kind === 'repeat') expect(decision.kind).not.toBe(undefined);
            if (decision.kind === 'changed') {
              route = decision.route;
              last = sent;
              expect(decide(route, sent, 2)).toEqual({ kind: 'unchanged', route });
            }
          }
          if (route !== before) expect(route.revision).toBe(before.revision + 1);
          if (before.targets.length > 0) expect(route.targets.length).toBeGreaterThan(0);
          for (const target of before.targets) expect(route.loadedVersions).toContain(target.version);
          checkInvariants(route);
        }
      }),
      { numRuns: 500, seed: 3 },
    );
  });
});
