// The producer of every service: idempotent, acks of all replicas, one request in flight. What is given in one turn of
// the event loop leaves together, at once while little is going on; under load it is gathered for a few milliseconds.
// The queue is bounded (full = `overloaded`), every send has a deadline. How batches reach the log, once:
// produce/log-writer.ts. A caller whose deadline passes is told; its messages may still arrive (at-least-once).

import { TOPICS } from '@millrace/contracts';
import { type Clock, PlatformError, systemClock } from '@millrace/domain';
import { activeTraceparent, type BoundCounter, counter, gauge, logger, sampledTraceId } from '@millrace/telemetry';
import type { KafkaConnection } from './connection.js';
import { MESSAGE_OVERHEAD_BYTES, type MessageBlock, type OutboundMessage, outboundBytes } from './message.js';
import { partitionOf } from './partitioner.js';
import { KeyBytes } from './produce/key-bytes.js';
import { LogWriter, type PartitionBatch } from './produce/log-writer.js';
import { RecordBatch } from './produce/record-batch.js';

export interface ProducerSettings {
  /** Gathering time before a batch leaves, while many send; default 3. */
  lingerMs?: number;
  /** Messages waiting or in flight; more are refused with `overloaded`. Default 20,000. */
  queueMessagesMax?: number;
  /** Bytes waiting or in flight. Default 64 MiB. */
  queueBytesMax?: number;
  /** Messages per request; default 2,000. */
  batchMessagesMax?: number;
  /** A send's time to be acknowledged; default 15,000. */
  deadlineMs?: number;
  /** Name in metrics when a service has several producers; default "main". */
  name?: string;
  clock?: Clock;
}

/** Of one partition, on its way. */
interface Part extends Pick<PartitionBatch, 'topic' | 'partition' | 'batch'> {
  readonly pendings: Pending[];
}

/** What one call sends. */
interface Content {
  readonly count: number;
  readonly bytes: number;
  /** Of the largest message. */
  readonly bytesMax: number;
  readonly messages: readonly OutboundMessage[] | MessageBlock;
}

interface Pending {
  readonly topic: string;
  readonly messages: Content['messages'];
  readonly count: number;
  readonly traceparent: string | undefined;
  /** Partitions of whose log it is not known yet that they have their part. */
  partsLeft: number;
  readonly bytes: number;
  readonly deadlineAtMs: number;
  settled: boolean;
  resolve(): void;
  reject(error: PlatformError): void;
}

/** Below the broker's 1 MiB per record batch; a single larger message leaves alone. */
const BATCH_BYTES_MAX = 900_000;
const DEADLINE_SCAN_MS = 100;
const MESSAGE_BYTES_MAX = 1_048_576;
/** Sends that left together last: from here on gathering pays, below it only delays. */
const GATHER_FROM = 8;
/** Until a topic that the broker does not know is asked for again. */
const ASK_AGAIN_MS = 100;
/** Buffers that wait for their next batch, each up to 1 MiB. */
const SPARE_BATCHES_MAX = 8;

const BYTES_MAX_BY_TOPIC: ReadonlyMap<string, number> = new Map(
  TOPICS.map((topic) => [topic.name, topic.messageBytesMax]),
);

const produced = counter('millrace.kafka.produced');
const failures = counter('millrace.kafka.produce_failures');
const queueGauge = gauge('millrace.kafka.produce_queue');
const connectedGauge = gauge('millrace.kafka.connected');

export class MessageProducer {
  private readonly settings: Required<ProducerSettings>;
  private readonly log = logger('kafka-producer');
  private readonly queue: Pending[] = [];
  private readonly producedByTopic = new Map<string, BoundCounter>();
  private queuedMessages = 0;
  private queuedBytes = 0;
  private readonly writer: LogWriter;
  private readonly key = new KeyBytes();
  private readonly spare: RecordBatch[] = [];
  private lingering: NodeJS.Timeout | undefined;
  private leaving: NodeJS.Immediate | undefined;
  private sendsOfLast = 0;
  private flushing: Promise<void> | undefined;
  private readonly scan: NodeJS.Timeout;
  private inFlight: readonly Pending[] = [];
  private connected = false;
  private closed = false;

  constructor(
    private readonly connection: KafkaConnection,
    settings: ProducerSettings = {},
  ) {
    this.settings = {
      lingerMs: 3,
      queueMessagesMax: 20_000,
      queueBytesMax: 64 * 1024 * 1024,
      batchMessagesMax: 2000,
      deadlineMs: 15_000,
      name: 'main',
      clock: systemClock,
      ...settings,
    };
    const { brokers, clientId } = connection;
    const { clock } = this.settings;
    const connected = (is: boolean) => {
      this.connected = is;
    };
    this.writer = new LogWriter({ brokers, clientId, clock, connected });
    this.scan = setInterval(() => this.expire(), DEADLINE_SCAN_MS);
    this.scan.unref();
    const client = `${connection.clientId}/${this.settings.name}`;
    queueGauge.observe(() => this.queuedMessages, { client });
    connectedGauge.observe(() => (this.connected ? 1 : 0), { client });
  }

  /** True once a broker has answered, false while it is away. */
  isConnected(): boolean {
    return this.connected;
  }

  /** Messages waiting or in flight. */
  backlog(): number {
    return this.queuedMessages;
  }

  /** Connects ahead of the first send; resolves when connected. Waits as long as the broker is away. */
  async connect(): Promise<void> {
    await this.writer.open();
  }

  /**
   * Resolves when all replicas have the messages. Rejects with `overloaded` (queue full, nothing was taken),
   * `invalid_argument` (too large), `unavailable` (deadline passed, or closing).
   */
  async send(
    topic: string,
    messages: readonly OutboundMessage[],
    settings: { deadlineMs?: number } = {},
  ): Promise<void> {
    await this.sent(topic, contentOf(messages), settings.deadlineMs);
  }

  /** The same, of messages that are encoded already. */
  async sendBlock(topic: string, block: MessageBlock): Promise<void> {
    await this.sent(topic, contentOfBlock(block));
  }

  private async sent(topic: string, content: Content, deadlineMs = this.settings.deadlineMs): Promise<void> {
    if (content.count === 0) return;
    await new Promise<void>((resolve, reject) => {
      const refused = this.enqueue(topic, content, deadlineMs, resolve, reject);
      if (refused !== undefined) reject(refused);
    });
  }

  /** Fire and forget: false when the queue is full and the message was not taken; later failures are only counted. */
  offer(topic: string, message: OutboundMessage): boolean {
    const ignore = () => undefined; // counted in settle
    return this.enqueue(topic, contentOf([message]), this.settings.deadlineMs, ignore, ignore) === undefined;
  }

  /** Resolves when everything taken so far is acknowledged or given up. */
  async flush(): Promise<void> {
    while (this.queue.length > 0 || this.inFlight.length > 0) {
      this.startFlush();
      await Promise.race([this.flushing, new Promise((resolve) => setTimeout(resolve, DEADLINE_SCAN_MS))]);
    }
  }

  /** Flushes for at most `withinMs`, rejects what is left, disconnects. */
  async close(withinMs = 5000): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    let timer: NodeJS.Timeout | undefined;
    await Promise.race([
      this.flush(),
      new Promise((resolve) => {
        timer = setTimeout(resolve, withinMs);
      }),
    ]);
    clearTimeout(timer);
    clearInterval(this.scan);
    for (const pending of [...this.queue, ...this.inFlight])
      this.settle(pending, new PlatformError('unavailable', 'the producer is closing'));
    this.queue.length = 0;
    const client = `${this.connection.clientId}/${this.settings.name}`;
    queueGauge.remove({ client });
    connectedGauge.remove({ client });
    this.writer.close();
    this.connected = false;
  }

  private enqueue(
    topic: string,
    { count, bytes, bytesMax, messages }: Content,
    deadlineMs: number,
    resolve: () => void,
    reject: (error: PlatformError) => void,
  ): PlatformError | undefined {
    if (this.closed) return new PlatformError('unavailable', 'the producer is closed');
    const takes = BYTES_MAX_BY_TOPIC.get(topic) ?? MESSAGE_BYTES_MAX;
    if (bytesMax > takes)
      return new PlatformError('invalid_argument', `message of ${bytesMax} bytes for ${topic}, which takes ${takes}`, {
        facts: { topic, bytes: bytesMax, bytesMax: takes },
      });
    const { queueMessagesMax, queueBytesMax } = this.settings;
    // An empty queue takes any one call, so that a large one is not refused for ever.
    if (
      this.queuedMessages > 0 &&
      (this.queuedMessages + count > queueMessagesMax || this.queuedBytes + bytes > queueBytesMax)
    ) {
      failures.add(count, { topic, code: 'overloaded' });
      return new PlatformError('overloaded', `${this.queuedMessages} messages wait for Kafka`, {
        facts: { topic, queueMessagesMax },
      });
    }
    this.queue.push({
      topic,
      messages,
      count,
      traceparent: sampledTraceId() === '' ? undefined : activeTraceparent(),
      partsLeft: 0,
      bytes,
      deadlineAtMs: this.settings.clock.monotonicMs() + deadlineMs,
      settled: false,
      resolve,
      reject,
    });
    this.queuedMessages += count;
    this.queuedBytes += bytes;
    if (this.flushing === undefined) this.leaveSoon();
    return undefined;
  }

  private leaveSoon(): void {
    const { batchMessagesMax, lingerMs } = this.settings;
    if (this.queuedMessages >= batchMessagesMax) this.startFlush();
    else if (this.lingering !== undefined || this.leaving !== undefined) return;
    else if (this.sendsOfLast >= GATHER_FROM && lingerMs > 0)
      this.lingering = setTimeout(() => this.startFlush(), lingerMs);
    else this.leaving = setImmediate(() => this.startFlush());
  }

  private settle(pending: Pending, error?: PlatformError): void {
    if (pending.settled) return;
    pending.settled = true;
    this.queuedMessages -= pending.count;
    this.queuedBytes -= pending.bytes;
    if (error === undefined) {
      let cell = this.producedByTopic.get(pending.topic);
      if (cell === undefined) {
        cell = produced.bind({ topic: pending.topic });
        this.producedByTopic.set(pending.topic, cell);
      }
      cell.add(pending.count);
      pending.resolve();
    } else {
      failures.add(pending.count, { topic: pending.topic, code: error.code });
      pending.reject(error);
    }
  }

  /** Tells callers whose deadline passed; what still waits is dropped, what is in flight may arrive. */
  private expire(): void {
    const nowMs = this.settings.clock.monotonicMs();
    const late = (pending: Pending) => pending.deadlineAtMs <= nowMs;
    if (this.queue.some(late)) {
      const waiting = this.queue.filter((pending) => !late(pending));
      for (const pending of this.queue) if (late(pending)) this.settle(pending, this.lateError(pending));
      this.queue.splice(0, this.queue.length, ...waiting);
    }
    for (const pending of this.inFlight) if (late(pending)) this.settle(pending, this.lateError(pending));
  }

  private lateError(pending: Pending): PlatformError {
    return new PlatformError('unavailable', `Kafka did not acknowledge in time`, {
      facts: { topic: pending.topic, messages: pending.count, connected: this.connected },
    });
  }

  private startFlush(): void {
    clearTimeout(this.lingering);
    clearImmediate(this.leaving);
    this.lingering = undefined;
    this.leaving = undefined;
    if (this.flushing !== undefined || this.queue.length === 0) return;
    this.flushing = this.flushAll().finally(() => {
      this.flushing = undefined;
      if (this.queue.length > 0) this.startFlush();
    });
  }

  private async flushAll(): Promise<void> {
    while (this.queue.length > 0) {
      const batch = this.takeBatch();
      this.inFlight = batch;
      this.sendsOfLast = batch.length;
      try {
        await this.append(batch);
      } catch (error) {
        const failed = new PlatformError('unavailable', `a batch was not sent: ${(error as Error).message}`, {
          cause: error,
        });
        this.log.error('batch given up', { messages: batch.length }, failed);
        for (const pending of batch) this.settle(pending, failed);
      } finally {
        this.inFlight = [];
      }
    }
  }

  private takeBatch(): Pending[] {
    let count = 0;
    let messages = 0;
    let bytes = 0;
    for (const pending of this.queue) {
      messages += pending.count;
      bytes += pending.bytes;
      if (count > 0 && (messages > this.settings.batchMessagesMax || bytes > BATCH_BYTES_MAX)) break;
      count++;
    }
    return this.queue.splice(0, count);
  }

  private async append(batch: readonly Pending[]): Promise<void> {
    const partitions = await this.partitionsOf(batch);
    const parts = new Parts(this.spare);
    for (const pending of batch) {
      if (pending.settled) continue;
      const topic = this.connection.topicName(pending.topic);
      this.appendTo(parts, topic, partitions.get(topic) as number, pending);
    }
    for (const round of parts.rounds()) await this.appendNow(round);
  }

  private async appendNow(parts: readonly Part[]): Promise<void> {
    await this.writer.append(
      parts.map(({ topic, partition, batch: records, pendings }) => ({
        topic,
        partition,
        batch: records,
        isAbandoned: () => pendings.every(({ settled }) => settled),
        done: () => {
          for (const pending of pendings) if (--pending.partsLeft === 0) this.settle(pending);
        },
        failed: (error) => {
          for (const pending of pendings) this.settle(pending, error);
        },
      })),
    );
    for (const { batch: records } of parts) {
      records.clear();
      if (this.spare.length < SPARE_BATCHES_MAX) this.spare.push(records);
    }
  }

  private appendTo(parts: Parts, topic: string, partitions: number, pending: Pending): void {
    const { messages } = pending;
    if ('bytes' in messages) {
      const { bytes, ends } = messages;
      const headers = headersOf(NO_HEADERS, pending.traceparent);
      for (let i = 0, from = 0; i < ends.length; i += 2) {
        const keyTo = ends[i] as number;
        const to = ends[i + 1] as number;
        const part = parts.of(topic, partitionOf(bytes, from, keyTo, partitions), pending, to - from);
        part.append(bytes, from, keyTo, bytes, keyTo, to, headers);
        from = to;
      }
      return;
    }
    for (const message of messages) {
      this.key.take(message.key);
      const { bytes, length } = this.key;
      const part = parts.of(
        topic,
        message.partition ?? partitionOf(bytes, 0, length, partitions),
        pending,
        outboundBytes(message),
      );
      const { value } = message;
      const headers = headersOf(message.headers ?? NO_HEADERS, pending.traceparent);
      part.append(bytes, 0, length, value, 0, value?.length ?? 0, headers);
    }
  }

  /** By the broker's names; waits for a topic that it does not know yet as long as somebody waits for a message. */
  private async partitionsOf(batch: readonly Pending[]): Promise<ReadonlyMap<string, number>> {
    for (;;) {
      const topics = new Set<string>();
      for (const { topic, settled } of batch) if (!settled) topics.add(this.connection.topicName(topic));
      const known = await this.writer.partitions(topics).catch((): ReadonlyMap<string, number> => new Map());
      if ([...topics].every((topic) => known.has(topic))) return known;
      await new Promise((resolve) => setTimeout(resolve, ASK_AGAIN_MS));
    }
  }
}

/** What leaves together, by partition: of a request each takes one batch, so where one is full the next follows it. */
class Parts {
  private readonly all: (Part & { readonly round: number })[] = [];
  private readonly byTopic = new Map<string, ((typeof this.all)[number] | undefined)[]>();

  constructor(private readonly spare: RecordBatch[]) {}

  /** To which a message of the caller, of about so many bytes, is appended. */
  of(topic: string, partition: number, pending: Pending, bytes: number): RecordBatch {
    let ofTopic = this.byTopic.get(topic);
    if (ofTopic === undefined) {
      ofTopic = [];
      this.byTopic.set(topic, ofTopic);
    }
    let part = ofTopic[partition];
    if (part === undefined || part.batch.size + bytes > BATCH_BYTES_MAX) {
      const round = part === undefined ? 0 : part.round + 1;
      part = { topic, partition, batch: this.spare.pop() ?? new RecordBatch(), pendings: [], round };
      ofTopic[partition] = part;
      this.all.push(part);
    }
    if (part.pendings[part.pendings.length - 1] !== pending) {
      part.pendings.push(pending);
      pending.partsLeft += 1;
    }
    return part.batch;
  }

  /** One after the other, each with at most one batch of a partition. */
  rounds(): Part[][] {
    const rounds: Part[][] = [];
    for (const part of this.all) {
      rounds[part.round] ??= [];
      rounds[part.round]?.push(part);
    }
    return rounds;
  }
}

function contentOf(messages: readonly OutboundMessage[]): Content {
  let bytes = 0;
  let bytesMax = 0;
  for (const message of messages) {
    const size = outboundBytes(message);
    bytes += size;
    if (size > bytesMax) bytesMax = size;
  }
  return { count: messages.length, bytes, bytesMax, messages };
}

function contentOfBlock(block: MessageBlock): Content {
  const { bytes, ends } = block;
  const count = ends.length / 2;
  let bytesMax = 0;
  for (let i = 1, from = 0; i < ends.length; i += 2) {
    const to = ends[i] as number;
    if (to - from > bytesMax) bytesMax = to - from;
    from = to;
  }
  return {
    count,
    bytes: bytes.length + count * MESSAGE_OVERHEAD_BYTES,
    bytesMax: bytesMax + MESSAGE_OVERHEAD_BYTES,
    messages: block,
  };
}

const NO_HEADERS: Readonly<Record<string, string>> = Object.freeze({});

function headersOf(headers: Readonly<Record<string, string>>, traceparent: string | undefined) {
  return traceparent === undefined ? headers : { traceparent, ...headers };
}
