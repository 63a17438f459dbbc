// Every strategy and every way to move traffic in one history: rollouts in steps, checks, bandits, experiments, copies,
// weights by hand, kept versions, the project file applied anew. Serving is a set here: a version is in it from the
// moment it is seen ready until a route leaves it out, so that what is asked for is told from what is there.

import { describe, expect, it } from '@jest/globals';
import { type Rng, seededRng } from '@millrace/domain';
import { historiesToRun } from '@millrace/testing';
import { ExperimentDraw, trafficShares } from './experiment-draw.js';
import { fallbackVersion } from './fallback.js';
import { isKeepOver, spareVersions } from './keep.js';
import { decide, settleExperiment, settleKeep, settleLoad, settleStep } from './rollout.js';
import { emptyRoute, LOADED_MAX, type Route, runningExperiment, SHADOWS_MAX, TARGETS_MAX } from './route.js';
import type { Decision, RouteAction } from './route-command.js';
import { strategyNamed } from './strategy-registry.js';

const HISTORIES = historiesToRun(3_000);
const TIMEOUT_MS = 30_000 + 10 * HISTORIES;
const VERSIONS = 9;
const SHORT = { forMs: 100, copies: 10 };

const strategies = (keepMs: number | undefined) => [
  ...['blue_green', 'canary', 'bandit'].map((name) => strategyNamed(name, { keepMs })),
  strategyNamed('canary', { keepMs, steps: [{ weight: 1 }, { weight: 50, forMs: 100 }, { weight: 99, forMs: 100 }] }),
  strategyNamed('blue_green', { keepMs, checks: { before: { ...SHORT, withinMs: 300 }, after: SHORT } }),
  strategyNamed('blue_green', { keepMs, checks: { after: SHORT } }),
];

const one = <T>(rng: Rng, of: readonly T[]): T => of[rng.below(of.length)] as T;
const version = (rng: Rng) => 1 + rng.below(VERSIONS);

/** Some versions, mostly of those that are loaded, with weights that add up to 100. */
function shares(rng: Rng, { loadedVersions: loaded, previousVersion }: Route) {
  const drawn = Array.from({ length: 1 + rng.below(VERSIONS) }, () =>
    loaded.length > 0 && rng.below(5) < 3 ? one(rng, loaded) : version(rng),
  );
  const versions = [...new Set([...drawn, ...(previousVersion > 0 && rng.below(2) === 0 ? [previousVersion] : [])])];
  let left = 100;
  return versions.map((of, i) => {
    const weight = i === versions.length - 1 ? left : rng.below(left + 1);
    left -= weight;
    return { version: of, weight };
  });
}

const KINDS = [
  ...(['startRollout', 'startRollout', 'promote', 'rollback', 'setWeights', 'setShadows', 'advance'] as const),
  ...(['pause', 'resume', 'abort', 'startExperiment', 'startExperiment', 'endExperiment'] as const),
  'setExperimentWeights' as const,
];

function action(rng: Rng, route: Route): RouteAction {
  const kind = one(rng, KINDS);
  const weights = shares(rng, route);
  const share = 1 + rng.below(100);
  switch (kind) {
    case 'rollback':
      return { kind };
    case 'setWeights':
      return { kind, weights };
    case 'setShadows':
      return { kind, versions: weights.slice(0, rng.below(3)).map((of) => of.version), share };
    case 'startExperiment': {
      const control = rng.below(3) === 0 ? one(rng, weights).version : 0;
      return { kind, name: 'e', arms: weights, control, share, forMs: 1_000 };
    }
    case 'setExperimentWeights': {
      const arms = runningExperiment(route)?.arms ?? [];
      return { kind, name: '', weights: arms.map((arm, i) => ({ ...arm, weight: i === 0 ? 100 : 0 })), share: 0 };
    }
    case 'endExperiment':
      return { kind, name: '', winner: rng.below(2) * version(rng) };
    default:
      return { kind, version: kind === 'startRollout' || kind === 'promote' || rng.below(4) === 0 ? version(rng) : 0 };
  }
}

class History {
  route: Route = emptyRoute('p');
  nowMs = 1_000_000;
  /** What serving has. */
  private there = new Set<number>();
  /** What was unloaded after its time. */
  private readonly unloaded = new Set<number>();
  private readonly strategies;
  private strategy;
  private serial = 0;
  refused = 0;

  constructor(private readonly rng: Rng) {
    this.strategies = strategies(one(rng, [undefined, 0, 50, 500]));
    this.strategy = one(rng, this.strategies);
  }

  step(): void {
    const { rng, route } = this;
    this.nowMs += one(rng, [0, 1, 20, 120, 400]);
    // The project file is applied anew.
    if (rng.below(20) === 0) this.strategy = one(rng, this.strategies);
    const decision = this.happens(rng.below(20));
    if (decision === undefined) return;
    if (decision.kind !== 'changed') {
      this.refused += 1;
      return;
    }
    this.route = decision.route;
    for (const gone of [...this.there]) if (!this.route.loadedVersions.includes(gone)) this.there.delete(gone);
    this.check(route);
  }

  private happens(what: number): Decision | undefined {
    const { rng, route, strategy, nowMs } = this;
    const { revision, rollout } = route;
    const at = { version: rollout.version, revision };
    const experiment = runningExperiment(route);
    if (what < 11) return this.command();
    if (what < 14 && rollout.phase === 'loading') {
      const isReady = rng.below(4) > 0;
      if (isReady) this.there.add(rollout.version);
      const outcome = isReady ? { kind: 'ready' as const, ...at } : { kind: 'failed' as const, ...at, message: '' };
      const settled = settleLoad(route, outcome, strategy, nowMs);
      expect(settled.kind).toBe('changed');
      if (!isReady && settled.kind === 'changed') expect(settled.route.targets).toEqual(route.targets);
      return settled;
    }
    if (what < 17 && rollout.phase === 'progressing') {
      const kind = one(rng, ['next', 'next', 'abort', 'pause', 'weight'] as const);
      const facts = { by: '', reason: 'r', weight: 1 + rng.below(99) };
      return settleStep(route, { kind, ...at, ...facts }, strategy, nowMs);
    }
    if (what < 19 && experiment !== undefined) {
      if (nowMs >= experiment.endsAtMs) {
        const over = settleExperiment(route, { kind: 'over', revision }, strategy, nowMs);
        expect(over.kind).toBe('changed');
        return over;
      }
      for (const arm of experiment.arms) if (rng.below(5) < 2) this.there.add(arm.version);
      const ready = experiment.arms.map((arm) => arm.version).filter((arm) => this.there.has(arm));
      return settleExperiment(route, { kind: 'arms', revision, ready }, strategy, nowMs);
    }
    if (!isKeepOver(route, nowMs)) return undefined;
    for (const spare of spareVersions(route)) this.unloaded.add(spare);
    const unloaded = settleKeep(route, revision, strategy, nowMs);
    expect(unloaded.kind).toBe('changed');
    return unloaded;
  }

  private command(): Decision {
    const { rng, route, strategy, nowMs } = this;
    this.serial += 1;
    const expectedRevision = rng.below(5) > 0 ? 0 : Math.max(0, route.revision - rng.below(4));
    const facts = { id: `c${this.serial}`, project: 'p', issuedAtMs: 0, correlationId: '', reason: 'r' };
    const command = { ...facts, expectedRevision, action: action(rng, route) };
    const decision = decide(route, command, strategy, nowMs);
    if (decision.kind !== 'changed') return decision;
    expect(decide(decision.route, command, strategy, nowMs).kind).toBe('unchanged');
    const { kind } = command.action;
    if ((kind === 'abort' || kind === 'rollback') && route.rollout.phase === 'progressing') {
      expect(decision.route.rollout.phase).toBe('failed');
      expect(decision.route.targets.map((target) => target.version)).not.toContain(route.rollout.version);
    }
    return decision;
  }

  private check(before: Route): void {
    const { route, there } = this;
    const { targets, shadows, loadedVersions: loaded, rollout, previousVersion } = route;
    expect(route.revision).toBe(before.revision + 1);
    expect(loaded).toEqual([...new Set(loaded)].sort((a, b) => a - b));
    expect(loaded.length).toBeLessThanOrEqual(LOADED_MAX);
    expect(targets.length).toBeLessThanOrEqual(TARGETS_MAX);
    if (targets.length > 0) {
      expect(targets.reduce((sum, { weight }) => sum + weight, 0)).toBe(100);
      expect(trafficShares(route).reduce((sum, { weight }) => sum + weight, 0)).toBeCloseTo(100, 9);
    }
    // Nothing goes to a version that serving does not have.
    for (const { version: live } of targets) expect(there).toContain(live);
    for (const shadow of shadows) expect(there).toContain(shadow);
    for (let failed = 1; failed <= VERSIONS; failed++) {
      const fallback = fallbackVersion(route, failed);
      if (fallback !== 0) expect(there).toContain(fallback);
    }
    const draw = ExperimentDraw.of(route);
    for (let key = 0; key < 10 && draw !== undefined; key++) {
      const drawn = draw.draw(`${key}`)?.version ?? 0;
      if (drawn !== 0) expect(there).toContain(drawn);
    }
    // What had requests in the moment before is there for them.
    for (const { version: had } of before.targets) expect(loaded).toContain(had);
    expect(shadows.length).toBeLessThanOrEqual(SHADOWS_MAX);
    expect(route.shadowShare > 0).toBe(shadows.length > 0);
    if (targets.length === 1) expect([previousVersion, ...shadows]).not.toContain(targets[0]?.version);
    if (previousVersion !== 0 && !loaded.includes(previousVersion)) expect(this.unloaded).toContain(previousVersion);
    expect(rollout.steps !== undefined).toBe(rollout.phase === 'progressing');
    const isUnderWay = rollout.phase === 'loading' || rollout.phase === 'progressing';
    if (isUnderWay) expect([runningExperiment(route), route.keepUntilMs]).toEqual([undefined, undefined]);
    if (rollout.steps === undefined) return;
    const { plan, at, dueMs, pause, baseline } = rollout.steps;
    // It has a time, or a person decides.
    expect(dueMs !== undefined || pause !== undefined || plan[at]?.forMs === undefined).toBe(true);
    expect(baseline.length).toBeGreaterThan(0);
    for (const { version: had } of baseline) {
      expect(loaded).toContain(had);
      expect(had).not.toBe(rollout.version);
    }
  }
}

describe('histories of all strategies and all that moves traffic', () => {
  it(
    `keep every rule, in ${HISTORIES} of them`,
    () => {
      const seen = { promoted: 0, failed: 0, progressing: 0, experiments: 0, changes: 0, refused: 0 };
      for (let seed = 1; seed <= HISTORIES; seed++) {
        const rng = seededRng(seed);
        const history = new History(rng);
        const steps = 5 + rng.below(60);
        try {
          for (let step = 0; step < steps; step++) history.step();
        } catch (thrown) {
          throw new Error(`history ${seed}, route ${JSON.stringify(history.route)}`, { cause: thrown });
        }
        const { phase } = history.route.rollout;
        if (phase === 'promoted' || phase === 'failed' || phase === 'progressing') seen[phase] += 1;
        if (history.route.experiment !== undefined) seen.experiments += 1;
        seen.changes += history.route.revision;
        seen.refused += history.refused;
      }
      // The histories are worth something.
      for (const count of Object.values(seen)) expect(count).toBeGreaterThan(HISTORIES / 50);
    },
    TIMEOUT_MS,
  );
});
