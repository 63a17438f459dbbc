// How many seeded histories a simulation runs through: a bounded slice in `npm test`, and as many as TEST_HISTORIES
// says where it is set (`npm run test:soak`). A larger run begins with the histories of the slice.

import { environment } from '@millrace/config';

const HISTORIES_MAX = 10_000_000;

/** @throws Error where TEST_HISTORIES is no number of them, or fewer than the slice */
export function historiesToRun(slice: number, { TEST_HISTORIES: text = '' } = environment()): number {
  if (text === '') return slice;
  const count = Number(text);
  if (!Number.isInteger(count) || count < slice || count > HISTORIES_MAX)
    throw new Error(
      `TEST_HISTORIES=${text}: write a whole number from ${slice} (what npm test runs) to ${HISTORIES_MAX}`,
    );
  return count;
}
