// Which version answers a request that its own version has failed: the one that had the traffic before, as long as
// it is loaded; for a version that has none any more, or by a rule only, the one that has it now. Never the one that
// a rollout brings in: it has not shown yet that it can be relied on.

import { primaryVersion } from './primary.js';
import { type Route, readyVersions } from './route.js';

/** 0 = nobody. */
export function fallbackVersion(route: Route, failed: number): number {
  const { rollout, previousVersion, targets } = route;
  const baseline = rollout.phase === 'progressing' ? (rollout.steps?.baseline ?? []) : [];
  const isLive = targets.some(({ version }) => version === failed);
  const before = isLive ? previousVersion : primaryVersion(targets);
  const version = baseline.length > 0 ? primaryVersion(baseline) : before;
  return version !== failed && readyVersions(route).includes(version) ? version : 0;
}
