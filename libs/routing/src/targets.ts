// Where the traffic of a route goes, as whole shares of versions with names, and who had it before. Pure.

import { assert } from '@millrace/domain';
import { primaryVersion } from './primary.js';
import { type Route, type RouteTarget, type Share, TARGETS_MAX } from './route.js';
import { checkOf } from './steps.js';
import type { RolloutStrategy } from './strategy.js';

/** A rollback out of a split returns to who had all traffic before it. */
export function splitTo(route: Route, weights: readonly Share[], strategy: RolloutStrategy): Route {
  const previousVersion = route.targets.length === 1 ? primaryVersion(route.targets) : route.previousVersion;
  return { ...route, targets: named(route, weights, strategy), previousVersion };
}

export function moveAllTo(route: Route, version: number, from: number, strategy: RolloutStrategy): Route {
  const others = primaryVersion(route.targets, (candidate) => candidate !== version);
  const other = others === 0 ? route.previousVersion : others;
  const previous = from !== 0 && from !== version ? from : other;
  return {
    ...route,
    ...withoutCheck(route),
    targets: named(route, [{ version, weight: 100 }], strategy),
    previousVersion: previous === version ? 0 : previous,
    rollout: { phase: 'promoted', version, message: '' },
  };
}

/** Weights as targets with names, ascending by version. That a strategy's shares are whole its contract suite shows. */
export function named(route: Route, weights: readonly Share[], strategy: RolloutStrategy): RouteTarget[] {
  assert(isWhole(weights), `${strategy.name} gives whole shares`);
  const ordered = [...weights].sort((a, b) => a.version - b.version);
  const versions = ordered.map(({ version }) => version);
  const names = strategy.names(route.targets, versions);
  return ordered.map(({ version, weight }, i) => ({ version, weight, name: names[i] as string }));
}

/** All of the traffic, as shares that a route may have. */
export function isWhole(weights: readonly Share[]): boolean {
  const sum = weights.reduce((total, { weight }) => total + weight, 0);
  const distinct = new Set(weights.map(({ version }) => version)).size === weights.length;
  const whole = weights.every(({ weight }) => Number.isInteger(weight) && weight > 0);
  return whole && distinct && sum === 100 && weights.length <= TARGETS_MAX;
}

/** The copies of a check end with it. */
export const withoutCheck = (route: Route): Pick<Route, 'shadows' | 'shadowShare'> =>
  checkOf(route) === undefined
    ? { shadows: route.shadows, shadowShare: route.shadowShare }
    : { shadows: [], shadowShare: 0 };

export function isSoleTarget(route: Route, version: number): boolean {
  return route.targets.length === 1 && route.targets[0]?.version === version;
}
