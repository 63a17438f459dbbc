// Whether a project's loop begins retrainings by itself: for drift, on a schedule, where there are enough new rows,
// or where it would save more than it costs.

import type { RetrainSpec } from './project.js';

type Spec = Pick<RetrainSpec, 'onDrift' | 'everyMs' | 'rows' | 'prices'>;

export function retrainsItself({ onDrift, everyMs, rows, prices }: Spec): boolean {
  return onDrift || everyMs !== undefined || rows !== undefined || prices !== undefined;
}
