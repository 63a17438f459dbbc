// Where the topics of the live stream begin and end, and where the group has committed, as the broker says now.

import type { KafkaConnection } from '@millrace/kafka';
import type { StreamEnds, StreamRange } from './live-stream.js';
import type { Ends } from './open-spans.js';

const TOPICS = ['records.v1', 'labels.v1'] as const;

export class StreamBounds {
  /** Partitions of commands.v1, known after `ranges`. */
  partitions = 1;

  constructor(private readonly connection: KafkaConnection) {}

  async ends(): Promise<Ends> {
    const [records, labels] = await Promise.all(TOPICS.map((topic) => this.connection.highWatermarks(topic)));
    return new Map(
      [...(records ?? [])].map(([partition, { high }]) => [
        partition,
        { records: high, labels: labels?.get(partition)?.high ?? 0 },
      ]),
    );
  }

  async ranges(groupId: string): Promise<StreamEnds[]> {
    const [records, labels] = await Promise.all(TOPICS.map((topic) => this.rangesOf(topic, groupId)));
    this.partitions = (await this.connection.highWatermarks('commands.v1')).size;
    const nothing = { low: 0, high: 0, committed: null };
    return [...(records ?? [])].map(([partition, range]) => ({
      ...{ partition, records: range, labels: labels?.get(partition) ?? nothing },
    }));
  }

  private async rangesOf(topic: string, groupId: string): Promise<Map<number, StreamRange>> {
    const { connection } = this;
    const ends = await connection.highWatermarks(topic);
    const [committed] = await connection.withAdmin((admin) =>
      admin.fetchOffsets({ groupId: `${connection.topicPrefix}${groupId}`, topics: [connection.topicName(topic)] }),
    );
    const positions = new Map(committed?.partitions.map(({ partition, offset }) => [partition, Number(offset)]));
    return new Map(
      [...ends].map(([partition, { low, high }]) => {
        const position = positions.get(partition) ?? -1;
        return [partition, { low, high, committed: position < 0 ? null : position }];
      }),
    );
  }
}
