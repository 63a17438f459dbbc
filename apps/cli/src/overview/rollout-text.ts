// A rollout in steps in one line: where it is, what comes next and when, and what it waits for; and what a rollback
// takes.

import { timeText } from '@millrace/domain';
import type { RolloutProgress, Route } from '@millrace/routing';

export function progressText(progress: RolloutProgress, nowMs: number): string {
  const { version, step, steps, weight, nextWeight, sinceMs, nextMs, waitsFor, check, untilMs, preview } = progress;
  const when =
    nextMs === null
      ? ''
      : nextMs > nowMs
        ? ` at ${timeText(nextMs)} at the earliest`
        : `, due since ${timeText(nextMs)}`;
  const next = `next: ${nextWeight} %${when}`;
  const where = check === null ? `${weight} %` : `check ${check} the switch, ${weight} %`;
  const until = untilMs === null ? '' : `, until ${timeText(untilMs)}`;
  const asked = preview === null ? '' : `; it answers requests to model version \`${preview}\``;
  return `version ${version}: step ${step} of ${steps} (${where}) since ${timeText(sinceMs)}; ${next}; waits for ${waitsFor}${until}${asked}`;
}

/** undefined: there is nothing to say. */
export function keptText({
  keepUntilMs,
  loadedVersions,
  previousVersion,
  rollout,
}: Pick<Route, 'keepUntilMs' | 'loadedVersions' | 'previousVersion' | 'rollout'>): string | undefined {
  if (keepUntilMs !== undefined) return `versions without traffic stay loaded until ${timeText(keepUntilMs)}`;
  if (previousVersion === 0 || loadedVersions.includes(previousVersion) || rollout.phase === 'loading')
    return undefined;
  return `version ${previousVersion} is unloaded: a rollback loads it first`;
}
