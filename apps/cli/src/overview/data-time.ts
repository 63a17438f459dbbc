// The data's own time as a moment that is waited for: it stands still while no data comes, so that one that seems to
// be over by the clock on the wall is not.

import { timeText } from '@millrace/domain';

export const whenDataComesTo = (ms: number): string =>
  `at the earliest when the data's own time has come to ${timeText(ms)}`;

/** @param firstMs until when labels may come for the oldest window that waits for them */
export const qualityWaitsText = (firstMs: number): string =>
  `quality waits for labels, in the first of these windows ${whenDataComesTo(firstMs)}: it stands still while nothing comes`;
