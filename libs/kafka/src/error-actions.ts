// What a consumer does about a handler's error: the one table from error code to Kafka action.
//   retry        the same messages again after a back-off; when the retry budget is spent: stop
//   dead-letter  look for the bad message by running the batch one by one, move it to the dead letters, go on
//   stop         end the process (the supervisor starts it again); nothing is committed

import type { ErrorCode } from '@millrace/domain';

export type KafkaAction = 'retry' | 'dead-letter' | 'stop';

export const ACTION_BY_CODE = {
  invalid_argument: 'dead-letter',
  not_found: 'dead-letter',
  already_exists: 'dead-letter',
  conflict: 'retry',
  unavailable: 'retry',
  overloaded: 'retry',
  deadline_exceeded: 'retry',
  cancelled: 'stop',
  unimplemented: 'dead-letter',
  corrupt: 'dead-letter',
  permission_denied: 'stop',
  // A bug met by one message must not hold the partition for ever: a few tries, then the message is set aside.
  internal: 'dead-letter',
} as const satisfies Record<ErrorCode, KafkaAction>;

/** Doubles from `initialMs` up to `maxMs`; attempt 1 is the first retry. */
export function backoffMs(attempt: number, initialMs: number, maxMs: number): number {
  return Math.min(maxMs, initialMs * 2 ** Math.min(attempt - 1, 30));
}
