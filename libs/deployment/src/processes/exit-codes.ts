// What the exit code of a process says to whoever started it, beside 0 (it ended in order) and 1 (it failed).

import { PlatformError } from '@millrace/domain';

/**
 * EX_CONFIG of sysexits.h: what it was given to start with is wrong, and starting it again changes nothing. Whoever
 * supervises it tells the reason at once instead.
 */
export const EXIT_CONFIGURATION = 78;

/** Of a process that could not start: `invalid_argument` speaks of its settings, for it was asked nothing else yet. */
export function exitCodeOfStart(error: unknown): number {
  return error instanceof PlatformError && error.code === 'invalid_argument' ? EXIT_CONFIGURATION : 1;
}
