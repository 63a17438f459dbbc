// The Kafka consumer runner as a Nest transport: handlers are `@EventPattern('<topic without prefix>')` methods that
// get (messages, context) for one partition batch. Commit after effect: positions move when the handler's promise has
// resolved, and are written every COMMIT_INTERVAL_MS in one request. Bad messages go to deadletter.v1 and the partition
// moves on. A handler that throws `overloaded` has its partition paused as long as the error says. Broker outages are
// survived; a consumer that has really crashed ends the process. What interleaves: up to `concurrency` partitions run
// at the same time, batches of one partition never do.

import type { Topic } from '@millrace/contracts';
import { assert, PlatformError, systemClock } from '@millrace/domain';
import { counter, gauge, histogram, logger } from '@millrace/telemetry';
import { BaseRpcContext, type CustomTransportStrategy, type MessageHandler, Server } from '@nestjs/microservices';
import type { Consumer, ConsumerGroupJoinEvent, EachBatchPayload, PartitionAssigner } from 'kafkajs';
import { type BatchResult, type RetrySettings, runBatch, StopConsuming } from './batch-runner.js';
import { inBatchSpan } from './batch-span.js';
import { coPartitioned } from './co-partitioned.js';
import { isBrokerAway } from './consumer-end.js';
import { DeadLetterWriter } from './dead-letter-writer.js';
import { Ending } from './ending.js';
import { ensureTopics } from './ensure-topics.js';
import { FetchedMessages } from './fetch/fetched-messages.js';
import { fetchWhole } from './fetch/whole-batches.js';
import { leaveWord, wordLeft } from './group-word.js';
import { callHandler, OverloadedHandler } from './handler-call.js';
import { inTime } from './in-time.js';
import { HEARTBEAT_MS, Membership } from './membership.js';
import type { InboundMessage } from './message.js';
import { oneHolder } from './one-holder.js';
import { MessageProducer } from './producer.js';
import { Pulse } from './pulse.js';
import type { Assignment, KafkaStrategySettings } from './strategy-settings.js';

const COMMIT_INTERVAL_MS = 500;
/** Some that are lost on the way are not taken for a death; and with the next one a member hears of another's. */
const HEARTBEATS_IN_TIMEOUT = 12;
const START_AGAIN_MS = 1_000;
const REJOIN_MS_LEAST = 20_000;
/** A consumer that does not come to its end is left to itself: what it brings is not taken any more. */
const LET_GO_MS_MAX = 10_000;
const RETRY: RetrySettings = { initialMs: 100, maxMs: 5000, budgetMs: 300_000 };

const consumed = counter('millrace.kafka.consumed');
const retries = counter('millrace.kafka.handler_retries');
const pauses = counter('millrace.kafka.pauses');
const durations = histogram('millrace.kafka.batch_duration');
const lag = gauge('millrace.kafka.consumer_lag');

/** Second argument of a handler. */
export class KafkaBatchContext extends BaseRpcContext<[string, number]> {
  constructor(
    readonly topic: string,
    readonly partition: number,
    /** Next offset of the partition at the time of the fetch. */
    readonly highWatermark: number,
    private readonly beat: () => Promise<void>,
    private readonly stale: () => boolean,
  ) {
    super([topic, partition]);
  }

  /** Keeps the membership alive in a handler that blocks the event loop; otherwise done by itself. */
  heartbeat(): Promise<void> {
    return this.beat();
  }

  /** True once the partition belongs to someone else or was sought elsewhere: results would be thrown away. */
  isStale(): boolean {
    return this.stale();
  }
}

function exitOnCrash(): void {
  // Lets the log line out before the process ends.
  setTimeout(() => process.exit(1), 50);
}

export class KafkaStrategy extends Server implements CustomTransportStrategy {
  override readonly propagatesEventHandlerErrors = true;
  /** Its own, so that Nest does not give the gRPC handlers of the same application to the consumer as topics. */
  override readonly transportId: symbol;
  private readonly settings: Required<
    Omit<KafkaStrategySettings, 'producer' | 'seekTo' | 'onAssigned' | 'retry' | 'metricsAs' | 'transportId'>
  > &
    Pick<KafkaStrategySettings, 'seekTo' | 'onAssigned' | 'metricsAs'>;
  private readonly retry: RetrySettings;
  private readonly log = logger('kafka-consumer');
  private readonly producer: MessageProducer;
  private readonly deadLetters: DeadLetterWriter;
  private readonly ownsProducer: boolean;
  private readonly uncommitted = new Map<string, { topic: string; partition: number; nextOffset: number }>();
  private consumer: Consumer | undefined;
  private commitTimer: NodeJS.Timeout | undefined;
  private committing: Promise<void> | undefined;
  private assigned: Promise<void> = Promise.resolve();
  private assignment: Assignment = {};
  private readonly pulse: Pulse;
  /** When it was given something and had nothing before, or was another member; wall clock. */
  private givenAtMs = 0;
  private memberId = '';
  private joined = false;
  private rejoinsSinceMs: number | undefined;
  private crashed = false;

  constructor(settings: KafkaStrategySettings) {
    super();
    const { producer, retry, transportId, ...rest } = settings;
    this.transportId = transportId ?? Symbol.for('millrace.kafka');
    this.settings = {
      fromBeginning: true,
      concurrency: 4,
      batchMessagesMax: 1000,
      fetchBytesMin: 32_768,
      fetchWaitMs: (settings.fetchBytesMin ?? 32_768) > 1 ? 100 : 500,
      fetchBytesMaxPerPartition: 1_048_576,
      memberTimeoutMs: 10_000,
      sharing: 'by topic',
      startWhen: () => Promise.resolve(),
      inBackground: false,
      onCrash: exitOnCrash,
      clock: systemClock,
      ...rest,
    };
    this.pulse = new Pulse(this.settings.memberTimeoutMs, this.settings.clock);
    this.retry = { ...RETRY, ...retry };
    this.ownsProducer = producer === undefined;
    this.producer = producer ?? new MessageProducer(settings.connection, { name: `${settings.groupId}-deadletter` });
    this.deadLetters = new DeadLetterWriter(this.producer, settings.service, this.settings.clock);
  }

  /** True while the consumer is a member of its group. */
  isReady(): boolean {
    return this.joined && !this.crashed;
  }

  /**
   * For a probe: a member, or one that joins again because others come and go, which is no outage. One that takes
   * longer than the group waits for it is out.
   */
  isInGroup(): boolean {
    const sinceMs = this.rejoinsSinceMs;
    return this.isReady() || (sinceMs !== undefined && this.settings.clock.monotonicMs() - sinceMs < this.rejoinMsMax);
  }

  /** Partitions that this process holds. */
  partitions(): Assignment {
    return this.assignment;
  }

  /** Partition numbers that this process holds, of whatever topic. */
  numbers(): number[] {
    return [...new Set(Object.values(this.assignment).flat())].sort((a, b) => a - b);
  }

  /** Moves a committed position later than the batch that brought the message (with `nextOffset: null` there). */
  setPosition(topic: string, partition: number, nextOffset: number): void {
    this.uncommitted.set(`${topic}/${partition}`, { topic, partition, nextOffset });
  }

  /**
   * Resolves when the broker has taken a commit of this member after the call: then it holds what it holds. A member
   * that was taken for dead gets here only after it has joined again. `topic`: one that the group does not read, so
   * that no position moves. The commit carries `word`.
   */
  async confirm(topic: Topic, word = ''): Promise<void> {
    await leaveWord(this.consumer, this.settings.connection.topicName(topic), word);
  }

  /**
   * The word of the last `confirm`, of whatever member; '' where there is none, or where it was left so long ago that
   * the broker has forgotten it.
   */
  lastWord(topic: Topic): Promise<string> {
    const { connection, groupId } = this.settings;
    return wordLeft(connection, `${connection.topicPrefix}${groupId}`, connection.topicName(topic));
  }

  /** As after a rebalance: `onAssigned`, and each partition is read from where it says. */
  assignAgain(): void {
    this.assign();
  }

  /** Writes the positions now instead of within COMMIT_INTERVAL_MS. */
  async commitNow(): Promise<void> {
    await this.committing;
    this.committing = this.writeCommits().finally(() => {
      this.committing = undefined;
    });
    await this.committing;
  }

  listen(callback: (error?: unknown) => void): void {
    const { startWhen, inBackground } = this.settings;
    if (inBackground) {
      void this.startForEver();
      callback();
    } else
      startWhen()
        .then(() => this.start())
        .then(() => callback(), callback);
  }

  on(): never {
    throw new PlatformError('unimplemented', 'KafkaStrategy has no events; use onAssigned and onCrash');
  }

  unwrap<T>(): T {
    return this.consumer as T;
  }

  /** So long the group waits for a member that is to join again. */
  private get rejoinMsMax(): number {
    return Math.max(this.settings.memberTimeoutMs, REJOIN_MS_LEAST);
  }

  private get heartbeatMs(): number {
    return Math.min(HEARTBEAT_MS, Math.floor(this.settings.memberTimeoutMs / HEARTBEATS_IN_TIMEOUT));
  }

  /** Finishes running batches, commits, leaves the group. */
  async close(): Promise<void> {
    this.ending.begin();
    clearInterval(this.commitTimer);
    const consumer = this.consumer;
    this.consumer = undefined;
    if (consumer !== undefined) {
      // stop() waits for running batches but leaves the group at once, so positions are written before and during it.
      await this.idle();
      await this.commitWith(consumer);
      await consumer.disconnect().catch((error) => this.log.warn('leaving the group failed', {}, error));
    }
    this.endMembership();
    if (this.ownsProducer) await this.producer.close();
  }

  private readonly ending = new Ending();
  private running = 0;
  private async idle(): Promise<void> {
    while (this.running > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  }

  private async startForEver(): Promise<void> {
    while (!this.ending.hasBegun) {
      try {
        await this.settings.startWhen();
        await this.start();
        return;
      } catch (error) {
        if (this.ending.hasBegun) return;
        this.log.warn('the consumer does not start yet', { group: this.settings.groupId }, error);
        await this.letGo();
      }
    }
  }

  private endMembership(): void {
    this.joined = false;
    this.rejoinsSinceMs = undefined;
  }

  /** The next start makes another consumer. */
  private async letGo(): Promise<void> {
    const { consumer } = this;
    this.consumer = undefined;
    this.endMembership();
    this.assignment = {};
    clearInterval(this.commitTimer);
    // Where it takes longer it ends later.
    if (consumer !== undefined) await inTime(consumer.disconnect(), LET_GO_MS_MAX, '').catch(() => undefined);
    await new Promise((resolve) => setTimeout(resolve, START_AGAIN_MS).unref());
  }

  /** kafkajs has given the consumer up, and the broker is only away; or it reads on without being a member. */
  private async beginAnew(): Promise<void> {
    await this.letGo();
    await this.startForEver();
  }

  private async start(): Promise<void> {
    const { connection, groupId, concurrency, fromBeginning, memberTimeoutMs } = this.settings;
    if (this.ending.hasBegun) throw new PlatformError('unavailable', 'stopped before the consumer started');
    const topics = [...this.messageHandlers.keys()];
    assert(topics.length > 0, `consumer ${groupId} has no @EventPattern handlers`);
    for (const topic of topics) fetchWhole(connection.topicName(topic));
    const consumer = connection.kafka.consumer({
      groupId: `${connection.topicPrefix}${groupId}`,
      sessionTimeout: memberTimeoutMs,
      rebalanceTimeout: this.rejoinMsMax,
      heartbeatInterval: this.heartbeatMs,
      minBytes: this.settings.fetchBytesMin,
      maxWaitTimeInMs: this.settings.fetchWaitMs,
      maxBytesPerPartition: this.settings.fetchBytesMaxPerPartition,
      maxBytes: 16 * 1_048_576,
      allowAutoTopicCreation: false,
      ...this.assigners(),
      // After 30 tries (about 30 s) kafkajs tears the consumer down and starts a new one; that goes on for ever.
      retry: { initialRetryTime: 100, maxRetryTime: 1000, retries: 30, restartOnFailure: async () => true },
    });
    this.consumer = consumer;
    consumer.on('consumer.group_join', ({ payload }) => {
      if (this.consumer === consumer) this.onJoined(payload);
    });
    consumer.on('consumer.heartbeat', () => this.pulse.heard());
    consumer.on('consumer.fetch', () => {
      if (this.consumer === consumer && !this.crashed && this.pulse.fetched()) this.onForgotten();
    });
    consumer.on('consumer.rebalancing', () => {
      if (this.joined) this.rejoinsSinceMs = this.settings.clock.monotonicMs();
      this.joined = false;
    });
    consumer.on('consumer.crash', ({ payload }) => {
      if (this.consumer === consumer) this.onCrashed(payload.error, payload.restart);
    });
    connection.watchTransactions();
    await this.connectForEver(consumer, topics);
    await consumer.subscribe({ topics: topics.map((topic) => connection.topicName(topic)), fromBeginning });
    await consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently: concurrency,
      eachBatch: async (payload) => {
        if (this.consumer === consumer) await this.eachBatch(payload);
      },
    });
    clearInterval(this.commitTimer);
    this.commitTimer = setInterval(() => {
      if (this.committing === undefined && this.uncommitted.size > 0) {
        // A failed commit is repeated with the next one; after a rebalance the messages come again.
        this.commitNow().catch((error) => this.log.debug('commit failed', { error: (error as Error).message }));
      }
    }, COMMIT_INTERVAL_MS);
    this.commitTimer.unref();
  }

  private assigners(): { partitionAssigners?: PartitionAssigner[] } {
    const { sharing } = this.settings;
    if (sharing === 'by topic') return {};
    if (sharing === 'by number') return { partitionAssigners: [coPartitioned(() => this.numbers())] };
    const sinceMs = () => (this.numbers().length > 0 && !this.pulse.isOver ? this.givenAtMs : undefined);
    return { partitionAssigners: [oneHolder(sinceMs)] };
  }

  /** A broker that is away at the start is waited for; HTTP health says "not ready" meanwhile. */
  private async connectForEver(consumer: Consumer, topics: readonly string[]): Promise<void> {
    while (!this.ending.hasBegun) {
      try {
        await consumer.connect();
        // Subscribing to a topic that another service is just creating would fail the start.
        await ensureTopics(this.settings.connection, topics as readonly Topic[]);
        if (!this.ending.hasBegun) return;
        await consumer.disconnect().catch(() => undefined);
      } catch (error) {
        this.log.warn('no broker yet', { group: this.settings.groupId, error: (error as Error).message });
      }
    }
    throw new PlatformError('unavailable', 'stopped before a broker answered');
  }

  private onJoined({ memberId, memberAssignment }: ConsumerGroupJoinEvent['payload']): void {
    const { connection, clock } = this.settings;
    this.pulse.heard();
    if (this.numbers().length === 0 || memberId !== this.memberId) this.givenAtMs = clock.nowMs();
    this.memberId = memberId;
    this.uncommitted.clear();
    this.assignment = Object.fromEntries(
      Object.entries(memberAssignment).map(([name, partitions]) => [connection.topicOf(name), partitions]),
    );
    this.assign();
  }

  /**
   * Every batch waits for this, so that no message is handled before its start position is known. One assignment after
   * the other: what the last one says holds.
   */
  private assign(): void {
    const { connection, seekTo, onAssigned } = this.settings;
    const before = this.assigned.catch(() => undefined); // reported by whoever made it
    const assigned = before.then(async () => {
      if (this.assigned !== assigned) return;
      await onAssigned?.(this.assignment);
      for (const [topic, partitions] of Object.entries(this.assignment)) {
        for (const partition of partitions) {
          const offset = await seekTo?.(topic, partition);
          if (offset !== undefined)
            this.consumer?.seek({
              topic: connection.topicName(topic),
              partition,
              offset: offset === 'earliest' ? '-2' : String(offset),
            });
        }
      }
      if (this.assigned !== assigned) return;
      this.joined = true;
      this.rejoinsSinceMs = undefined;
    });
    this.assigned = assigned;
    assigned.catch((error) => this.crash(error as Error));
  }

  private onForgotten(): void {
    const { groupId: group } = this.settings;
    this.log.warn('the group has forgotten this consumer, another one joins', { group });
    void this.beginAnew();
  }

  private onCrashed(error: Error, restart: boolean): void {
    this.endMembership();
    const isAway = isBrokerAway(error);
    if (!restart && !isAway) {
      this.crash(error);
      return;
    }
    const group = this.settings.groupId;
    this.log.warn('consumer restarts', { group }, new PlatformError('unavailable', error.message));
    if (!restart && !this.crashed) void this.beginAnew();
  }

  private crash(error: Error): void {
    if (this.crashed) return;
    this.crashed = true;
    this.endMembership();
    this.log.error('consumer cannot go on', { group: this.settings.groupId }, error);
    this.stopFetching();
    this.settings.onCrash(error);
  }

  /** Fetching the same batch again and again until the process ends would only burn time. */
  private stopFetching(): void {
    const { connection } = this.settings;
    const held = Object.entries(this.assignment).map(([topic, partitions]) => ({
      topic: connection.topicName(topic),
      partitions: [...partitions],
    }));
    try {
      this.consumer?.pause(held);
    } catch {
      // It has joined no group yet, and fetches nothing.
    }
  }

  private async eachBatch(payload: EachBatchPayload): Promise<void> {
    this.running++;
    // From now on: while a batch waits for its assignment kafkajs sends no heartbeat, and that may take long.
    const membership = new Membership(payload, this.heartbeatMs);
    try {
      for (let waited: Promise<void> | undefined; waited !== this.assigned && !this.ending.hasBegun; ) {
        waited = this.assigned;
        // A failure is reported by `assign`; and who waits for a broker must not hold up the end.
        await this.ending.orUntil(waited);
      }
      membership.check();
      if (!this.crashed && !this.ending.hasBegun) await this.consume(payload, this.assigned, membership);
    } finally {
      membership.end();
      this.running--;
    }
  }

  /** `under`: the assignment that it began under; under another one the same messages are read again. */
  private async consume(payload: EachBatchPayload, under: Promise<void>, membership: Membership): Promise<void> {
    const { batch, resolveOffset, isRunning, isStale, pause } = payload;
    const topic = this.settings.connection.topicOf(batch.topic);
    const handler = this.messageHandlers.get(topic);
    assert(handler !== undefined, `no handler for ${topic}`);
    const highWatermark = Number(batch.highWatermark);
    const context = new KafkaBatchContext(topic, batch.partition, highWatermark, () => membership.beat(), isStale);
    const { batchMessagesMax } = this.settings;
    try {
      const fetched = new FetchedMessages(topic, batch);
      while (true) {
        if (this.ending.hasBegun || !isRunning() || isStale() || this.assigned !== under) return;
        const messages = fetched.next(batchMessagesMax);
        if (messages.length === 0) break;
        const outcome = await this.handleChunk(handler, messages, context, membership, under);
        if (this.assigned !== under) return;
        if (outcome instanceof OverloadedHandler) {
          pauses.add(1, { topic: this.metricsTopic(topic) });
          setTimeout(pause(), outcome.afterMs);
          return;
        }
        membership.check();
        const last = messages[messages.length - 1] as InboundMessage;
        resolveOffset(String(last.offset));
        if (outcome.nextOffset !== null)
          this.setPosition(topic, batch.partition, outcome.nextOffset ?? last.offset + 1);
        consumed.add(messages.length, { topic: this.metricsTopic(topic) });
        lag.set(Math.max(0, highWatermark - 1 - last.offset), {
          topic: this.metricsTopic(topic),
          partition: batch.partition,
        });
      }
      resolveOffset(fetched.lastOffset);
    } catch (error) {
      if (error instanceof StopConsuming) {
        this.crash(error.cause);
        // Returning without resolving leaves the position where it was.
        return;
      }
      throw error;
    }
  }

  private async handleChunk(
    handler: MessageHandler,
    messages: InboundMessage[],
    context: KafkaBatchContext,
    membership: Membership,
    under: Promise<void>,
  ): Promise<Pick<BatchResult, 'nextOffset'> | OverloadedHandler> {
    const { topic } = context;
    const startedMs = this.settings.clock.monotonicMs();
    const run = () =>
      runBatch(
        messages,
        {
          handle: async (part) => {
            // A retry under another assignment is not of the state that it would meet.
            if (this.assigned !== under) return {};
            try {
              return await callHandler(handler, part, context);
            } catch (thrown) {
              if (thrown instanceof PlatformError && thrown.code === 'overloaded') {
                throw new OverloadedHandler(thrown);
              }
              throw thrown;
            }
          },
          deadLetter: (bad) => this.deadLetters.write(bad, () => this.ending.hasBegun || this.crashed),
          pause: (forMs) => membership.wait(forMs),
          retried: (error, attempt) => {
            retries.add(1, { topic: this.metricsTopic(topic), code: error.code });
            this.log.warn('handler failed, trying again', { topic, partition: context.partition, attempt }, error);
          },
        },
        this.retry,
      );
    try {
      return await inBatchSpan(messages, context, run);
    } catch (thrown) {
      if (thrown instanceof OverloadedHandler) return thrown;
      throw thrown;
    } finally {
      durations.record(this.settings.clock.monotonicMs() - startedMs, { topic: this.metricsTopic(topic) });
    }
  }

  private metricsTopic(topic: string): string {
    return this.settings.metricsAs ?? topic;
  }

  private async writeCommits(): Promise<void> {
    if (this.consumer !== undefined) await this.commitWith(this.consumer);
  }

  private async commitWith(consumer: Consumer): Promise<void> {
    const positions = [...this.uncommitted.values()];
    if (positions.length === 0) return;
    await consumer.commitOffsets(
      positions.map(({ topic, partition, nextOffset }) => ({
        topic: this.settings.connection.topicName(topic),
        partition,
        offset: String(nextOffset),
      })),
    );
    for (const position of positions) {
      const key = `${position.topic}/${position.partition}`;
      if (this.uncommitted.get(key) === position) this.uncommitted.delete(key);
    }
  }
}
