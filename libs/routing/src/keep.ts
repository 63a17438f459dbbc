// How long versions that have nothing to do stay loaded (project file: rollout.keep). The time begins with the change
// that took the last of their work away, so that what is on its way to them finds them, and a rollback is a change of
// weights until it is over. While a rollout is under way nothing is unloaded. The route carries when: whoever owns it
// then does it. O(loaded versions).

import { type Route, runningExperiment } from './route.js';

/** Loaded, without traffic, copies or an experiment, and nobody waits for them. */
export function spareVersions(route: Route): number[] {
  const { loadedVersions, targets, shadows, rollout } = route;
  const loading = rollout.phase === 'loading' ? rollout.version : 0;
  const arms = runningExperiment(route)?.arms ?? [];
  const busy = new Set([...[...targets, ...arms].map(({ version }) => version), ...shadows, loading]);
  return loadedVersions.filter((version) => !busy.has(version));
}

/** Of a route that a change has made; without `keepMs` they stay until the next rollout. */
export function keptUntil(before: Route, after: Route, keepMs: number | undefined, nowMs: number): number | undefined {
  const { phase } = after.rollout;
  const spare = spareVersions(after);
  if (keepMs === undefined || spare.length === 0 || phase === 'loading' || phase === 'progressing') return undefined;
  const were = before.keepUntilMs === undefined ? [] : spareVersions(before);
  return spare.every((version) => were.includes(version)) ? before.keepUntilMs : nowMs + keepMs;
}

export function isKeepOver({ keepUntilMs }: Pick<Route, 'keepUntilMs'>, nowMs: number): boolean {
  return keepUntilMs !== undefined && nowMs >= keepUntilMs;
}
