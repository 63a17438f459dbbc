// One service's way to the broker: client, topic names with prefix, reachability. Nothing here
// waits for the broker at construction; producers and consumers reconnect for ever in the background.

import { connect } from 'node:net';
import { DEFAULT_TOPIC_TERMS, type Topic, type TopicTerms, topicName, topicsBy } from '@millrace/contracts';
import { PlatformError } from '@millrace/domain';
import { logger } from '@millrace/telemetry';
import { type Admin, Kafka, logLevel } from 'kafkajs';
import { idOfTopic } from './id-of-topic.js';
import { inTime } from './in-time.js';
import { LogThrottle } from './log-throttle.js';
import { lookWhereRequestsWait } from './request-queue.js';
import { neverToItself } from './to-itself.js';
import { topicOffsets } from './topic-offsets.js';
import { HangingTransactions } from './transactions/hanging-transactions.js';

export interface KafkaConnectionSettings {
  brokers: readonly string[];
  /** "ingest-0": service and replica. */
  clientId: string;
  /** Default "millrace.". */
  topicPrefix?: string;
  /** How topics are created; default: as the list of topics says. */
  topics?: TopicTerms;
  /**
   * Tries that kafkajs makes for one connection before our own loops take over; default 30 (about 27 s). An outage
   * within it is survived without a new producer id, so that the broker still recognises what it has already got.
   */
  connectRetries?: number;
}

const CONNECTION_TIMEOUT_MS = 3000;
/** Above the broker's longest fetch wait; a broker that is stopped but holds its socket is given up after it. */
const REQUEST_TIMEOUT_MS = 15_000;
const KEEP_ALIVE_MS = 60_000;
/** Nobody waits longer than this and a look behind a transaction that nobody ends. */
const WATCH_MS = 20_000;
const ADMIN_RETRY = { initialRetryTime: 100, maxRetryTime: 1000, retries: 8 };

export class KafkaConnection {
  readonly kafka: Kafka;
  readonly clientId: string;
  readonly topicPrefix: string;
  readonly topics: TopicTerms;
  readonly brokers: readonly string[];
  private readonly log = logger('kafka');
  private admin: Promise<Admin> | undefined;
  private readonly hanging: HangingTransactions;
  private watch: NodeJS.Timeout | undefined;

  constructor(settings: KafkaConnectionSettings) {
    lookWhereRequestsWait();
    this.clientId = settings.clientId;
    this.brokers = settings.brokers;
    this.topicPrefix = settings.topicPrefix ?? 'millrace.';
    this.topics = settings.topics ?? DEFAULT_TOPIC_TERMS;
    this.hanging = new HangingTransactions(this, () => topicsBy(this.topics).map(({ name }) => this.topicName(name)));
    const throttle = new LogThrottle();
    this.kafka = new Kafka({
      clientId: settings.clientId,
      brokers: [...settings.brokers],
      connectionTimeout: CONNECTION_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      retry: { initialRetryTime: 100, maxRetryTime: 1000, retries: settings.connectRetries ?? 30 },
      socketFactory: ({ host, port, onConnect }) =>
        neverToItself(connect({ host, port }, onConnect)).setKeepAlive(true, KEEP_ALIVE_MS),
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

  /** Kafka's own id of the topic: another one where the topic is created again, or of another Kafka. */
  topicId(topic: string): Promise<string> {
    return idOfTopic(this, this.topicName(topic));
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
    await inTime(
      this.withAdmin((admin) => admin.describeCluster()),
      withinMs,
      `Kafka does not answer within ${withinMs} ms`,
    );
  }

  /** First and next offsets by partition of a topic, as readers of committed messages see it. */
  async highWatermarks(topic: string): Promise<Map<number, { low: number; high: number }>> {
    const name = this.topicName(topic);
    const [earliest, ends] = await Promise.all([
      topicOffsets(this, [name], 'earliest'),
      topicOffsets(this, [name], 'stable'),
    ]);
    return new Map(
      [...ends].map(([key, { partition, offset: high }]) => [
        partition,
        { low: earliest.get(key)?.offset ?? high, high },
      ]),
    );
  }

  /** Ends transactions that the broker has left open (see HangingTransactions); never rejects. */
  endHangingTransactions(): Promise<void> {
    return this.hanging.end();
  }

  /** Of one id, as the broker knows it, before it is taken over; never rejects. */
  endHangingOf(transactionalId: string): Promise<void> {
    return this.hanging.endOf(transactionalId);
  }

  /** For whoever reads committed messages: ends what hangs, time and again, until the connection is closed. */
  watchTransactions(): void {
    this.watch ??= setInterval(() => void this.endHangingTransactions(), WATCH_MS).unref();
  }

  async close(): Promise<void> {
    clearInterval(this.watch);
    const admin = this.admin;
    this.admin = undefined;
    await admin?.then((connected) => connected.disconnect()).catch(() => undefined); // closing anyway
  }
}
