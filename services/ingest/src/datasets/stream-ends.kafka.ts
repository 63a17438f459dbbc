// How far a live stream must be read before its versions may close, asked of Kafka at each assignment.

import { type Assignment, type KafkaConnection } from '@millrace/kafka';
import { logger } from '@millrace/telemetry';
import type { LiveStream } from './live-stream.js';

/**
 * Tells the live stream up to where each partition must be read before versions may close: where its end is now.
 * Without it the partition that is fetched first after a restart would close versions whose rows still wait in another
 * one. And whether all partitions are here: a second ingest process would take a part of them.
 */
export async function announceEnds(
  connection: KafkaConnection,
  groupId: string,
  assignment: Assignment,
  live: LiveStream,
): Promise<void> {
  let whole = 'records.v1' in assignment && 'labels.v1' in assignment;
  const known = [];
  for (const [topic, partitions] of Object.entries(assignment)) {
    const ends = await connection.highWatermarks(topic);
    const committed = await connection.withAdmin((admin) =>
      admin.fetchOffsets({ groupId: `${connection.topicPrefix}${groupId}`, topics: [connection.topicName(topic)] }),
    );
    const positions = new Map(
      committed.flatMap((entry) => entry.partitions.map(({ partition, offset }) => [partition, Number(offset)])),
    );
    for (const partition of partitions) {
      const { low, high } = ends.get(partition) ?? { low: 0, high: 0 };
      known.push({ topic, partition, position: Math.max(positions.get(partition) ?? -1, low), end: high });
    }
    whole &&= partitions.length === ends.size;
  }
  if (!whole)
    logger('ingest').error('another ingest process reads a part of the stream: no live version closes until it ends');
  live.assign(known, whole);
}
