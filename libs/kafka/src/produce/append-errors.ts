// What a broker's answer to a produced batch means, by the error codes of Kafka's protocol.

import { PlatformError } from '@millrace/domain';

/**
 * done      in the log, now or before
 * refused   not written, and it never will be
 * moved     not written here: the leader is another, or not known yet
 * again     may be written; sent again as it is, the broker recognises it
 * unknown   the broker does not know this producer or its sequence any more: a new producer id sends it again, and then
 *           it may stand twice
 */
export type AppendAnswer = 'done' | 'refused' | 'moved' | 'again' | 'unknown';

const DONE = new Set([
  0,
  46, // DUPLICATE_SEQUENCE_NUMBER: it was written by an attempt before
]);

const REFUSED: ReadonlyMap<number, string> = new Map([
  [2, 'CORRUPT_MESSAGE'],
  [10, 'MESSAGE_TOO_LARGE'],
  [17, 'INVALID_TOPIC_EXCEPTION'],
  [18, 'RECORD_LIST_TOO_LARGE'],
  [29, 'TOPIC_AUTHORIZATION_FAILED'],
  [31, 'CLUSTER_AUTHORIZATION_FAILED'],
  [32, 'INVALID_TIMESTAMP'],
  [44, 'POLICY_VIOLATION'],
  [76, 'UNSUPPORTED_COMPRESSION_TYPE'],
  [87, 'INVALID_RECORD'],
]);

/** Of these the messages themselves are at fault: whoever writes them again is refused again. */
const OF_CONTENT = new Set([2, 10, 18, 32, 76, 87]);

const MOVED = new Set([
  3, // UNKNOWN_TOPIC_OR_PARTITION
  5, // LEADER_NOT_AVAILABLE
  6, // NOT_LEADER_OR_FOLLOWER
  9, // REPLICA_NOT_AVAILABLE
  74, // FENCED_LEADER_EPOCH
  75, // UNKNOWN_LEADER_EPOCH
]);

const AGAIN = new Set([
  7, // REQUEST_TIMED_OUT
  8, // BROKER_NOT_AVAILABLE
  13, // NETWORK_EXCEPTION
  19, // NOT_ENOUGH_REPLICAS
  20, // NOT_ENOUGH_REPLICAS_AFTER_APPEND
  56, // KAFKA_STORAGE_ERROR
]);

export function appendAnswer(error: number): AppendAnswer {
  if (DONE.has(error)) return 'done';
  if (REFUSED.has(error)) return 'refused';
  if (MOVED.has(error)) return 'moved';
  return AGAIN.has(error) ? 'again' : 'unknown';
}

export function refusal(error: number): PlatformError {
  const code = OF_CONTENT.has(error) ? 'invalid_argument' : 'unavailable';
  return new PlatformError(code, `Kafka refused a batch: ${REFUSED.get(error) ?? `error ${error}`}`);
}

/** The same, by name, for what kafkajs sends. Anything else may have been written. */
export const REFUSALS: ReadonlySet<string> = new Set(REFUSED.values());
