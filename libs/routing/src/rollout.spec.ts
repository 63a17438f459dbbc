import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { primaryVersion } from './primary.js';
import { decide as decideBy, RECENT_COMMANDS_MAX, settleLoad as settleBy, settleKeep, settleStep } from './rollout.js';
import {
  emptyRoute,
  LOADED_MAX,
  type Route,
  readyVersions,
  SHADOW_SHARE_DEFAULT,
  SHADOWS_MAX,
  sameTraffic,
  TARGET_NAME,
  TARGETS_MAX,
} from './route.js';
import type { Decision, LoadOutcome, RouteAction, RouteCommand } from './route-command.js';
import { previewVersion } from './steps.js';
import { blueGreen } from './strategies/blue-green.js';
import type { RolloutStrategy } from './strategy.js';
import { STRATEGIES, strategyNamed } from './strategy-registry.js';

const decide = (route: Route | undefined, command: RouteCommand, nowMs: number): Decision =>
  decideBy(route, command, blueGreen, nowMs);
const settleLoad = (route: Route, outcome: LoadOutcome, nowMs: number): Decision =>
  settleBy(route, outcome, blueGreen, nowMs);

let serial = 0;
function command(action: RouteAction, over: Partial<RouteCommand> = {}): RouteCommand {
  serial += 1;
  return {
    id: `c${serial}`,
    project: 'p',
    issuedAtMs: 1,
    expectedRevision: 0,
    correlationId: 'k',
    reason: 'r',
    action,
    ...over,
  };
}

function change(route: Route | undefined, action: RouteAction): Route {
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
  it('loads first, then moves all traffic, and alternates names', () => {
    const loading = change(undefined, { kind: 'startRollout', version: 1 });
    expect(loading).toMatchObject({ revision: 1, targets: [], loadedVersions: [1], rollout: { phase: 'loading' } });
    const one = settle(loading, 'ready');
    expect(one).toMatchObject({
      revision: 2,
      targets: [{ version: 1, weight: 100, name: 'blue' }],
      previousVersion: 0,
    });
    const two = rollOut(one, 2);
    expect(two.targets).toEqual([{ version: 2, weight: 100, name: 'green' }]);
    expect(two).toMatchObject({
      previousVersion: 1,
      loadedVersions: [1, 2],
      rollout: { phase: 'promoted', version: 2 },
    });
    const three = rollOut(two, 3);
    expect(three.targets[0]).toMatchObject({ version: 3, name: 'blue' });
    expect(three.loadedVersions).toEqual([1, 2, 3]);
    expect(change(three, { kind: 'startRollout', version: 4 }).loadedVersions).toEqual([2, 3, 4]);
  });

  it('rolls back to the previous version once, and promote of the same version undoes it', () => {
    const two = rollOut(rollOut(undefined, 1), 2);
    const back = change(two, { kind: 'rollback' });
    expect(back.targets).toEqual([{ version: 1, weight: 100, name: 'blue' }]);
    expect(decide(back, command({ kind: 'rollback' }), 1)).toMatchObject({ reason: 'nothing_to_roll_back' });
    const undone = change(back, { kind: 'promote', version: 2 });
    expect(undone.targets).toEqual([{ version: 2, weight: 100, name: 'green' }]);
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

  it.each<[string, RouteAction, string]>([
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
    expect(split.targets.map((target) => [target.version, target.weight, target.name])).toEqual([
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
    expect(primaryVersion(change(more, { kind: 'rollback' }).targets)).toBe(1);
  });
});

describe('more than two targets', () => {
  const loaded = (count: number): Route => {
    let route = rollOut(undefined, 1);
    for (let version = 2; version <= count; version++) {
      route = rollOut(route, version);
      const versions = Array.from({ length: version }, (_, i) => i + 1);
      const rest = 100 - 10 * (version - 1);
      const weights = versions.map((v) => ({ version: v, weight: v === 1 ? rest : 10 }));
      route = change(route, { kind: 'setWeights', weights });
    }
    return route;
  };

  it('share the traffic up to a named bound, and a rollback ends it', () => {
    const many = loaded(TARGETS_MAX);
    expect(many.targets).toHaveLength(TARGETS_MAX);
    expect(many.targets.map(({ name }) => name)).toEqual(expect.arrayContaining(['blue', 'green', 'v4']));
    checkInvariants(many);
    const more = change(many, { kind: 'startRollout', version: 20 });
    expect(more.loadedVersions).toHaveLength(TARGETS_MAX + 1);
    expect(change(many, { kind: 'rollback' }).targets).toHaveLength(1);
  });

  it('are refused beyond the bound', () => {
    const many = settle(change(loaded(TARGETS_MAX), { kind: 'startRollout', version: 20 }), 'ready');
    const weights = [...many.loadedVersions].map((version, i) => ({ version, weight: i === 0 ? 20 : 10 }));
    expect(weights).toHaveLength(TARGETS_MAX + 1);
    expect(decide(many, command({ kind: 'setWeights', weights }), 1)).toMatchObject({ reason: 'invalid_weights' });
  });
});

/** A tenth for the new version, until somebody decides. */
const tenth: RolloutStrategy = {
  ...blueGreen,
  name: 'tenth',
  whenReady(live, version) {
    const stable = primaryVersion(live, (candidate) => candidate !== version);
    const weights =
      stable === 0
        ? [{ version, weight: 100 }]
        : [
            { version: stable, weight: 90 },
            { version, weight: 10 },
          ];
    return { weights, shadows: [] };
  },
};

describe('a strategy that gives the new version a part', () => {
  const start = (version: number) => command({ kind: 'startRollout', version });
  const routeAfter = (decision: Decision): Route => {
    if (decision.kind !== 'changed') throw new Error(JSON.stringify(decision));
    return decision.route;
  };
  const loading = routeAfter(decideBy(rollOut(undefined, 1), start(2), tenth, 1));
  const ready: LoadOutcome = { kind: 'ready', version: 2, revision: loading.revision };
  const split = routeAfter(settleBy(loading, ready, tenth, 2));

  it('is progressing until it is promoted or rolled back', () => {
    expect(split).toMatchObject({
      targets: [
        { version: 1, weight: 90, name: 'blue' },
        { version: 2, weight: 10, name: 'green' },
      ],
      previousVersion: 1,
      rollout: { phase: 'progressing', version: 2 },
    });
    const promoted = routeAfter(decideBy(split, command({ kind: 'promote', version: 2 }), tenth, 3));
    expect(promoted).toMatchObject({ targets: [{ version: 2, weight: 100 }], rollout: { phase: 'promoted' } });
    const back = routeAfter(decideBy(split, command({ kind: 'rollback' }), tenth, 3));
    expect(back).toMatchObject({ targets: [{ version: 1, weight: 100 }], previousVersion: 0 });
  });

  it('is not started twice, and makes way for the next version', () => {
    expect(decideBy(split, start(2), tenth, 3)).toMatchObject({ reason: 'rollout_in_progress' });
    const next = routeAfter(decideBy(split, start(3), tenth, 3));
    const third = routeAfter(settleBy(next, { kind: 'ready', version: 3, revision: next.revision }, tenth, 4));
    expect(third.targets.map(({ version, weight }) => [version, weight])).toEqual([
      [1, 90],
      [3, 10],
    ]);
  });
});

describe('a strategy that asks for copies to a shadow', () => {
  const shadowing: RolloutStrategy = {
    ...blueGreen,
    name: 'shadow',
    whenReady: (live, version) => ({
      weights:
        live.length === 0 ? [{ version, weight: 100 }] : live.map(({ version, weight }) => ({ version, weight })),
      shadows: live.length === 0 ? [] : [version],
    }),
  };

  it('leaves the traffic as it was, and is progressing until somebody decides', () => {
    const loading = change(rollOut(undefined, 1), { kind: 'startRollout', version: 2 });
    const outcome: LoadOutcome = { kind: 'ready', version: 2, revision: loading.revision };
    expect(settleBy(loading, outcome, shadowing, 3)).toMatchObject({
      kind: 'changed',
      route: {
        targets: [{ version: 1, weight: 100 }],
        shadows: [2],
        shadowShare: SHADOW_SHARE_DEFAULT,
        rollout: { phase: 'progressing', version: 2 },
      },
    });
  });

  it('is refused where it asks for copies to a version that is not loaded, and its load does not hang', () => {
    const absent = { ...shadowing, whenReady: () => ({ weights: [{ version: 1, weight: 100 }], shadows: [9] }) };
    const loading = change(rollOut(undefined, 1), { kind: 'startRollout', version: 2 });
    const outcome: LoadOutcome = { kind: 'ready', version: 2, revision: loading.revision };
    expect(settleBy(loading, outcome, absent, 3)).toMatchObject({
      kind: 'changed',
      route: {
        targets: [{ version: 1 }],
        shadows: [],
        rollout: { phase: 'failed', message: expect.stringContaining('version 9 is not loaded, 1, 2 are') },
      },
    });
  });
});

describe('shadows', () => {
  const two = rollOut(rollOut(undefined, 1), 2);
  const shadows = (versions: number[], share = 10): RouteAction => ({ kind: 'setShadows', versions, share });

  it('are set and ended by command, with traffic as it was', () => {
    const shadowed = change(two, shadows([1], 25));
    expect(shadowed).toMatchObject({ targets: two.targets, shadows: [1], shadowShare: 25, revision: two.revision + 1 });
    expect(change(shadowed, shadows([]))).toMatchObject({ targets: two.targets, shadows: [], shadowShare: 0 });
  });

  it.each<[string, RouteAction, string, string]>([
    [
      ...(['that are not loaded', shadows([7]), 'not_loaded'] as const),
      'version 7 is not loaded, 1, 2 are: `millrace rollout start p 7` loads it and gives it traffic; with `rollout.checks.before`',
    ],
    ['with all traffic', shadows([2]), 'already_live', 'version 2 has all traffic'],
    ['named twice', shadows([1, 1]), 'invalid_shadows', 'at most 2 different versions'],
    ['without a share', shadows([1], 0), 'invalid_shadows', 'is 0, expected 1 to 100'],
    ['of more than all requests', shadows([1], 101), 'invalid_shadows', 'is 101, expected 1 to 100'],
    ['of a share that is not whole', shadows([1], 2.5), 'invalid_shadows', 'is 2.5, expected 1 to 100'],
  ])('%s are refused', (_, action, reason, words) => {
    expect(decide(two, command(action), 1)).toMatchObject({ reason, message: expect.stringContaining(words) });
  });

  it('stay loaded while the next version loads, and end with a rollback or all traffic', () => {
    const shadowed = change(change(two, { kind: 'rollback' }), shadows([2]));
    const third = rollOut(shadowed, 3);
    expect(third).toMatchObject({ loadedVersions: [1, 2, 3], shadows: [2], shadowShare: 10 });
    expect(change(third, { kind: 'promote', version: 2 })).toMatchObject({ shadows: [], shadowShare: 0 });
    expect(change(third, { kind: 'rollback' })).toMatchObject({ targets: [{ version: 1 }], shadows: [] });
  });
});

type Step =
  | RouteAction
  | { kind: 'settle'; ready: boolean }
  | { kind: 'repeat' }
  | { kind: 'due'; abort: boolean }
  | { kind: 'keep' };

const version = fc.integer({ min: 0, max: 12 });
const step: fc.Arbitrary<Step> = fc.oneof(
  version.map((v): Step => ({ kind: 'startRollout', version: v })),
  version.map((v): Step => ({ kind: 'promote', version: v })),
  fc.constant<Step>({ kind: 'rollback' }),
  fc.constant<Step>({ kind: 'repeat' }),
  fc.boolean().map((ready): Step => ({ kind: 'settle', ready })),
  fc.boolean().map((abort): Step => ({ kind: 'due', abort })),
  fc.constant<Step>({ kind: 'keep' }),
  fc
    .constantFrom('advance' as const, 'pause' as const, 'resume' as const, 'abort' as const)
    .chain((kind) => fc.oneof(fc.constant(0), version).map((v): Step => ({ kind, version: v }))),
  fc.tuple(version, version, fc.integer({ min: -1, max: 101 })).map(
    ([a, b, w]): Step => ({
      kind: 'setWeights',
      weights: [
        { version: a, weight: w },
        { version: b, weight: 100 - w },
      ],
    }),
  ),
  fc
    .tuple(fc.array(version, { maxLength: 3 }), fc.integer({ min: 0, max: 101 }))
    .map(([versions, share]): Step => ({ kind: 'setShadows', versions, share })),
  fc.uniqueArray(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: TARGETS_MAX + 1 }).map(
    (versions): Step => ({
      kind: 'setWeights',
      weights: versions.map((v, i) => ({ version: v, weight: i === 0 ? 100 - 9 * (versions.length - 1) : 9 })),
    }),
  ),
);

function checkShadows(route: Route): void {
  const { shadows, shadowShare, targets } = route;
  expect(shadows.length).toBeLessThanOrEqual(SHADOWS_MAX);
  expect(new Set(shadows).size).toBe(shadows.length);
  for (const shadow of shadows) expect(readyVersions(route)).toContain(shadow);
  if (targets.length === 1) expect(shadows).not.toContain(targets[0]?.version);
  expect(shadows.length === 0 ? shadowShare === 0 : shadowShare >= 1 && shadowShare <= 100).toBe(true);
}

function checkInvariants(route: Route): void {
  const sum = route.targets.reduce((total, target) => total + target.weight, 0);
  expect(route.targets.length === 0 || sum === 100).toBe(true);
  expect(route.targets.length).toBeLessThanOrEqual(TARGETS_MAX);
  checkShadows(route);
  expect(new Set(route.targets.map((target) => target.version)).size).toBe(route.targets.length);
  expect(new Set(route.targets.map((target) => target.name)).size).toBe(route.targets.length);
  for (const target of route.targets) {
    expect(target.weight).toBeGreaterThan(0);
    expect(target.name).toMatch(TARGET_NAME);
    expect(readyVersions(route)).toContain(target.version);
  }
  const isBeingLoaded = route.rollout.phase === 'loading' && route.rollout.back === true;
  if (isBeingLoaded) expect(route.rollout.version).toBe(route.previousVersion);
  const spare = route.loadedVersions.filter(
    (loaded) => !route.targets.some((target) => target.version === loaded) && !route.shadows.includes(loaded),
  );
  const isUnderWay = ['loading', 'progressing'].includes(route.rollout.phase);
  if (isUnderWay || spare.length === 0) expect(route.keepUntilMs).toBeUndefined();
  expect(
    route.previousVersion === 0 || route.previousVersion !== route.targets[0]?.version || route.targets.length > 1,
  ).toBe(true);
  expect(route.loadedVersions.length).toBeLessThanOrEqual(LOADED_MAX);
  expect(new Set(route.loadedVersions).size).toBe(route.loadedVersions.length);
  expect(route.recentCommandIds.length).toBeLessThanOrEqual(RECENT_COMMANDS_MAX);
  const { phase, steps } = route.rollout;
  expect(steps !== undefined).toBe(phase === 'progressing');
  if (steps === undefined) return;
  expect(steps.at).toBeLessThan(steps.plan.length);
  expect(steps.baseline.reduce((total, { weight }) => total + weight, 0)).toBe(100);
  // An abort finds them loaded.
  for (const share of steps.baseline) expect(readyVersions(route)).toContain(share.version);
}

/** Long after any step has begun. */
const DUE_MS = 1e12;

/** One step of a random history; what is refused leaves the route as it is. */
function take(route: Route, sent: RouteCommand | LoadOutcome, strategy: RolloutStrategy): Route {
  const decision = 'action' in sent ? decideBy(route, sent, strategy, 1) : settleBy(route, sent, strategy, 1);
  return decision.kind === 'changed' ? decision.route : route;
}

/** What has had nothing to do for its time, where there is any, is unloaded. */
function kept(route: Route, strategy: RolloutStrategy): Route {
  const decision = settleKeep(route, route.revision, strategy, DUE_MS);
  if (route.keepUntilMs === undefined) expect(decision).toMatchObject({ reason: 'keep_superseded' });
  return decision.kind === 'changed' ? decision.route : route;
}

/** A step of the rollout under way whose time is up, where it has one. */
function due(route: Route, abort: boolean, strategy: RolloutStrategy): Route {
  const at = { version: route.rollout.version, revision: route.revision };
  const moves = strategy.bandit !== undefined && route.revision % 3 > 0;
  const forward = moves
    ? { kind: 'weight' as const, ...at, weight: 1 + ((route.revision * 37) % 99), reason: 'labels' }
    : { kind: 'next' as const, ...at };
  const outcome = abort ? { kind: 'abort' as const, ...at, by: 'x', reason: 'worse' } : forward;
  const decision = settleStep(route, outcome, strategy, DUE_MS);
  return decision.kind === 'changed' ? decision.route : route;
}

const outcomeOf = (route: Route, ready: boolean): LoadOutcome => ({
  kind: ready ? 'ready' : 'failed',
  version: route.rollout.version,
  revision: route.revision,
  message: 'x',
});

const CHECKED = strategyNamed('blue_green', {
  checks: { before: { copies: 10, forMs: 1_000, withinMs: 2_000 }, after: { copies: 20, forMs: 1_000 } },
  keepMs: 3_000,
});
const CHECKED_AFTER = strategyNamed('blue_green', { checks: { after: { copies: 20, forMs: 1_000 } }, keepMs: 3_000 });
const KEEPING = strategyNamed('canary', { keepMs: 3_000 });

describe.each([
  ...[...STRATEGIES, tenth, KEEPING],
  ...[CHECKED, CHECKED_AFTER].map((checked, i) => ({ ...checked, name: `blue_green with checks ${i + 1}` })),
])('random command sequences with $name', (strategy) => {
  it('keep every invariant; nothing once live goes dark; what gave up traffic stays loaded', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        let route = emptyRoute('p');
        let last: RouteCommand | undefined;
        for (const next of steps) {
          const before = route;
          if (next.kind === 'settle') {
            route = take(route, outcomeOf(route, next.ready), strategy);
            if (!next.ready) expect(sameTraffic(before, route)).toBe(true);
          } else if (next.kind === 'due') route = due(route, next.abort, strategy);
          else if (next.kind === 'keep') {
            route = kept(route, strategy);
            expect(sameTraffic(before, route)).toBe(before.targets.length > 0 || route.targets.length === 0);
          } else {
            const sent: RouteCommand | undefined = next.kind === 'repeat' ? last : command(next);
            if (sent === undefined) continue;
            const decision = decideBy(route, sent, strategy, 1);
            if (next.kind === 'repeat') expect(decision.kind).not.toBe(undefined);
            if (decision.kind === 'changed') {
              route = decision.route;
              last = sent;
              expect(decideBy(route, sent, strategy, 2)).toEqual({ kind: 'unchanged', route });
            }
          }
          if (route !== before) expect(route.revision).toBe(before.revision + 1);
          if (route.rollout.phase === 'failed' && before.rollout.phase !== 'failed')
            expect(route.targets.map((target) => target.version)).not.toContain(route.rollout.version);
          if (before.targets.length > 0) expect(route.targets.length).toBeGreaterThan(0);
          for (const target of before.targets) expect(route.loadedVersions).toContain(target.version);
          checkInvariants(route);
        }
      }),
      { numRuns: 500, seed: 3 },
    );
  });

  it('never hang: whatever was lost or refused, a time-out ends a load, and then any other version can be rolled out', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), fc.boolean(), (steps, ready) => {
        let route = emptyRoute('p');
        let late: LoadOutcome | undefined;
        for (const next of steps) {
          // Outcomes are lost here, or come when the route has moved on.
          if (next.kind === 'settle') {
            if (late !== undefined && late.revision !== route.revision) {
              expect(take(route, late, strategy)).toBe(route);
            }
            late = outcomeOf(route, next.ready);
          } else if (next.kind === 'due') route = due(route, next.abort, strategy);
          else if (next.kind === 'keep') route = kept(route, strategy);
          else if (next.kind !== 'repeat') route = take(route, command(next), strategy);
        }
        if (route.rollout.phase === 'loading') {
          const ended = take(route, outcomeOf(route, ready), strategy);
          expect(ended.rollout.phase).not.toBe('loading');
          expect(ended.revision).toBe(route.revision + 1);
          route = ended;
        }
        const fresh = 100;
        const loading = take(route, command({ kind: 'startRollout', version: fresh }), strategy);
        expect(loading.rollout).toMatchObject({ phase: 'loading', version: fresh });
        const warm = take(loading, outcomeOf(loading, true), strategy);
        const isThere = warm.targets.some((target) => target.version === fresh) || previewVersion(warm) === fresh;
        expect(isThere).toBe(true);
        const promoted = take(warm, command({ kind: 'promote', version: fresh }), strategy);
        expect(promoted.targets).toMatchObject([{ version: fresh, weight: 100 }]);
      }),
      { numRuns: 300, seed: 4 },
    );
  });
});
