// Makes the platform's topics what the settings say: creates what is missing; of what exists, retention that a setting
// says is set, and told; another number of partitions is refused, for keys would move away from what was written.

import { type Topic, type TopicSpec, topicsBy } from '@millrace/contracts';
import { PlatformError } from '@millrace/domain';
import { logger } from '@millrace/telemetry';
import type { Admin } from 'kafkajs';
import type { KafkaConnection } from './connection.js';

/** Until every broker knows a new topic: KRaft publishes metadata a moment after creation. */
const TOPIC_POLL_MS = 50;
const TOPIC_POLLS_MAX = 200;

type Wanted = ReturnType<typeof topicsBy>[number];

/**
 * All topics of the platform, or the named ones. Safe to call from every service at once.
 * @throws PlatformError 'invalid_argument' where one has another number of partitions
 */
export async function ensureTopics(connection: KafkaConnection, names?: readonly Topic[]): Promise<void> {
  const wanted = topicsBy(connection.topics).filter(({ name }) => names === undefined || names.includes(name));
  const partitions = await connection.withAdmin(async (admin) => {
    const existing = new Set(await admin.listTopics());
    const isThere = ({ name }: Wanted) => existing.has(connection.topicName(name));
    const missing = wanted.filter((topic) => !isThere(topic));
    try {
      if (missing.length > 0)
        await admin.createTopics({
          waitForLeaders: false,
          topics: missing.map((topic) => ({
            topic: connection.topicName(topic.name),
            numPartitions: topic.partitions,
            // -1: the broker's own default, 1 on the embedded one.
            replicationFactor: -1,
            configEntries: configOf(topic),
          })),
        });
    } catch (error) {
      // Another service was quicker; that is the wanted state. Anything else is told.
      const created = new Set(await admin.listTopics());
      if (missing.some((topic) => !created.has(connection.topicName(topic.name)))) throw error;
    }
    await alterWhereSaid(admin, connection, wanted.filter(isThere)).catch((error: unknown) => {
      // An operator of another broker may not let us: then it is his to set.
      logger('kafka').error('topics that exist could not be changed', {}, PlatformError.from(error));
    });
    // All of them: another service may have created the rest a moment ago.
    return leadersKnown(
      admin,
      wanted.map(({ name }) => connection.topicName(name)),
    );
  });
  refuseOtherNumbers(connection, wanted, partitions);
}

function configOf({ cleanup, retentionMs, messageBytesMax, segmentBytes }: TopicSpec) {
  return [
    { name: 'cleanup.policy', value: cleanup },
    { name: 'retention.ms', value: String(retentionMs) },
    { name: 'max.message.bytes', value: String(messageBytesMax) },
    ...(segmentBytes === undefined ? [] : [{ name: 'segment.bytes', value: String(segmentBytes) }]),
  ];
}

/** Kafka's number of a topic among the things that have a configuration; kafkajs does not export it by name. */
const TOPIC_CONFIG = 2;
/** Of a value that was set for the topic itself. */
const OF_TOPIC = 1;

/**
 * What an earlier release made as a topic that is deleted by age, and is to be compacted: what was said once would be
 * gone. And retention that a setting says.
 */
async function alterWhereSaid(admin: Admin, connection: KafkaConnection, topics: readonly Wanted[]): Promise<void> {
  const looked = topics.filter(({ cleanup, isSaid }) => cleanup === 'compact' || isSaid);
  if (looked.length === 0) return;
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: looked.map(({ name }) => ({ type: TOPIC_CONFIG, name: connection.topicName(name) })),
  });
  const altered = looked.flatMap((topic) => {
    const name = connection.topicName(topic.name);
    const found = resources.find(({ resourceName }) => resourceName === name)?.configEntries ?? [];
    const valueSet = (key: string) => found.find(({ configName }) => configName === key)?.configValue;
    if (topic.cleanup === 'compact')
      return valueSet('cleanup.policy') === 'delete' ? [{ name, configEntries: configOf(topic) }] : [];
    const before = valueSet('retention.ms');
    const value = String(topic.retentionMs);
    if (before === undefined || before === value) return [];
    logger('kafka').warn('how long a topic is kept is changed by a setting', { topic: name, before, now: value });
    // All that the topic has of its own is written anew: the call knows no other way.
    const own = found.filter(
      ({ configSource, configName }) => configSource === OF_TOPIC && configName !== 'retention.ms',
    );
    const kept = own.map(({ configName, configValue }) => ({ name: configName, value: configValue }));
    return [{ name, configEntries: [...kept, { name: 'retention.ms', value }] }];
  });
  if (altered.length === 0) return;
  await admin.alterConfigs({
    validateOnly: false,
    resources: altered.map((topic) => ({ type: TOPIC_CONFIG, ...topic })),
  });
}

/** Gives how many partitions each has. */
async function leadersKnown(admin: Admin, topics: string[]): Promise<Map<string, number>> {
  for (let poll = 0; poll < TOPIC_POLLS_MAX; poll++) {
    try {
      const metadata = await admin.fetchTopicMetadata({ topics });
      if (metadata.topics.every(({ partitions }) => partitions.every(({ leader }) => leader >= 0)))
        return new Map(metadata.topics.map(({ name, partitions }) => [name, partitions.length]));
    } catch {
      // "does not host this topic-partition": not everywhere yet, asked again below.
    }
    await new Promise((resolve) => setTimeout(resolve, TOPIC_POLL_MS));
  }
  throw new PlatformError('unavailable', `topics have no leader within ${TOPIC_POLLS_MAX * TOPIC_POLL_MS} ms`);
}

function refuseOtherNumbers(
  connection: KafkaConnection,
  wanted: readonly Wanted[],
  partitions: ReadonlyMap<string, number>,
): void {
  const others = wanted.flatMap(({ name, partitions: said }) => {
    const there = partitions.get(connection.topicName(name));
    return there === undefined || there === said ? [] : [{ name: connection.topicName(name), there, said }];
  });
  const [first] = others;
  if (first === undefined) return;
  const all = others.map(({ name, there }) => `${name} ${there}`).join(', ');
  throw new PlatformError(
    'invalid_argument',
    `MILLRACE_KAFKA_PARTITIONS says ${first.said} partitions, and there are: ${all}. Keys do not move: set it to what ` +
      'there is, or begin with topics of another MILLRACE_TOPIC_PREFIX',
    { facts: { partitions: first.said } },
  );
}
