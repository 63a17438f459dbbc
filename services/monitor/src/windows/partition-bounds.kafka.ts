// Where the partitions of predictions.v1 and labels.v1 begin and end, asked of the broker.

import type { KafkaConnection } from '@millrace/kafka';
import type { PartitionEnd } from './intake.js';
import type { Stream } from './positions.js';

export const STREAM_OF_TOPIC: Readonly<Record<string, Stream>> = {
  'predictions.v1': 'predictions',
  'labels.v1': 'labels',
};

export interface PartitionBounds extends PartitionEnd {
  /** Nothing before it is kept any more. */
  start: number;
}

export async function partitionBounds(connection: KafkaConnection): Promise<PartitionBounds[]> {
  const topics = Object.entries(STREAM_OF_TOPIC).map(async ([topic, stream]) => {
    const bounds = await connection.highWatermarks(topic);
    return [...bounds].map(([partition, { low, high }]) => ({ stream, partition, start: low, end: high }));
  });
  return (await Promise.all(topics)).flat();
}
