// Splits rows in event-time order into training and evaluation: by a point in time, or the newest share. Rows of one
// moment stay together, so that nothing is evaluated that happened at the time of something trained on.

import { PlatformError } from '@millrace/domain';

export interface SplitRule {
  /** 0 = by share. */
  evaluateFromMs: number;
  evaluationShare: number;
}

/** Index of the first evaluation row; `eventTimeMs` ascends. */
export function splitIndex(eventTimeMs: ArrayLike<number>, rule: SplitRule): number {
  const rows = eventTimeMs.length;
  let at: number;
  if (rule.evaluateFromMs > 0) {
    at = 0;
    for (let end = rows; at < end; ) {
      const middle = (at + end) >>> 1;
      if ((eventTimeMs[middle] as number) < rule.evaluateFromMs) at = middle + 1;
      else end = middle;
    }
  } else {
    at = Math.floor(rows * (1 - rule.evaluationShare));
    while (at > 0 && eventTimeMs[at] === eventTimeMs[at - 1]) at--;
  }
  if (at === 0 || at === rows) {
    throw new PlatformError('invalid_argument', `of ${rows} rows ${at} would train and ${rows - at} evaluate`, {
      facts: { rows, train: at },
    });
  }
  return at;
}
