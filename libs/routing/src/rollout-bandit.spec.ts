// What moves a bandit's rollout: the weights that labels ask for, its end before its time, and what holds it.

import { describe, expect, it } from '@jest/globals';
import { decide, settleLoad, settleStep } from './rollout.js';
import type { Route } from './route.js';
import type { RouteAction, RouteCommand, StepOutcome } from './route-command.js';
import { rolloutProgress } from './steps.js';
import { DEFAULT_BANDIT } from './strategies/bandit.js';
import { strategyNamed } from './strategy-registry.js';

const strategy = strategyNamed('bandit', { bandit: { ...DEFAULT_BANDIT, forMs: 60_000 } });

let serial = 0;
function done(route: Route | undefined, action: RouteAction, nowMs: number): Route {
  serial += 1;
  const command: RouteCommand = {
    ...{ id: `c${serial}`, project: 'p', issuedAtMs: 0, expectedRevision: 0, correlationId: '', reason: 'why', action },
  };
  const decision = decide(route, command, strategy, nowMs);
  if (decision.kind !== 'changed') throw new Error(JSON.stringify(decision));
  return decision.route;
}
function rolledOut(route: Route | undefined, version: number, nowMs: number): Route {
  const loading = done(route, { kind: 'startRollout', version }, nowMs);
  const decision = settleLoad(loading, { kind: 'ready', version, revision: loading.revision }, strategy, nowMs);
  if (decision.kind !== 'changed') throw new Error(JSON.stringify(decision));
  return decision.route;
}
type Part = { kind: 'weight'; weight: number } | { kind: 'next' } | { kind: 'abort' };
function tried(route: Route, part: Part, nowMs: number) {
  const at = { version: route.rollout.version, revision: route.revision, reason: 'the figures', by: 'the labels' };
  return settleStep(route, { ...at, ...part } as StepOutcome, strategy, nowMs);
}
function moved(route: Route, part: Part, nowMs: number): Route {
  const decision = tried(route, part, nowMs);
  if (decision.kind !== 'changed') throw new Error(JSON.stringify(decision));
  return decision.route;
}
const shares = ({ targets }: Route) => targets.map(({ version, weight }) => [version, weight]);

const first = rolledOut(rolledOut(undefined, 1, 0), 2, 10_000);

describe('the rollout of a bandit', () => {
  it('begins with its first share, and carries its terms and its time', () => {
    expect(shares(first)).toEqual([
      [1, 90],
      [2, 10],
    ]);
    expect(first.rollout.steps).toMatchObject({
      ...{ at: 0, sinceMs: 10_000, dueMs: 70_000, bandit: { floor: 5, everyMs: 60_000, confidence: 0.95 } },
    });
    // Labels may end it before: its time is not the earliest, but the latest.
    expect(rolloutProgress(first, 20_000)).toMatchObject({ nextMs: null, untilMs: 70_000 });
    expect(rolloutProgress(first, 20_000)?.waitsFor).toBe(
      'labels to say which version is better, or the end of its time',
    );
  });

  it('another share moves nothing but the share, and the route says why', () => {
    const more = moved(first, { kind: 'weight', weight: 73 }, 11_000);
    expect(shares(more)).toEqual([
      [1, 27],
      [2, 73],
    ]);
    expect(more).toMatchObject({
      reason: 'the figures',
      revision: first.revision + 1,
      rollout: { phase: 'progressing' },
    });
    expect(more.rollout.steps).toMatchObject({
      ...{ sinceMs: 10_000, dueMs: 70_000, salt: first.rollout.steps?.salt, plan: [{ weight: 73 }] },
      fromRevision: first.rollout.steps?.fromRevision,
    });
    // A person who paused and resumes it finds the share that labels gave.
    const paused = done(
      more,
      {
        kind: 'setWeights',
        weights: [
          { version: 1, weight: 50 },
          { version: 2, weight: 50 },
        ],
      },
      12_000,
    );
    expect(shares(done(paused, { kind: 'resume', version: 2 }, 13_000))).toEqual(shares(more));
  });

  it('ends before its time with all or nothing for the version', () => {
    const promoted = moved(first, { kind: 'next' }, 11_000);
    expect([shares(promoted), promoted.rollout, promoted.reason, promoted.previousVersion]).toEqual([
      ...[[[2, 100]], { phase: 'promoted', version: 2, message: '' }, 'the figures', 1],
    ]);
    const kept = moved(first, { kind: 'abort' }, 11_000);
    expect([shares(kept), kept.rollout]).toEqual([
      ...[[[1, 100]], { phase: 'failed', version: 2, message: 'aborted by the labels: the figures' }],
    ]);
  });

  it('a pause holds it, and what was meant for an earlier revision or is no share is refused', () => {
    const paused = done(first, { kind: 'pause', version: 2 }, 11_000);
    for (const part of [{ kind: 'weight', weight: 50 } as const, { kind: 'next' } as const])
      expect(tried(paused, part, 12_000)).toMatchObject({ kind: 'rejected', reason: 'step_superseded' });
    for (const weight of [0, 100, 1.5, Number.NaN])
      expect(tried(first, { kind: 'weight', weight }, 12_000)).toMatchObject({ reason: 'invalid_weights' });
    const late = { kind: 'weight', version: 2, revision: first.revision - 1, weight: 50, reason: '' } as const;
    expect(settleStep(first, late, strategy, 12_000)).toMatchObject({ reason: 'step_superseded' });
  });
});
