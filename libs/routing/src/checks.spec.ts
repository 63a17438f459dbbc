// A blue/green switch with checks, one action at a time: where traffic and copies are, what a person is told, and what
// becomes of the version before. Random histories are in rollout.spec.ts and in services/router.

import { describe, expect, it } from '@jest/globals';
import { rolloutUnderWay } from './analysis/under-way.js';
import { RouteChoices } from './choice.js';
import { decide, settleKeep, settleLoad, settleStep } from './rollout.js';
import type { Route } from './route.js';
import type { RouteAction, RouteCommand } from './route-command.js';
import { checkOf, isUndecided, previewVersion, rolloutProgress } from './steps.js';
import { strategyNamed } from './strategy-registry.js';

const before = { copies: 10, forMs: 1_000, withinMs: 5_000 };
const after = { copies: 25, forMs: 2_000 };
const KEEP_MS = 60_000;
const strategy = strategyNamed('blue_green', { checks: { before, after }, keepMs: KEEP_MS });

let serial = 0;
const command = (action: RouteAction): RouteCommand => {
  serial += 1;
  const facts = {
    id: `c${serial}`,
    project: 'p',
    issuedAtMs: 0,
    expectedRevision: 0,
    correlationId: '',
    reason: 'why',
  };
  return { ...facts, issuedBy: 'ada', action };
};
const tried = (route: Route | undefined, action: RouteAction, nowMs: number, by = strategy) =>
  decide(route, command(action), by, nowMs);
function made(decision: ReturnType<typeof decide>): Route {
  if (decision.kind !== 'changed') throw new Error(JSON.stringify(decision));
  return decision.route;
}
const done = (route: Route | undefined, action: RouteAction, nowMs: number, by = strategy): Route =>
  made(tried(route, action, nowMs, by));
const loaded = (route: Route, nowMs: number, by = strategy): Route =>
  made(settleLoad(route, { kind: 'ready', version: route.rollout.version, revision: route.revision }, by, nowMs));
const rolledOut = (route: Route | undefined, version: number, nowMs: number, by = strategy): Route =>
  loaded(done(route, { kind: 'startRollout', version }, nowMs, by), nowMs, by);
const next = (route: Route, nowMs: number) =>
  settleStep(route, { kind: 'next', version: route.rollout.version, revision: route.revision }, strategy, nowMs);
const shares = ({ targets }: Route) => targets.map(({ version, weight }) => [version, weight]);

const one = rolledOut(undefined, 1, 0);
const checked = rolledOut(one, 2, 10_000);
const switched = made(next(checked, 11_000));

describe('a check before the switch', () => {
  it('gives the first version of a project all traffic: there is nobody to compare it with', () => {
    expect(one).toMatchObject({ rollout: { phase: 'promoted' }, shadows: [] });
    expect(shares(one)).toEqual([[1, 100]]);
  });

  it('leaves the traffic where it was, and copies a share of the requests to the new version', () => {
    expect(shares(checked)).toEqual([[1, 100]]);
    expect(checked).toMatchObject({ shadows: [2], shadowShare: 10, previousVersion: 0, loadedVersions: [1, 2] });
    expect(checkOf(checked)).toEqual({ shadow: 2, copies: 10 });
    const choices = new RouteChoices(checked, true);
    const drawn = Array.from({ length: 2_000 }, (_, i) => choices.choose('', `r${i}`, 0));
    expect(drawn.every((choice) => choice.kind === 'chosen' && choice.live === 1)).toBe(true);
    const copied = drawn.filter((choice) => choice.kind === 'chosen' && choice.shadows.includes(2)).length;
    expect(Math.abs(copied - 200)).toBeLessThan(3 * Math.sqrt(2_000 * 0.1 * 0.9));
  });

  it('is compared by the copies, against who has the traffic', () => {
    expect(rolloutUnderWay(checked)).toMatchObject({ version: 2, stable: 1, isCopied: true, isLast: false });
    expect(rolloutUnderWay(switched)).toMatchObject({ version: 2, stable: 1, isCopied: true, isLast: true });
  });

  it('says what it waits for and until when, and that it can be seen by its preview', () => {
    expect(rolloutProgress(checked, 10_500)).toEqual({
      ...{ version: 2, step: 1, steps: 2, weight: 0, nextWeight: 100, sinceMs: 10_000, nextMs: 11_000 },
      ...{ waitsFor: 'the time of the check', check: 'before', untilMs: 15_000, preview: 'preview' },
    });
    expect(rolloutProgress(checked, 11_500)?.waitsFor).toBe(
      'requests that both versions have answered, and the analysis to agree; a person is asked after that',
    );
    expect(previewVersion(checked)).toBe(2);
    expect([previewVersion(one), previewVersion(switched)]).toEqual([0, 0]);
  });

  it('asks a person in bounded time, and has its time anew when the person resumes it', () => {
    const steps = checked.rollout.steps;
    expect(steps && [isUndecided(steps, 14_999), isUndecided(steps, 15_000)]).toEqual([false, true]);
    const outcome = { kind: 'pause' as const, version: 2, revision: checked.revision, by: 'a', reason: 'no requests' };
    const paused = made(settleStep(checked, outcome, strategy, 15_000));
    expect(rolloutProgress(paused, 16_000)).toMatchObject({
      waitsFor: 'a person to resume it: paused by a, no requests',
      untilMs: null,
    });
    expect(shares(paused)).toEqual([[1, 100]]);
    expect(done(paused, { kind: 'resume', version: 2 }, 20_000).rollout.steps).toMatchObject({ untilMs: 25_000 });
  });

  it('that fails is over at 0 %, with its reason, and nothing is copied any more', () => {
    const outcome = { kind: 'abort' as const, version: 2, revision: checked.revision, by: 'a', reason: 'NaN' };
    const failed = made(settleStep(checked, outcome, strategy, 11_000));
    expect(shares(failed)).toEqual([[1, 100]]);
    expect(failed).toMatchObject({
      ...{ shadows: [], shadowShare: 0, keepUntilMs: 11_000 + KEEP_MS },
      rollout: { phase: 'failed', version: 2, message: 'aborted by a: NaN' },
    });
    expect(previewVersion(failed)).toBe(0);
  });

  it('waits for a person where it has no time, and nobody has to be asked', () => {
    const open = strategyNamed('blue_green', { checks: { before: { copies: 10, withinMs: 5_000 } } });
    const route = rolledOut(one, 2, 0, open);
    expect(rolloutProgress(route, 1e9)).toMatchObject({
      ...{ nextMs: null, untilMs: null, preview: 'preview' },
      waitsFor: 'a person to skip the step, to promote the version or to abort it',
    });
    expect(shares(done(route, { kind: 'advance', version: 2 }, 1, open))).toEqual([[2, 100]]);
  });

  it('keeps its copies: others are refused until it is over', () => {
    expect(tried(checked, { kind: 'setShadows', versions: [], share: 10 }, 10_001)).toMatchObject({
      ...{ kind: 'rejected', reason: 'rollout_in_progress' },
      message: expect.stringContaining('copied for the check of version 2'),
    });
  });

  it('weights by hand pause it, and a resume brings the check back', () => {
    const weights = [
      { version: 1, weight: 50 },
      { version: 2, weight: 50 },
    ];
    const byHand = done(checked, { kind: 'setWeights', weights }, 10_100);
    expect(byHand.rollout.steps?.pause).toMatchObject({ by: 'ada' });
    expect([previewVersion(byHand), rolloutUnderWay(byHand)?.isCopied]).toEqual([0, false]);
    const back = done(byHand, { kind: 'resume', version: 0 }, 10_200);
    expect(shares(back)).toEqual([[1, 100]]);
    expect(back).toMatchObject({ shadows: [2], shadowShare: 10, previousVersion: 0 });
  });

  it('promote of the version ends it at 100 %, and of the one that has the traffic at 0 %', () => {
    const promoted = done(checked, { kind: 'promote', version: 2 }, 10_100);
    expect(promoted).toMatchObject({ shadows: [], previousVersion: 1, rollout: { phase: 'promoted', version: 2 } });
    expect(tried(promoted, { kind: 'abort', version: 2 }, 11_600)).toMatchObject({
      message: 'no rollout is under way that could be moved: that of version 2 is promoted: rollback takes it back',
    });
    const stayed = done(checked, { kind: 'promote', version: 1 }, 10_100);
    expect(shares(stayed)).toEqual([[1, 100]]);
    expect(stayed.rollout).toMatchObject({ phase: 'failed', version: 2 });
  });
});

describe('a check after the switch', () => {
  it('all requests go to the new version, and copies to the one before', () => {
    expect(shares(switched)).toEqual([[2, 100]]);
    expect(switched).toMatchObject({ shadows: [1], shadowShare: 25, previousVersion: 1 });
    expect(switched.rollout).toMatchObject({ phase: 'progressing', steps: { at: 1, dueMs: 13_000 } });
    expect(switched.rollout.steps?.untilMs).toBeUndefined();
    expect(rolloutProgress(switched, 12_000)).toMatchObject({
      ...{ weight: 100, nextWeight: 100, check: 'after', preview: null, waitsFor: 'the time of the check' },
    });
  });

  it('is over by its time: the version is promoted, and nothing is copied any more', () => {
    const promoted = made(next(switched, 13_000));
    expect(promoted).toMatchObject({
      ...{ shadows: [], shadowShare: 0, previousVersion: 1, keepUntilMs: 13_000 + KEEP_MS },
      rollout: { phase: 'promoted', version: 2 },
    });
    expect(shares(promoted)).toEqual([[2, 100]]);
  });

  it.each<[string, RouteAction]>([
    ['an abort', { kind: 'abort', version: 2 }],
    ['a rollback', { kind: 'rollback' }],
    ['promote of the one before', { kind: 'promote', version: 1 }],
  ])('%s switches back at once', (_, action) => {
    const back = done(switched, action, 11_500);
    expect(shares(back)).toEqual([[1, 100]]);
    expect(back).toMatchObject({ shadows: [], previousVersion: 0, rollout: { phase: 'failed', version: 2 } });
  });

  it('an abort that was sent before its time was over is in force after it', () => {
    const promoted = made(next(switched, 13_000));
    const sent = (issuedAtMs: number, version = 2, expectedRevision = 0) =>
      decide(promoted, { ...command({ kind: 'abort', version }), issuedAtMs, expectedRevision }, strategy, 13_500);
    expect(shares(made(sent(12_900)))).toEqual([[1, 100]]);
    expect(shares(made(sent(12_900, 2, switched.revision)))).toEqual([[1, 100]]);
    // Who saw that it is over means something else, and so does who names another version.
    expect(sent(13_400)).toMatchObject({ kind: 'rejected', reason: 'no_rollout' });
    expect(sent(12_900, 7)).toMatchObject({ kind: 'rejected' });
  });

  it('promote of the version ends it by hand', () => {
    const promoted = done(switched, { kind: 'promote', version: 2 }, 11_500);
    expect(promoted).toMatchObject({ shadows: [], previousVersion: 1, rollout: { phase: 'promoted', version: 2 } });
  });
});

describe('the version before', () => {
  it('is named where there is none to go back to, but one that is loaded', () => {
    const failed = done(checked, { kind: 'abort', version: 2 }, 10_500);
    expect(tried(failed, { kind: 'rollback' }, 10_600)).toMatchObject({
      ...{ kind: 'rejected', reason: 'nothing_to_roll_back' },
      message: 'there is no previous version; promote gives all traffic to one that is loaded: 2',
    });
    expect(tried(failed, { kind: 'advance', version: 0 }, 10_600)).toMatchObject({
      message: 'no rollout is under way that could be moved: that of version 2 has failed',
    });
  });

  const plain = strategyNamed('blue_green', { keepMs: KEEP_MS });
  const two = rolledOut(rolledOut(undefined, 1, 0, plain), 2, 1_000, plain);
  const over = (route: Route, nowMs: number) => settleKeep(route, route.revision, plain, nowMs);

  it('stays loaded for its time, and then goes; where a rollback leads stays known', () => {
    expect(two).toMatchObject({ loadedVersions: [1, 2], keepUntilMs: 1_000 + KEEP_MS });
    expect(over(two, 1_000 + KEEP_MS - 1)).toMatchObject({ kind: 'rejected', reason: 'keep_superseded' });
    const alone = made(over(two, 1_000 + KEEP_MS));
    expect(alone).toMatchObject({ loadedVersions: [2], previousVersion: 1, targets: two.targets });
    expect(alone.keepUntilMs).toBeUndefined();
    expect(alone.reason).toContain('version 1');
    expect(settleKeep(two, two.revision - 1, plain, 1e9)).toMatchObject({ reason: 'keep_superseded' });
  });

  it('within it a rollback is a change of weights; what gave up its traffic has its own time', () => {
    const back = done(two, { kind: 'rollback' }, 20_000, plain);
    expect(shares(back)).toEqual([[1, 100]]);
    expect(back.keepUntilMs).toBe(20_000 + KEEP_MS);
  });

  it('after it a rollback loads it first, says so, and moves all traffic when it is ready', () => {
    const alone = made(over(two, 1e6));
    const loading = done(alone, { kind: 'rollback' }, 1e6, plain);
    expect(shares(loading)).toEqual([[2, 100]]);
    expect(loading).toMatchObject({
      loadedVersions: [1, 2],
      rollout: {
        ...{ phase: 'loading', version: 1, back: true },
        message: 'rolled back by ada: why: it is loaded again first',
      },
    });
    expect(tried(loading, { kind: 'rollback' }, 1e6, plain)).toMatchObject({ reason: 'rollout_in_progress' });
    // By whatever strategy: who takes a version back does not want it checked.
    const back = loaded(loading, 1e6 + 1, strategy);
    expect(shares(back)).toEqual([[1, 100]]);
    expect(back).toMatchObject({ previousVersion: 0, rollout: { phase: 'promoted', version: 1 } });
    const outcome = { kind: 'failed' as const, version: 1, revision: loading.revision, message: 'no file' };
    const failed = made(settleLoad(loading, outcome, plain, 1e6));
    expect(shares(failed)).toEqual([[2, 100]]);
    expect(failed).toMatchObject({ loadedVersions: [2], previousVersion: 1, rollout: { phase: 'failed', version: 1 } });
  });

  it('is not loaded again by the next rollout, nor unloaded in the middle of one', () => {
    const alone = made(over(two, 1e6));
    expect(done(alone, { kind: 'startRollout', version: 3 }, 1e6, plain).loadedVersions).toEqual([2, 3]);
    const loading = done(two, { kind: 'startRollout', version: 3 }, 2_000, plain);
    expect(loading.loadedVersions).toEqual([1, 2, 3]);
    expect(over(loading, 1e9)).toMatchObject({ reason: 'keep_superseded' });
  });

  it('has its time from when it lost its work, whatever else is changed meanwhile', () => {
    const shadowed = done(two, { kind: 'setShadows', versions: [1], share: 5 }, 2_000, plain);
    expect(shadowed.keepUntilMs).toBeUndefined();
    const idle = done(shadowed, { kind: 'setShadows', versions: [], share: 5 }, 9_000, plain);
    expect(idle.keepUntilMs).toBe(9_000 + KEEP_MS);
    const forever = strategyNamed('blue_green');
    expect(rolledOut(rolledOut(undefined, 1, 0, forever), 2, 0, forever).keepUntilMs).toBeUndefined();
  });
});
