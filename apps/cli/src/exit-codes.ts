// Exit codes of `millrace`, also listed in docs/cli.md.

import type { ErrorCode } from '@millrace/domain';

export const EXIT_OK = 0;
/** A check of the main job, a stage or a health check failed. */
export const EXIT_FAILED = 1;
/** The command line or a file is wrong. */
export const EXIT_USAGE = 2;
/** The platform does not answer. */
const EXIT_UNAVAILABLE = 3;
const EXIT_NOT_FOUND = 4;
/** The state changed meanwhile (expected revision), or it exists already. */
const EXIT_CONFLICT = 5;
/** Stopped by a signal before it was done. */
export const EXIT_INTERRUPTED = 130;

export const EXIT_BY_CODE = {
  invalid_argument: EXIT_USAGE,
  not_found: EXIT_NOT_FOUND,
  already_exists: EXIT_CONFLICT,
  conflict: EXIT_CONFLICT,
  unavailable: EXIT_UNAVAILABLE,
  overloaded: EXIT_UNAVAILABLE,
  deadline_exceeded: EXIT_FAILED,
  cancelled: EXIT_INTERRUPTED,
  unimplemented: EXIT_USAGE,
  corrupt: EXIT_FAILED,
  permission_denied: EXIT_FAILED,
  internal: EXIT_FAILED,
} as const satisfies Record<ErrorCode, number>;
