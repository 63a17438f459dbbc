// The order in which ingest comes up once it is constructed: topics exist → projects, versions and dead letters are read →
// consumers and the gRPC server start → unfinished imports go on. HTTP listens before, so that health can be asked.

import { PlatformError } from '@millrace/domain';
import { type Assignment, type KafkaConnection, KafkaStrategy, type KafkaStrategySettings } from '@millrace/kafka';
import { logger } from '@millrace/telemetry';
import type { LiveStream } from './datasets/live-stream.js';

const RETRY_MS = 500;

/** Tries again as long as the broker is away or its new topics have no leaders yet. */
export async function patiently<T>(what: string, work: () => Promise<T>): Promise<T> {
  const log = logger('boot');
  for (;;) {
    try {
      return await work();
    } catch (thrown) {
      const error = PlatformError.from(thrown);
      if (error.code !== 'unavailable') throw error;
      log.warn(`${what}: waiting for Kafka`, {}, error);
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }
}

/** A strategy that starts only when the state it works on has been read. */
export class GatedStrategy extends KafkaStrategy {
  constructor(
    settings: KafkaStrategySettings,
    /** Nest hands over only handlers with this mark. */
    override readonly transportId: symbol,
    private readonly gate: () => Promise<void>,
  ) {
    super(settings);
  }

  override listen(callback: (error?: unknown) => void): void {
    this.gate().then(() => super.listen(callback), callback);
  }
}

/**
 * Tells the live stream up to where each partition must be read before versions may close: where its end is now. Without
 * it the partition that is fetched first after a restart would close versions whose rows still wait in another one. And
 * whether all partitions are here: a second ingest process would take a part of them.
 */
export async function announceEnds(
  connection: KafkaConnection,
  groupId: string,
  assignment: Assignment,
  live: LiveStream,
): Promise<void> {
  let whole = 'records.v1' in assignment && 'labels.v1' in assignment;
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
      if (Math.max(positions.get(partition) ?? -1, low) < high) live.mustReach(topic, partition, high);
    }
    whole &&= partitions.length === ends.size;
  }
  if (!whole)
    logger('boot').error('another ingest process reads a part of the stream: no live version closes until it ends');
  live.wholeStream = whole;
}
