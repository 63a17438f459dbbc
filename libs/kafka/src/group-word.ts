// A commit of a topic that the group does not read, so that no position moves: whoever gets it taken is a member that
// the group knows. It carries a word, by which a member knows later whether another one has done the same since.

import { PlatformError } from '@millrace/domain';
import type { Consumer } from 'kafkajs';
import type { KafkaConnection } from './connection.js';

const PARTITION = 0;

/**
 * @param topic as the broker names it
 * @throws PlatformError 'unavailable' where the group does not know this member now
 */
export async function leaveWord(consumer: Consumer | undefined, topic: string, word: string): Promise<void> {
  if (consumer === undefined) throw new PlatformError('unavailable', 'the consumer has not started');
  try {
    await consumer.commitOffsets([{ topic, partition: PARTITION, offset: '0', metadata: word }]);
  } catch (error) {
    throw new PlatformError('unavailable', `the group does not know this member: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

/** '' where there is none. */
export async function wordLeft(connection: KafkaConnection, groupId: string, topic: string): Promise<string> {
  const kept = await connection.withAdmin((admin) => admin.fetchOffsets({ groupId, topics: [topic] }));
  return kept[0]?.partitions.find(({ partition }) => partition === PARTITION)?.metadata ?? '';
}
