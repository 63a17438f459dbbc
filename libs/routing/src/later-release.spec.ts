// A route that a later release has written: an older router that owns it serves by it and takes traffic back, and
// neither moves it on by what it does not know nor loses that.

import { describe, expect, it } from '@jest/globals';
import { decide, settleExperiment, settleKeep, settleLoad, settleStep } from './rollout.js';
import { emptyRoute, isOfLaterRelease, type Route } from './route.js';
import type { Decision, RouteAction } from './route-command.js';
import { rolloutProgress } from './steps.js';
import { canary } from './strategies/canary.js';

const UNREAD = 'mAYB';
const STEPS = {
  ...{
    plan: [{ weight: 20, forMs: 1_000 }, { weight: 50 }],
    at: 0,
    sinceMs: 0,
    dueMs: 1_000,
    fromRevision: 4,
    salt: 7,
  },
  baseline: [{ version: 1, weight: 100 }],
};
const CANARY: Route = {
  ...emptyRoute('p'),
  ...{ revision: 4, loadedVersions: [1, 2], previousVersion: 1 },
  targets: [
    { version: 1, weight: 80, name: 'stable' },
    { version: 2, weight: 20, name: 'canary' },
  ],
  rollout: { phase: 'progressing', version: 2, message: '', steps: STEPS },
};
const NEWER: Route = { ...CANARY, unread: UNREAD };

const asked = (route: Route, action: RouteAction): Decision => {
  const facts = { id: 'c', project: 'p', issuedAtMs: 0, expectedRevision: 0, correlationId: '', reason: '' };
  return decide(route, { ...facts, action }, canary, 5_000);
};
const at = { version: 2, revision: 4 };
const weights = [
  { version: 1, weight: 50 },
  { version: 2, weight: 50 },
];

describe('a route of a later release', () => {
  it.each<[string, Route]>([
    ['in the route', NEWER],
    ['in the rollout', { ...CANARY, rollout: { ...CANARY.rollout, unread: UNREAD } }],
    ['in its steps', { ...CANARY, rollout: { ...CANARY.rollout, steps: { ...STEPS, unread: UNREAD } } }],
    [
      'in a planned step',
      { ...CANARY, rollout: { ...CANARY.rollout, steps: { ...STEPS, plan: [{ weight: 20, unread: UNREAD }] } } },
    ],
  ])('is known by what stands %s', (_, route) => {
    expect([isOfLaterRelease(route), isOfLaterRelease(CANARY)]).toEqual([true, false]);
    expect(asked(route, { kind: 'promote', version: 2 })).toMatchObject({ kind: 'rejected', reason: 'newer_route' });
  });

  it.each<RouteAction>([
    { kind: 'startRollout', version: 3 },
    { kind: 'promote', version: 2 },
    { kind: 'setWeights', weights },
    { kind: 'setShadows', versions: [], share: 10 },
    { kind: 'advance', version: 2 },
    { kind: 'pause', version: 2 },
    { kind: 'resume', version: 2 },
    { kind: 'startExperiment', name: 'e', arms: weights, control: 1, share: 100, forMs: 5_000 },
  ])('was changed by an older router, which lost what it did not know: $kind', (action) => {
    expect(asked(NEWER, action)).toMatchObject({
      ...{ kind: 'rejected', reason: 'newer_route', message: expect.stringContaining('update this router first') },
    });
  });

  it.each<RouteAction>([{ kind: 'abort', version: 2 }, { kind: 'rollback' }])(
    'is taken back by an older router, too, and keeps what that does not know: $kind',
    (action) => {
      const decision = asked(NEWER, action);
      expect(decision).toMatchObject({
        kind: 'changed',
        route: { unread: UNREAD, targets: [{ version: 1, weight: 100 }], rollout: { phase: 'failed', version: 2 } },
      });
    },
  );

  it('has no step by an older router, is aborted or paused by its analysis, and says what it waits for', () => {
    expect(settleStep(NEWER, { kind: 'next', ...at }, canary, 5_000)).toMatchObject({ reason: 'newer_route' });
    const bandit: Route = {
      ...NEWER,
      rollout: { ...NEWER.rollout, steps: { ...STEPS, bandit: { floor: 5, everyMs: 9, confidence: 0.9 } } },
    };
    const weight = { kind: 'weight' as const, ...at, weight: 30, reason: '' };
    expect(settleStep(bandit, weight, canary, 5_000)).toMatchObject({ reason: 'newer_route' });
    for (const kind of ['abort', 'pause'] as const)
      expect(settleStep(NEWER, { kind, ...at, by: 'the analysis', reason: 'bad' }, canary, 5_000)).toMatchObject({
        ...{ kind: 'changed', route: { unread: UNREAD } },
      });
    expect(rolloutProgress(NEWER, 5_000)?.waitsFor).toMatch(/^a newer router: /);
  });

  it('has a load that ends: a version that a rollback has asked for serves, another one has failed', () => {
    const loading = { phase: 'loading' as const, version: 3, message: '' };
    const route = { ...NEWER, rollout: loading, loadedVersions: [1, 2, 3] };
    const ready = { kind: 'ready' as const, version: 3, revision: 4 };
    expect(settleLoad(route, ready, canary, 5_000)).toMatchObject({
      route: {
        ...{ unread: UNREAD, targets: CANARY.targets },
        rollout: { phase: 'failed', message: expect.stringContaining('written by a newer router') },
      },
    });
    expect(settleLoad({ ...route, rollout: { ...loading, back: true } }, ready, canary, 5_000)).toMatchObject({
      route: { unread: UNREAD, targets: [{ version: 3, weight: 100 }] },
    });
  });

  it('unloads nothing, for a version may have work that this one knows nothing of; an experiment ends in time', () => {
    const spare: Route = {
      ...NEWER,
      ...{ targets: [{ version: 1, weight: 100, name: 'stable' }], keepUntilMs: 1, loadedVersions: [1, 2] },
      rollout: { phase: 'promoted', version: 1, message: '' },
    };
    expect(settleKeep(spare, 4, canary, 5_000)).toMatchObject({ kind: 'rejected', reason: 'newer_route' });
    const arm = (version: number, from: number) => {
      return { version, weight: 50, slots: Array.from({ length: 50 }, (_, i) => from + i), isReady: true };
    };
    const experiment = {
      ...{ name: 'e', salt: 1, control: 1, share: 100, startedAtMs: 0, endsAtMs: 2_000, startedBy: 'ada' },
      ...{ fromRevision: 2, arms: [arm(1, 0), arm(2, 50)], unread: UNREAD },
    };
    expect(settleExperiment({ ...spare, experiment }, { kind: 'over', revision: 4 }, canary, 5_000)).toMatchObject({
      route: { unread: UNREAD, experiment: { unread: UNREAD, end: { reason: 'its time is over' } } },
    });
  });
});
