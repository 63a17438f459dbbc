// Deletes topics and creates them again, as an operator may.

import type { Topic } from '@millrace/contracts';
import type { ensureTopics, KafkaConnection } from '@millrace/kafka';
import { eventually } from './eventually.js';

/**
 * Resolves when others of the same names are there: for a moment the broker still tells of the old ones. `ensure` is
 * ensureTopics, so that not every test of this library's loads the client of Kafka.
 */
export async function recreateTopics(
  connection: KafkaConnection,
  topics: readonly Topic[],
  ensure: typeof ensureTopics,
): Promise<void> {
  const ids = () => Promise.all(topics.map((topic) => connection.topicId(topic)));
  const before = await ids();
  const names = topics.map((topic) => connection.topicName(topic));
  await connection.withAdmin((admin) => admin.deleteTopics({ topics: names }));
  const isAgain = async () => {
    await ensure(connection, topics);
    return (await ids()).every((id, i) => id !== before[i]);
  };
  await eventually('the topics are there again', () => isAgain().catch(() => false));
}
