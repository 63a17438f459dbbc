// Which versions may get copies of requests, and which requests are copied: a share of them by the hash of the request
// id, with a salt of its own, so that it does not depend on the version that answers, and a request that comes again is
// copied again.

import { hash32 } from '@millrace/domain';
import { type Route, readyVersions, SHADOWS_MAX } from './route.js';
import { BUCKETS } from './split.js';

export interface ShadowFault {
  reason: 'invalid_shadows' | 'not_loaded' | 'already_live';
  message: string;
}

/** Why the route cannot have these shadows. */
export function shadowFault(route: Route, versions: readonly number[], share: number): ShadowFault | undefined {
  if (versions.length > SHADOWS_MAX || new Set(versions).size < versions.length)
    return { reason: 'invalid_shadows', message: `copies go to at most ${SHADOWS_MAX} different versions` };
  if (versions.length > 0 && !(Number.isInteger(share) && share >= 1 && share <= 100))
    return {
      reason: 'invalid_shadows',
      message: `the share of copied requests is ${share}, expected 1 to 100 percent`,
    };
  const ready = readyVersions(route);
  const absent = versions.find((version) => !ready.includes(version));
  if (absent !== undefined) {
    const loaded = ready.length === 0 ? 'none is' : `${ready.join(', ')} ${ready.length === 1 ? 'is' : 'are'}`;
    // A shadow that is not there yet would be counted as one that fails.
    const how = `\`millrace rollout start ${route.project} ${absent}\` loads it and gives it traffic`;
    const before = 'with `rollout.checks.before` in the project file it gets copies first';
    return { reason: 'not_loaded', message: `version ${absent} is not loaded, ${loaded}: ${how}; ${before}` };
  }
  const live = versions.find((version) => hasAllTraffic(route, version));
  if (live === undefined) return undefined;
  return { reason: 'already_live', message: `version ${live} has all traffic: a copy would only double it` };
}

/** What is left of a route's shadows after a change: those that are loaded still and do not have all traffic. */
export function shadowsOf(route: Route): Pick<Route, 'shadows' | 'shadowShare'> {
  const ready = readyVersions(route);
  const shadows = route.shadows.filter((version) => ready.includes(version) && !hasAllTraffic(route, version));
  return { shadows, shadowShare: shadows.length === 0 ? 0 : route.shadowShare };
}

function hasAllTraffic({ targets }: Route, version: number): boolean {
  return targets.length === 1 && targets[0]?.version === version;
}

/** The salt keeps it apart from the split of the same ids. */
export function shadowSalt(project: string): number {
  return hash32(project, 0x73686164);
}

export function isCopied(requestId: string, salt: number, share: number): boolean {
  return share >= 100 || hash32(requestId, salt) % BUCKETS < (share * BUCKETS) / 100;
}
