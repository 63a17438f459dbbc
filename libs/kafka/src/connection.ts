// One service's way to the broker: client, topic names with prefix, creation of topics, reachability. Nothing here
// waits for the broker at construction; producers and consumers reconnect for ever in the background.

import { TOPICS, type Topic, type TopicSpec, topicName } from '@millrace/contracts';
import { PlatformError } from '@millrace/domain';
import { logger } from '@millrace/telemetry';
import { type Admin, Kafka, logLevel } from 'kafkajs';
import { LogThrottle } from './log-throttle.js';
import { dropNegativeTimeoutWarnings } from './quiet-warnings.js';

export interface KafkaConnectionSettings {
  brokers: readonly string[];
  /** "ingest-0": service and replica. */
  clientId: string;
  /** Default "millrace.". */
  topicPrefix?: string;
  /**
   * Tries that kafkajs makes for one connection before our own loops take over; default 30 (about 27 s). An outage
   * within it is survived without a new producer id, so that the broker still recognises what it has already got.
   */
  connectRetries?: number;
}

const CONNECTION_TIMEOUT_MS = 3000;
/** Above the broker's longest fetch wait; a broker that is stopped but holds its socket is given up after it. */
const REQUEST_TIMEOUT_MS = 15_000;
const ADMIN_RETRY = { initialRetryTime: 100, maxRetryTime: 1000, retries: 8 };

export class KafkaConnection {
  readonly kafka: Kafka;
  readonly clientId: string;
  readonly topicPrefix: string;
  readonly brokers: readonly string[];
  private readonly log = logger('kafka');
  private admin: Promise<Admin> | undefined;

  constructor(settings: KafkaConnectionSettings) {
    dropNegativeTimeoutWarnings();
    this.clientId = settings.clientId;
    this.brokers = settings.brokers;
    this.topicPrefix = settings.topicPrefix ?? 'millrace.';
    const throttle = new LogThrottle();
    this.kafka = new Kafka({
      clientId: settings.clientId,
      brokers: [...settings.brokers],
      connectionTimeout: CONNECTION_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      retry: { initialRetryTime: 100, maxRetryTime: 1000, retries: settings.connectRetries ?? 30 },
      logLevel: logLevel.WARN,
      logCreator:
        () =>
        ({ level, log, namespace }) => {
          const suppressed = throttle.admit(`${namespace}:${log.message}`);
          if (suppressed === undefined) return;
          const facts = { namespace, suppressed, ...(typeof log.error === 'string' ? { error: log.error } : {}) };
          // kafkajs logs each failed try as an error; what matters is said by whoever gives up.
          const routine =
            /rebalanc|coordinator|concurrent operation|Limiting retries|Topic creation errors|does not host/i.test(
              `${log.message} ${log.error ?? ''}`,
            );
          if (level <= logLevel.WARN && !routine) this.log.warn(log.message, facts);
          else this.log.debug(log.message, facts);
        },
    });
  }

  /** The topic's name on the broker. */
  topicName(topic: string): string {
    return topicName(this.topicPrefix, topic as Topic);
  }

  /** The name without prefix. */
  topicOf(name: string): string {
    return name.startsWith(this.topicPrefix) ? name.slice(this.topicPrefix.length) : name;
  }

  /** Runs `work` with a shared admin client; connection faults become `unavailable`. */
  async withAdmin<T>(work: (admin: Admin) => Promise<T>): Promise<T> {
    this.admin ??= (async () => {
      const admin = this.kafka.admin({ retry: ADMIN_RETRY });
      await admin.connect();
      return admin;
    })();
    try {
      return await work(await this.admin);
    } catch (error) {
      // After an answer of the broker the client is fine, and others may be using it.
      if ((error as Error).name !== 'KafkaJSProtocolError') {
        const failed = this.admin;
        this.admin = undefined;
        failed?.then((admin) => admin.disconnect()).catch(() => undefined); // it is broken already
      }
      throw new PlatformError('unavailable', `Kafka: ${(error as Error).message}`, { cause: error });
    }
  }

  /** For readiness: resolves when a broker answers within `withinMs`, else rejects with `unavailable`. */
  async ping(withinMs = 2000): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () => reject(new PlatformError('unavailable', `Kafka does not answer within ${withinMs} ms`)),
        withinMs,
      );
    });
    try {
      await Promise.race([this.withAdmin((admin) => admin.describeCluster()), late]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** First and next offsets by partition of a topic, as readers of committed messages see it. */
  async highWatermarks(topic: string): Promise<Map<number, { low: number; high: number }>> {
    const offsets = await this.withAdmin((admin) => untilLed(() => admin.fetchTopicOffsets(this.topicName(topic))));
    return new Map(offsets.map(({ partition, low, high }) => [partition, { low: Number(low), high: Number(high) }]));
  }

  async close(): Promise<void> {
    const admin = this.admin;
    this.admin = undefined;
    await admin?.then((connected) => connected.disconnect()).catch(() => undefined); // closing anyway
  }
}

/** Until every broker knows a new topic: KRaft publishes metadata a moment after creation. */
const TOPIC_POLL_MS = 50;
const TOPIC_POLLS_MAX = 200;

/**
 * Creates what is missing of the platform's topics (all, or the named ones). Safe to call from every service at once.
 */
export async function ensureTopics(connection: KafkaConnection, names?: readonly Topic[]): Promise<void> {
  const wanted = TOPICS.filter((topic) => names === undefined || names.includes(topic.name));
  await connection.withAdmin(async (admin) => {
    const existing = new Set(await admin.listTopics());
    const missing = wanted.filter((topic) => !existing.has(connection.topicName(topic.name)));
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
      await compactWhereDeclared(
        admin,
        connection,
        wanted.filter((topic) => existing.has(connection.topicName(topic.name))),
      );
    } catch (error) {
      // Another service was quicker; that is the wanted state. Anything else is told.
      const created = new Set(await admin.listTopics());
      if (missing.some((topic) => !created.has(connection.topicName(topic.name)))) throw error;
    }
    // All of them: another service may have created the rest a moment ago.
    await leadersKnown(
      admin,
      wanted.map((topic) => connection.topicName(topic.name)),
    );
  });
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

/** An earlier release may have made a topic as one that is deleted by age: what was said once would be gone. */
async function compactWhereDeclared(admin: Admin, connection: KafkaConnection, topics: readonly TopicSpec[]) {
  const declared = topics.filter(({ cleanup }) => cleanup === 'compact');
  if (declared.length === 0) return;
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: declared.map(({ name }) => ({
      ...{ type: TOPIC_CONFIG, name: connection.topicName(name), configNames: ['cleanup.policy'] },
    })),
  });
  const other = declared.filter(({ name }) =>
    resources.some(
      ({ resourceName, configEntries }) =>
        resourceName === connection.topicName(name) &&
        configEntries.some(({ configValue }) => configValue === 'delete'),
    ),
  );
  if (other.length === 0) return;
  await admin.alterConfigs({
    validateOnly: false,
    resources: other.map((topic) => ({
      ...{ type: TOPIC_CONFIG, name: connection.topicName(topic.name), configEntries: configOf(topic) },
    })),
  });
}

/** Asks again while the broker says that a partition's leader is not there yet. */
async function untilLed<T>(ask: () => Promise<T>): Promise<T> {
  for (let poll = 1; ; poll++) {
    try {
      return await ask();
    } catch (error) {
      const { name, retriable } = error as { name?: string; retriable?: boolean };
      if (name !== 'KafkaJSProtocolError' || retriable !== true || poll >= TOPIC_POLLS_MAX) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, TOPIC_POLL_MS));
  }
}

async function leadersKnown(admin: Admin, topics: string[]): Promise<void> {
  for (let poll = 0; poll < TOPIC_POLLS_MAX; poll++) {
    try {
      const metadata = await admin.fetchTopicMetadata({ topics });
      if (metadata.topics.every(({ partitions }) => partitions.every(({ leader }) => leader >= 0))) return;
    } catch {
      // "does not host this topic-partition": not everywhere yet, asked again below.
    }
    await new Promise((resolve) => setTimeout(resolve, TOPIC_POLL_MS));
  }
  throw new PlatformError('unavailable', `topics have no leader within ${TOPIC_POLLS_MAX * TOPIC_POLL_MS} ms`);
}
