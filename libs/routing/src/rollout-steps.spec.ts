// What the actions on a rollout in steps do, one by one; random histories are in rollout.spec.ts, and those with owners
// that crash in services/router.

import { describe, expect, it } from '@jest/globals';
import { decide, settleLoad, settleStep } from './rollout.js';
import type { Route } from './route.js';
import type { RouteAction, RouteCommand } from './route-command.js';
import { rolloutProgress } from './steps.js';
import { canary } from './strategies/canary.js';
import { strategyNamed } from './strategy-registry.js';

const plan = [{ weight: 5, forMs: 1_000 }, { weight: 20, forMs: 1_000 }, { weight: 50 }];
const strategy = strategyNamed('canary', { steps: plan });

let serial = 0;
const command = (action: RouteAction, over: Partial<RouteCommand> = {}): RouteCommand => {
  serial += 1;
  return {
    ...{ id: `c${serial}`, project: 'p', issuedAtMs: 0, expectedRevision: 0, correlationId: '', reason: 'why' },
    ...{ issuedBy: 'ada', action, ...over },
  };
};
const tried = (route: Route | undefined, action: RouteAction, nowMs: number, over: Partial<RouteCommand> = {}) =>
  decide(route, command(action, over), strategy, nowMs);
function done(route: Route | undefined, action: RouteAction, nowMs: number, over: Partial<RouteCommand> = {}): Route {
  const decision = tried(route, action, nowMs, over);
  if (decision.kind !== 'changed') throw new Error(JSON.stringify(decision));
  return decision.route;
}
function loaded(route: Route, nowMs: number): Route {
  const outcome = { kind: 'ready' as const, version: route.rollout.version, revision: route.revision };
  const decision = settleLoad(route, outcome, strategy, nowMs);
  if (decision.kind !== 'changed') throw new Error(JSON.stringify(decision));
  return decision.route;
}
const rolledOut = (route: Route | undefined, version: number, nowMs: number): Route =>
  loaded(done(route, { kind: 'startRollout', version }, nowMs), nowMs);
const due = (route: Route, nowMs: number) =>
  settleStep(route, { kind: 'next', version: route.rollout.version, revision: route.revision }, strategy, nowMs);
function stepped(route: Route, nowMs: number): Route {
  const decision = due(route, nowMs);
  if (decision.kind !== 'changed') throw new Error(JSON.stringify(decision));
  return decision.route;
}
const shares = ({ targets }: Route) => targets.map(({ version, weight }) => [version, weight]);

const one = rolledOut(undefined, 1, 0);
const first = rolledOut(one, 2, 10_000);

describe('a rollout in steps', () => {
  it('gives a first version all traffic at once', () => {
    expect(shares(one)).toEqual([[1, 100]]);
    expect(one.rollout).toEqual({ phase: 'promoted', version: 1, message: '' });
  });

  it('begins with the first step, and the route says which, since when, until when and who had the traffic', () => {
    expect(shares(first)).toEqual([
      [1, 95],
      [2, 5],
    ]);
    expect(first.rollout.steps).toMatchObject({
      ...{ at: 0, sinceMs: 10_000, dueMs: 11_000, fromRevision: first.revision },
      baseline: [{ version: 1, weight: 100 }],
    });
    expect(first.previousVersion).toBe(1);
  });

  it('goes on when a step is due, not before, and waits for a person at a step without a time', () => {
    expect(due(first, 10_999)).toMatchObject({ kind: 'rejected', reason: 'step_superseded' });
    const second = stepped(first, 11_000);
    expect(shares(second)).toEqual([
      [1, 80],
      [2, 20],
    ]);
    const third = stepped(second, 12_500);
    expect(third.rollout.steps).toMatchObject({ at: 2, sinceMs: 12_500, dueMs: undefined });
    expect(due(third, 1e12)).toMatchObject({ kind: 'rejected', reason: 'step_superseded' });
    const last = done(third, { kind: 'advance', version: 2 }, 13_000);
    expect(shares(last)).toEqual([[2, 100]]);
    expect(last).toMatchObject({ previousVersion: 1, rollout: { phase: 'promoted', version: 2, message: '' } });
  });

  it('goes to the next step at once where a person skips, and a due step that was seen before changes nothing', () => {
    const second = done(first, { kind: 'advance', version: 0 }, 10_100);
    expect(shares(second)).toEqual([
      [1, 80],
      [2, 20],
    ]);
    const seen = { kind: 'next' as const, version: 2, revision: first.revision };
    expect(settleStep(second, seen, strategy, 99_000)).toMatchObject({ reason: 'step_superseded' });
  });

  it('has another salt each time, for the same version too', () => {
    const aborted = done(first, { kind: 'abort', version: 2 }, 10_500);
    // It is loaded still, so that it begins at once.
    const again = done(aborted, { kind: 'startRollout', version: 2 }, 11_000);
    expect(again.rollout.steps?.salt).not.toBe(first.rollout.steps?.salt);
    expect(again.rollout.steps?.at).toBe(0);
  });

  it('keeps the plan it began with', () => {
    const second = settleStep(
      first,
      { kind: 'next', version: 2, revision: first.revision },
      canary.withSteps?.([{ weight: 90 }]) ?? canary,
      11_000,
    );
    expect(second).toMatchObject({ route: { targets: [{ weight: 80 }, { weight: 20 }] } });
  });
});

describe('a pause', () => {
  const paused = done(first, { kind: 'pause', version: 2 }, 10_400, { reason: 'a look at the logs' });

  it('stops what comes by itself, says who and why, and a skip too', () => {
    expect(paused.rollout.steps?.pause).toEqual({ sinceMs: 10_400, reason: 'a look at the logs', by: 'ada' });
    expect(due(paused, 1e12)).toMatchObject({ kind: 'rejected' });
    expect(tried(paused, { kind: 'advance', version: 0 }, 11_000)).toMatchObject({ reason: 'paused' });
    expect(tried(paused, { kind: 'pause', version: 0 }, 11_000)).toMatchObject({ reason: 'paused' });
    expect(tried(first, { kind: 'resume', version: 0 }, 11_000)).toMatchObject({ reason: 'not_paused' });
  });

  it('goes on with the time that the step had left', () => {
    const resumed = done(paused, { kind: 'resume', version: 0 }, 20_400);
    expect(resumed.rollout.steps).toMatchObject({ at: 0, sinceMs: 10_000, dueMs: 21_000 });
    expect(resumed.rollout.steps?.pause).toBeUndefined();
    expect(due(resumed, 20_999)).toMatchObject({ kind: 'rejected' });
    expect(shares(stepped(resumed, 21_000))).toEqual([
      [1, 80],
      [2, 20],
    ]);
  });

  it('is what weights set by hand come to; a resume brings the weights of the step', () => {
    const weights = [
      { version: 1, weight: 40 },
      { version: 2, weight: 60 },
    ];
    const byHand = done(first, { kind: 'setWeights', weights }, 10_500);
    expect(byHand.rollout.steps?.pause).toMatchObject({ reason: 'weights were set by hand', by: 'ada' });
    expect(shares(done(byHand, { kind: 'resume', version: 0 }, 10_600))).toEqual([
      [1, 95],
      [2, 5],
    ]);
    expect(shares(done(byHand, { kind: 'abort', version: 0 }, 10_600))).toEqual([[1, 100]]);
  });
});

describe('the end by hand', () => {
  it('abort gives all traffic back, says why, and the version stays loaded until the next rollout', () => {
    const aborted = done(first, { kind: 'abort', version: 2 }, 10_400, { reason: 'p99 doubled' });
    expect(shares(aborted)).toEqual([[1, 100]]);
    expect(aborted.rollout).toEqual({ phase: 'failed', version: 2, message: 'aborted by ada: p99 doubled' });
    expect(aborted.loadedVersions).toEqual([1, 2]);
    expect(done(aborted, { kind: 'startRollout', version: 3 }, 11_000).loadedVersions).toEqual([1, 3]);
    expect(tried(aborted, { kind: 'abort', version: 0 }, 11_000)).toMatchObject({ reason: 'no_rollout' });
    expect(tried(aborted, { kind: 'rollback' }, 11_000)).toMatchObject({ reason: 'nothing_to_roll_back' });
  });

  it('a rollback of a rollout in steps is its abort', () => {
    const back = done(first, { kind: 'rollback' }, 10_400);
    expect(shares(back)).toEqual([[1, 100]]);
    expect(back.rollout).toEqual({ phase: 'failed', version: 2, message: 'rolled back by ada: why' });
  });

  it('goes back to all who shared the traffic', () => {
    const weights = [
      { version: 1, weight: 70 },
      { version: 2, weight: 30 },
    ];
    const both = done(done(first, { kind: 'abort', version: 0 }, 0), { kind: 'setWeights', weights }, 0);
    const third = rolledOut(both, 3, 0);
    expect(shares(third)).toEqual([
      [1, 67],
      [2, 28],
      [3, 5],
    ]);
    expect(shares(done(third, { kind: 'abort', version: 0 }, 1))).toEqual([
      [1, 70],
      [2, 30],
    ]);
  });

  it('ends a load too', () => {
    const loading = done(one, { kind: 'startRollout', version: 2 }, 0);
    const aborted = done(loading, { kind: 'abort', version: 2 }, 1);
    expect(aborted).toMatchObject({
      loadedVersions: [1],
      rollout: { phase: 'failed', message: 'aborted by ada: why' },
    });
    const late = { kind: 'ready' as const, version: 2, revision: loading.revision };
    expect(settleLoad(aborted, late, strategy, 2)).toMatchObject({ reason: 'load_superseded' });
  });

  it('wins over a step that came while it was on its way, and holds for no other rollout', () => {
    const second = stepped(first, 11_000);
    for (const action of [{ kind: 'abort', version: 2 } as const, { kind: 'rollback' } as const])
      expect(shares(done(second, action, 11_001, { expectedRevision: first.revision }))).toEqual([[1, 100]]);
    expect(tried(second, { kind: 'advance', version: 2 }, 11_001, { expectedRevision: first.revision })).toMatchObject({
      reason: 'revision_conflict',
    });
    expect(tried(second, { kind: 'abort', version: 2 }, 0, { expectedRevision: one.revision })).toMatchObject({
      reason: 'revision_conflict',
    });
    const next = rolledOut(second, 3, 12_000);
    for (const kind of ['abort', 'advance', 'pause'] as const)
      expect(tried(next, { kind, version: 2 }, 12_001)).toMatchObject({ reason: 'other_rollout' });
  });

  it('a rollout of another version takes the one under way back first', () => {
    const loading = done(stepped(first, 11_000), { kind: 'startRollout', version: 3 }, 12_000);
    expect(shares(loading)).toEqual([[1, 100]]);
    // What is on its way to version 2 still finds it.
    expect(loading.loadedVersions).toEqual([1, 2, 3]);
    expect(shares(loaded(loading, 12_500))).toEqual([
      [1, 95],
      [3, 5],
    ]);
  });

  it('promote of who had the traffic ends it as an abort does: no rollback leads to the version that it brought', () => {
    for (const action of [
      { kind: 'promote', version: 1 },
      { kind: 'setWeights', weights: [{ version: 1, weight: 100 }] },
    ] as const) {
      const back = done(first, action, 10_500);
      expect(shares(back)).toEqual([[1, 100]]);
      expect(back).toMatchObject({ previousVersion: 0, rollout: { phase: 'failed', version: 2 } });
      expect(tried(back, { kind: 'rollback' }, 10_600)).toMatchObject({ reason: 'nothing_to_roll_back' });
    }
  });

  it('promote of the version ends the rollout, also while it is paused, and a rollback then finds the one before', () => {
    const paused = done(first, { kind: 'pause', version: 0 }, 10_400);
    const promoted = done(paused, { kind: 'promote', version: 2 }, 10_500);
    expect(promoted).toMatchObject({ previousVersion: 1, rollout: { phase: 'promoted', version: 2 } });
    expect(shares(done(promoted, { kind: 'rollback' }, 10_600))).toEqual([[1, 100]]);
  });
});

describe('what a person is told of a rollout in steps', () => {
  it('is the step, the share, what comes next and when, and what it waits for', () => {
    expect(rolloutProgress(one, 0)).toBeUndefined();
    expect(rolloutProgress(first, 10_500)).toEqual({
      ...{ version: 2, step: 1, steps: 3, weight: 5, nextWeight: 20, sinceMs: 10_000, nextMs: 11_000 },
      waitsFor: 'the time of the step',
      ...{ check: null, untilMs: null, preview: null },
    });
    expect(rolloutProgress(first, 11_500)?.waitsFor).toContain('the analysis to agree');
    const third = stepped(stepped(first, 11_000), 12_000);
    expect(rolloutProgress(third, 12_001)).toMatchObject({
      ...{ step: 3, weight: 50, nextWeight: 100, nextMs: null },
      waitsFor: 'a person to skip the step, to promote the version or to abort it',
    });
    const paused = done(third, { kind: 'pause', version: 0 }, 13_000, { reason: 'lunch' });
    expect(rolloutProgress(paused, 13_001)?.waitsFor).toBe('a person to resume it: paused by ada, lunch');
  });
});
