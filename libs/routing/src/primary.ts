// Which version speaks for a project where one must: the one with the largest share of live traffic. At equal shares it
// is the lower version number, whatever the order of the list: who served before stays until a newer one has more than
// it.

import type { Route, Share } from './route.js';

/**
 * The version in service, for who judges versions: while a rollout is in steps it is the one that had the traffic
 * before, whatever share the new one has by now. 0 = none.
 */
export function inServiceVersion({ targets, rollout }: Pick<Route, 'targets' | 'rollout'>): number {
  const baseline = rollout.phase === 'progressing' ? (rollout.steps?.baseline ?? []) : [];
  return primaryVersion(baseline.length > 0 ? baseline : targets);
}

/** 0 = no target; `counts` leaves some out, such as those that are not loaded here. O(targets), no allocation. */
export function primaryVersion(targets: readonly Share[], counts?: (version: number) => boolean): number {
  let primary = 0;
  let most = -1;
  for (const { version, weight } of targets) {
    if (counts !== undefined && !counts(version)) continue;
    if (weight < most || (weight === most && version > primary)) continue;
    primary = version;
    most = weight;
  }
  return primary;
}
