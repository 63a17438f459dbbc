// Reads compacted topics whole, from the beginning, then follows them: every replica's own copy of projects, routes and
// models. Positions are never committed; the group id is this process's own and is deleted on close. Survives broker
// outages; a consumer that has really crashed ends the process.

import { PlatformError, systemClock } from '@millrace/domain';
import { counter, logger } from '@millrace/telemetry';
import type { Consumer } from 'kafkajs';
import type { KafkaConnection } from './connection.js';
import { isBrokerAway } from './consumer-end.js';
import { FetchedMessages } from './fetch/fetched-messages.js';
import { inTime } from './in-time.js';
import type { OffsetKind } from './produce/protocol.js';
import { isAtEnd, type LedOffset, topicOffsets } from './topic-offsets.js';
import { untilAvailable } from './until-available.js';

export interface EntryPosition {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly timestampMs: number;
  readonly headers: Readonly<Record<string, string>>;
  /** True for what was there before the reader started; false for what it follows. */
  readonly replayed: boolean;
}

/** value null = the key was deleted. An entry that throws is logged, counted, skipped: the rest must stay readable. */
export type OnEntry = (key: string, value: Buffer | null, position: EntryPosition) => void | Promise<void>;

export interface CompactedReaderSettings {
  /** Unique per process instance: the service's name and replica; process id and start time are added. */
  name: string;
  /** Handlers by topic (without prefix). */
  topics: Readonly<Record<string, OnEntry>>;
  /** Default: log and exit code 1. */
  onCrash?: (error: Error) => void;
}

const FETCH_WAIT_MS = 250;
const START_AGAIN_MS = 500;
/** Three times what kafkajs waits for one answer. */
const JOIN_MS_MAX = 45_000;
/** What is waited for is asked about where it does not come by then, and again so often. */
const LOOK_MS = 750;

/** Somebody who waits for offsets, by topic and partition; those that were handled are taken away. */
interface Waiter {
  readonly wanted: Map<string, number>;
  resolve(): void;
}

/** Of a partition. */
interface Handled {
  readonly next: number;
  /** Latest time of a message, ms. */
  readonly newestMs: number;
}

let instances = 0;

export class CompactedReader {
  private readonly log = logger('kafka-reader');
  private readonly skipped = counter('millrace.kafka.entries_skipped');
  private readonly groupId: string;
  /** Offsets that were there at the start, by topic and partition. */
  private readonly atStart = new Map<string, number>();
  private consumer: Consumer | undefined;
  private caught = false;
  private closed = false;
  private started: Promise<void> | undefined;
  private readonly reached: Promise<void>;
  private resolveReached: () => void = () => undefined;
  private isAsking = false;
  /** Monotonic. */
  private lookAtMs = 0;
  /** By topic and partition: the offset after the last one that was handled. */
  private readonly handledThrough = new Map<string, Handled>();
  private waiting: Waiter[] = [];

  constructor(
    private readonly connection: KafkaConnection,
    private readonly settings: CompactedReaderSettings,
  ) {
    this.groupId = `${connection.topicPrefix}reader-${settings.name}-${process.pid}-${Math.trunc(performance.timeOrigin)}-${instances++}`;
    this.reached = new Promise((resolve) => {
      this.resolveReached = resolve;
    });
  }

  /** Starts reading; `caughtUp` calls it too. Waits for the broker as long as it takes; rejects once closed. */
  start(): Promise<void> {
    this.started ??= this.startForEver();
    return this.started;
  }

  private async startForEver(): Promise<void> {
    while (!this.closed) {
      try {
        await this.run();
        return;
      } catch (error) {
        this.log.warn('no broker yet', { name: this.settings.name, error: (error as Error).message });
        await this.letGo();
      }
    }
    throw new PlatformError('unavailable', 'the reader is closed');
  }

  /** The next try makes another consumer. */
  private async letGo(): Promise<void> {
    const { consumer } = this;
    this.consumer = undefined;
    await consumer?.disconnect().catch(() => undefined);
    await new Promise((resolve) => setTimeout(resolve, START_AGAIN_MS));
  }

  /** kafkajs has given the consumer up, and the broker is only away. */
  private async beginAnew(): Promise<void> {
    await this.letGo();
    await this.startForEver().catch(() => undefined); // it rejects once the reader is closed
  }

  /** Resolves when everything that was there at the start has been handled (at once for empty topics). */
  async caughtUp(): Promise<void> {
    await this.start();
    await this.reached;
  }

  /**
   * Resolves when everything that is in the topics at this call has been handled: what a predecessor wrote before it
   * was fenced, for one. Waits for the broker as long as it takes.
   */
  async upToNow(): Promise<void> {
    await this.caughtUp();
    const wanted = await untilAvailable('ends of topics', () => this.written());
    for (const [key, end] of wanted) if (this.nextOf(key) === end) wanted.delete(key);
    const isBeyond = ([key, end]: [string, number]) => this.nextOf(key) > end;
    if ([...wanted].some(isBeyond)) {
      // More has come since; or, where it is further than there is now, that was of another life of the topic.
      const now = await untilAvailable('ends of topics', () => this.written());
      for (const [key] of [...wanted].filter(isBeyond)) if (this.nextOf(key) <= (now.get(key) ?? 0)) wanted.delete(key);
    }
    if (wanted.size > 0) await this.handled(wanted);
  }

  private nextOf(key: string): number {
    return this.handledThrough.get(key)?.next ?? 0;
  }

  /** Where the partitions end that have anything; by topic and partition. */
  private async written(): Promise<Map<string, number>> {
    const earliest = await this.offsets('earliest');
    const ends = await this.offsets('written');
    return new Map(
      [...ends]
        .filter(([key, { offset }]) => offset > (earliest.get(key)?.offset ?? 0))
        .map(([key, { offset }]) => [this.connection.topicOf(key), offset]),
    );
  }

  private offsets(kind: OffsetKind): Promise<ReadonlyMap<string, LedOffset>> {
    const topics = Object.keys(this.settings.topics).map((topic) => this.connection.topicName(topic));
    return topicOffsets(this.connection, topics, kind);
  }

  private handled(wanted: Map<string, number>): Promise<void> {
    if (this.waiting.length === 0) this.lookAtMs = systemClock.monotonicMs() + LOOK_MS;
    return new Promise((resolve) => this.waiting.push({ wanted, resolve }));
  }

  isCaughtUp(): boolean {
    return this.caught;
  }

  /** Leaves and deletes its group. */
  async close(): Promise<void> {
    this.closed = true;
    const consumer = this.consumer;
    this.consumer = undefined;
    if (consumer === undefined) return;
    await consumer.disconnect().catch((error) => this.log.warn('reader did not leave', {}, error));
    // Without commits the broker forgets an empty group by itself; deleting only keeps the list short.
    await this.connection.withAdmin((admin) => admin.deleteGroups([this.groupId])).catch(() => undefined);
  }

  private async run(): Promise<void> {
    const topics = Object.keys(this.settings.topics);
    for (const [key, end] of await this.written()) this.atStart.set(key, end);
    if (this.closed) return;
    const consumer = this.connection.kafka.consumer({
      groupId: this.groupId,
      sessionTimeout: 10_000,
      rebalanceTimeout: 10_000,
      heartbeatInterval: 3000,
      minBytes: 1,
      maxWaitTimeInMs: FETCH_WAIT_MS,
      maxBytesPerPartition: 4 * 1_048_576,
      allowAutoTopicCreation: false,
      retry: { initialRetryTime: 100, maxRetryTime: 1000, retries: 30, restartOnFailure: async () => true },
    });
    this.consumer = consumer;
    this.connection.watchTransactions();
    consumer.on('consumer.crash', ({ payload }) => {
      if (this.consumer !== consumer) return;
      const isAway = isBrokerAway(payload.error);
      if (!payload.restart && !isAway) return this.crash(payload.error);
      this.log.warn('reader restarts', {}, new PlatformError('unavailable', payload.error.message));
      if (!payload.restart) void this.beginAnew();
    });
    // Also for batches of control records only, which never reach eachBatch.
    consumer.on('consumer.end_batch_process', ({ payload }) => {
      this.advance(this.connection.topicOf(payload.topic), payload.partition, Number(payload.lastOffset) + 1);
    });
    consumer.on('consumer.fetch', () => {
      if (this.waiting.length > 0 && systemClock.monotonicMs() >= this.lookAtMs) void this.lookForMore();
    });
    if (this.atStart.size === 0) this.markCaughtUp();
    else void this.handled(new Map(this.atStart)).then(() => this.markCaughtUp());
    // kafkajs bounds its tries, not what each of them waits for: a start that hangs is given up, and another one
    // begins.
    await inTime(this.joined(consumer, topics), JOIN_MS_MAX, `no start of the consumer within ${JOIN_MS_MAX} ms`);
  }

  private async joined(consumer: Consumer, topics: readonly string[]): Promise<void> {
    await consumer.connect();
    await consumer.subscribe({ topics: topics.map((topic) => this.connection.topicName(topic)), fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: true,
      eachBatch: async ({ batch, heartbeat, isRunning }) => {
        const topic = this.connection.topicOf(batch.topic);
        const onEntry = this.settings.topics[topic] as OnEntry;
        const handled = this.handledThrough.get(`${topic}/${batch.partition}`);
        let newestMs = 0;
        // Somebody else of this process may have the topic fetched by whole batches.
        for (const message of new FetchedMessages(topic, batch).next(Number.POSITIVE_INFINITY)) {
          if (!isRunning()) return;
          const { partition, offset, timestampMs, headers } = message;
          newestMs = Math.max(newestMs, timestampMs);
          // A consumer that begins anew reads from the beginning: what it said is no news. A topic that was created
          // again begins at 0, too, with later messages.
          if (handled && offset < handled.next && timestampMs <= handled.newestMs) continue;
          const replayed = offset < (this.atStart.get(`${topic}/${partition}`) ?? 0);
          const position: EntryPosition = { topic, partition, offset, timestampMs, headers, replayed };
          try {
            await onEntry(message.key?.toString() ?? '', message.value, position);
          } catch (error) {
            this.skipped.add(1, { topic });
            this.log.error('entry skipped', { topic, partition, offset }, error);
          }
        }
        if (handled === undefined || newestMs > handled.newestMs)
          this.handledThrough.set(`${topic}/${batch.partition}`, { next: Number(batch.lastOffset()) + 1, newestMs });
        await heartbeat();
      },
    });
  }

  private advance(topic: string, partition: number, upTo: number): void {
    const key = `${topic}/${partition}`;
    const { next: before, newestMs } = this.handledThrough.get(key) ?? { next: 0, newestMs: 0 };
    const next = Math.max(before, upTo);
    this.lookAtMs = systemClock.monotonicMs() + LOOK_MS;
    this.handledThrough.set(key, { next, newestMs });
    for (const waiter of this.waiting) {
      if (next >= (waiter.wanted.get(key) ?? Number.POSITIVE_INFINITY)) waiter.wanted.delete(key);
    }
    this.release();
  }

  /**
   * What is waited for does not come. Where a transaction is open before it, it comes when that ends, or is ended;
   * where the leader has nothing more up to there, compaction took the last offsets away: there is no more.
   */
  private async lookForMore(): Promise<void> {
    if (this.isAsking) return;
    this.isAsking = true;
    try {
      const ends = await this.offsets('stable');
      const stableEnd = (key: string) => ends.get(this.connection.topicName(key));
      const isHeldUp = ([key, end]: [string, number]) => (stableEnd(key)?.offset ?? 0) < end;
      if (this.waiting.some((waiter) => [...waiter.wanted].some(isHeldUp))) {
        await this.forgetOtherLives();
        await this.connection.endHangingTransactions();
      }
      const wanted = this.waiting.flatMap((waiter) => [...waiter.wanted]);
      const first = new Map(
        [...(await this.offsets('earliest'))].map(([key, { offset }]) => [this.connection.topicOf(key), offset]),
      );
      const gone = new Map<string, number>();
      for (const [key, end] of wanted) {
        const led = stableEnd(key);
        if (led === undefined || led.offset < end || gone.has(key)) continue;
        const place = { ...led, offset: Math.max(this.nextOf(key), first.get(key) ?? 0) };
        if (await isAtEnd(this.connection, led.leader, place)) gone.set(key, led.offset);
      }
      for (const waiter of this.waiting)
        for (const [key, end] of waiter.wanted) if (end <= (gone.get(key) ?? -1)) waiter.wanted.delete(key);
      this.release();
    } catch (error) {
      this.log.debug('ends are asked for again', { error: PlatformError.from(error).message });
    } finally {
      this.isAsking = false;
      this.lookAtMs = systemClock.monotonicMs() + LOOK_MS;
    }
  }

  /** A topic that was created again ends before what is waited for of the one before. */
  private async forgetOtherLives(): Promise<void> {
    const written = await this.offsets('written');
    for (const { wanted } of this.waiting)
      for (const [key, end] of wanted) {
        const now = written.get(this.connection.topicName(key))?.offset ?? end;
        if (now < end) wanted.set(key, now);
      }
  }

  private release(): void {
    const done = this.waiting.filter(({ wanted }) => wanted.size === 0);
    if (done.length === 0) return;
    this.waiting = this.waiting.filter((waiter) => !done.includes(waiter));
    for (const { resolve } of done) resolve();
  }

  private markCaughtUp(): void {
    if (this.caught) return;
    this.caught = true;
    this.atStart.clear();
    this.resolveReached();
  }

  private crash(error: Error): void {
    this.log.error('reader cannot go on', {}, error);
    if (this.settings.onCrash !== undefined) this.settings.onCrash(error);
    else setTimeout(() => process.exit(1), 50);
  }
}
