// Wiring of the online features. Redis is asked for nothing, not even a connection, until a project wants them.

import type { KafkaConnection, MessageProducer } from '@millrace/kafka';
import { OnlineFeatureStore, RedisConnection } from '@millrace/redis';
import type { ServiceContext } from '@millrace/service';
import { counter, gauge, logger } from '@millrace/telemetry';
import type { IngestConfig } from '../config.js';
import type { ProjectRegistry } from '../projects/project-registry.js';
import { OnlineFeatureReader } from './online-features.kafka.js';
import { ONLINE_TOPIC, OnlineProjection } from './online-projection.js';

/** One write holds at most a batch of 1,000 records: some milliseconds of Redis; beyond this it counts as away. */
const ONLINE_WRITE_MS = 2_000;

const onlineRecords = counter('millrace.ingest.online_records');
const onlineEntities = gauge('millrace.ingest.online_entities');
const onlineRebuilds = counter('millrace.ingest.online_rebuilds');

export function onlineFeatures(
  { config, clock, shutdown }: ServiceContext<IngestConfig>,
  connection: KafkaConnection,
  producer: MessageProducer,
  registry: ProjectRegistry,
): OnlineFeatureReader {
  let redis: RedisConnection | undefined;
  const store = (): OnlineFeatureStore => {
    redis ??= new RedisConnection({ url: config.redisUrl, commandMs: ONLINE_WRITE_MS });
    return new OnlineFeatureStore(redis);
  };
  const projection = new OnlineProjection(registry, clock, {
    store: {
      positions: (...args) => store().positions(...args),
      write: (step) => store().write(step),
      remove: (...args) => store().remove(...args),
    },
    ends: () => connection.highWatermarks(ONLINE_TOPIC),
    seek: (partition, offset) => reader.seek(partition, offset),
    written: (project, records, entities) => {
      onlineRecords.add(records, { project });
      onlineEntities.set(entities, { project });
    },
    rebuilding: (project, partition, from) => {
      onlineRebuilds.add(1, { project });
      logger('online-features').info('online features are built from the topic', { project, partition, from });
    },
  });
  const reader = new OnlineFeatureReader(connection, producer, projection, () => redis?.close());
  shutdown.onDrain('online features', () => reader.close());
  return reader;
}
