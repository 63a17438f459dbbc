// What kafkajs takes for the end of a consumer: some of it is only a broker that is away, or too busy to say in time
// who coordinates a group. Such a consumer is begun anew; any other end is the process's.

const AWAY: ReadonlySet<string> = new Set([
  'KafkaJSGroupCoordinatorNotFound',
  'KafkaJSBrokerNotFound',
  'KafkaJSConnectionError',
  'KafkaJSConnectionClosedError',
  'KafkaJSRequestTimeoutError',
  'KafkaJSTimeout',
  'KafkaJSLockTimeout',
]);

/** Whether only the broker was away; causes count. */
export function isBrokerAway(error: unknown): boolean {
  for (let at: unknown = error; at instanceof Error; at = at.cause) if (AWAY.has(at.name)) return true;
  return false;
}
