// Whether a project's loop begins retrainings by itself: for drift, on a schedule, or where there are enough new rows.

import type { RetrainSpec } from './project.js';

export function retrainsItself({ onDrift, everyMs, rows }: Pick<RetrainSpec, 'onDrift' | 'everyMs' | 'rows'>): boolean {
  return onDrift || everyMs !== undefined || rows !== undefined;
}
