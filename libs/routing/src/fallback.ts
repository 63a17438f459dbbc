// Which version answers a request that its own version has failed: the one that had the traffic before, as long as it is
// loaded. Never the one that a rollout brings in: it has not shown yet that it can be relied on.

import { primaryVersion } from './primary.js';
import { type Route, readyVersions } from './route.js';

/** 0 = nobody. */
export function fallbackVersion(route: Route, failed: number): number {
  const { rollout, previousVersion } = route;
  const baseline = rollout.phase === 'progressing' ? (rollout.steps?.baseline ?? []) : [];
  const version = baseline.length > 0 ? primaryVersion(baseline) : previousVersion;
  return version !== failed && readyVersions(route).includes(version) ? version : 0;
}
