// Whether a project's loop begins retrainings by itself: for drift, on a schedule, where there are enough new rows,
// or where it would save more than it costs; and how many dataset versions such a one may take.

import type { RetrainSpec } from './project.js';

type Spec = Pick<RetrainSpec, 'onDrift' | 'everyMs' | 'rows' | 'prices'>;

export function retrainsItself({ onDrift, everyMs, rows, prices }: Spec): boolean {
  return onDrift || everyMs !== undefined || rows !== undefined || prices !== undefined;
}

/** Newest dataset versions that a retraining may take which begins by itself; 0: none does. */
export function versionsTaught(spec: Spec & Pick<RetrainSpec, 'versions' | 'versionsMax'>): number {
  return retrainsItself(spec) ? (spec.versionsMax ?? spec.versions) : 0;
}
