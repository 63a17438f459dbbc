// A rollout in steps in one line: where it is, what comes next and when, and what it waits for.

import { timeText } from '@millrace/domain';
import type { RolloutProgress } from '@millrace/routing';

export function progressText(progress: RolloutProgress): string {
  const { version, step, steps, weight, nextWeight, sinceMs, nextMs, waitsFor } = progress;
  const next = `next: ${nextWeight} %${nextMs === null ? '' : ` at ${timeText(nextMs)} at the earliest`}`;
  return `version ${version}: step ${step} of ${steps} (${weight} %) since ${timeText(sinceMs)}; ${next}; waits for ${waitsFor}`;
}
