// The producer of every service: idempotent, acks of all replicas, one request in flight. Messages are gathered for a
// few milliseconds and sent together. The queue is bounded (full = `overloaded`), every send has a deadline. A batch in
// flight is never abandoned with its sequence numbers free for the next one: the broker would take that for a duplicate
// and drop it. kafkajs retries by itself; when it gives up, a new producer id sends the batch again (then it may stand
// twice). A caller whose deadline passes is told; its messages may still arrive (at-least-once).

import { TOPICS } from '@millrace/contracts';
import { type Clock, PlatformError, systemClock } from '@millrace/domain';
import { activeTraceparent, type BoundCounter, counter, gauge, logger, sampledTraceId } from '@millrace/telemetry';
import { CompressionTypes, type Message, type Producer, type TopicMessages } from 'kafkajs';
import type { KafkaConnection } from './connection.js';
import { asBuffer, type OutboundMessage, outboundBytes } from './message.js';
import { keyPartitioner } from './partitioner.js';

export interface ProducerSettings {
  /** Gathering time before a batch leaves; default 3. */
  lingerMs?: number;
  /** Messages waiting or in flight; more are refused with `overloaded`. Default 20,000. */
  queueMessagesMax?: number;
  /** Bytes waiting or in flight. Default 64 MiB. */
  queueBytesMax?: number;
  /** Messages per request; default 2,000. */
  batchMessagesMax?: number;
  /** A send's time to be acknowledged; default 15,000. */
  deadlineMs?: number;
  /** Default none; gzip helps columnar batches. */
  compression?: 'gzip' | 'none';
  /** Name in metrics when a service has several producers; default "main". */
  name?: string;
  clock?: Clock;
}

interface Pending {
  readonly topic: string;
  readonly messages: Message[];
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
/** The broker's answer "never": the batch was not written and will not be. Anything else may have been written. */
export const REFUSALS: ReadonlySet<string> = new Set([
  'CORRUPT_MESSAGE',
  'INVALID_TOPIC_EXCEPTION',
  'MESSAGE_TOO_LARGE',
  'RECORD_LIST_TOO_LARGE',
  'INVALID_TIMESTAMP',
  'INVALID_RECORD',
  'POLICY_VIOLATION',
  'TOPIC_AUTHORIZATION_FAILED',
  'CLUSTER_AUTHORIZATION_FAILED',
  'UNSUPPORTED_COMPRESSION_TYPE',
]);
/** Between attempts with a new producer. */
const RESEND_MS = 200;

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
  private producer: Promise<Producer> | undefined;
  private lingering: NodeJS.Timeout | undefined;
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
      compression: 'none',
      name: 'main',
      clock: systemClock,
      ...settings,
    };
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
    await this.connectedProducer();
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
    if (messages.length === 0) return;
    await new Promise<void>((resolve, reject) => {
      const refused = this.enqueue(topic, messages, settings.deadlineMs ?? this.settings.deadlineMs, resolve, reject);
      if (refused !== undefined) reject(refused);
    });
  }

  /** Fire and forget: false when the queue is full and the message was not taken; later failures are only counted. */
  offer(topic: string, message: OutboundMessage): boolean {
    const ignore = () => undefined; // counted in settle
    return this.enqueue(topic, [message], this.settings.deadlineMs, ignore, ignore) === undefined;
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
    if (this.connected) await (await this.producer)?.disconnect().catch(() => undefined); // ending anyway
    this.connected = false;
  }

  private enqueue(
    topic: string,
    messages: readonly OutboundMessage[],
    deadlineMs: number,
    resolve: () => void,
    reject: (error: PlatformError) => void,
  ): PlatformError | undefined {
    if (this.closed) return new PlatformError('unavailable', 'the producer is closed');
    const bytesMax = BYTES_MAX_BY_TOPIC.get(topic) ?? MESSAGE_BYTES_MAX;
    let bytes = 0;
    for (const message of messages) {
      const size = outboundBytes(message);
      if (size > bytesMax)
        return new PlatformError('invalid_argument', `message of ${size} bytes for ${topic}, which takes ${bytesMax}`, {
          facts: { topic, bytes: size, bytesMax },
        });
      bytes += size;
    }
    const { queueMessagesMax, queueBytesMax } = this.settings;
    // An empty queue takes any one call, so that a large one is not refused for ever.
    if (
      this.queuedMessages > 0 &&
      (this.queuedMessages + messages.length > queueMessagesMax || this.queuedBytes + bytes > queueBytesMax)
    ) {
      failures.add(messages.length, { topic, code: 'overloaded' });
      return new PlatformError('overloaded', `${this.queuedMessages} messages wait for Kafka`, {
        facts: { topic, queueMessagesMax },
      });
    }
    const traceparent = sampledTraceId() === '' ? undefined : activeTraceparent();
    this.queue.push({
      topic,
      messages: messages.map((message) => ({
        key: typeof message.key === 'string' ? message.key : asBuffer(message.key),
        value: message.value === null ? null : asBuffer(message.value),
        ...(message.partition === undefined ? {} : { partition: message.partition }),
        headers: traceparent === undefined ? message.headers : { traceparent, ...message.headers },
      })) as Message[],
      bytes,
      deadlineAtMs: this.settings.clock.monotonicMs() + deadlineMs,
      settled: false,
      resolve,
      reject,
    });
    this.queuedMessages += messages.length;
    this.queuedBytes += bytes;
    if (this.flushing === undefined) {
      if (this.queuedMessages >= this.settings.batchMessagesMax) this.startFlush();
      else this.lingering ??= setTimeout(() => this.startFlush(), this.settings.lingerMs);
    }
    return undefined;
  }

  private settle(pending: Pending, error?: PlatformError): void {
    if (pending.settled) return;
    pending.settled = true;
    this.queuedMessages -= pending.messages.length;
    this.queuedBytes -= pending.bytes;
    if (error === undefined) {
      let cell = this.producedByTopic.get(pending.topic);
      if (cell === undefined) {
        cell = produced.bind({ topic: pending.topic });
        this.producedByTopic.set(pending.topic, cell);
      }
      cell.add(pending.messages.length);
      pending.resolve();
    } else {
      failures.add(pending.messages.length, { topic: pending.topic, code: error.code });
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
      facts: { topic: pending.topic, messages: pending.messages.length, connected: this.connected },
    });
  }

  private startFlush(): void {
    clearTimeout(this.lingering);
    this.lingering = undefined;
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
      try {
        await this.sendBatch(batch);
        for (const pending of batch) this.settle(pending);
      } catch (error) {
        const failed = new PlatformError('unavailable', `Kafka refused a batch: ${(error as Error).message}`, {
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
      messages += pending.messages.length;
      bytes += pending.bytes;
      if (count > 0 && (messages > this.settings.batchMessagesMax || bytes > BATCH_BYTES_MAX)) break;
      count++;
    }
    return this.queue.splice(0, count);
  }

  private async sendBatch(batch: readonly Pending[]): Promise<void> {
    const byTopic = new Map<string, Message[]>();
    for (const pending of batch) {
      const messages = byTopic.get(pending.topic);
      if (messages === undefined) byTopic.set(pending.topic, [...pending.messages]);
      else messages.push(...pending.messages);
    }
    const topicMessages: TopicMessages[] = [...byTopic].map(([topic, messages]) => ({
      topic: this.connection.topicName(topic),
      messages,
    }));
    for (;;) {
      const producer = await this.connectedProducer();
      try {
        await producer.sendBatch({
          topicMessages,
          acks: -1,
          compression: this.settings.compression === 'gzip' ? CompressionTypes.GZIP : CompressionTypes.None,
        });
        this.connected = true;
        return;
      } catch (error) {
        const type = brokerErrorType(error);
        if (REFUSALS.has(type) || this.closed || batch.every((pending) => pending.settled)) throw error;
        // Whether the batch was written is unknown: a new producer id, or its numbers would be used for other messages.
        this.log.warn('sending again with a new producer', { type, error: (error as Error).message });
        this.producer = undefined;
        this.connected = false;
        producer.disconnect().catch(() => undefined); // a new one takes over
        await new Promise((resolve) => setTimeout(resolve, RESEND_MS));
      }
    }
  }

  private connectedProducer(): Promise<Producer> {
    this.producer ??= this.connectForEver();
    return this.producer;
  }

  /** Ends only when connected, or with `unavailable` when this producer is closed meanwhile. */
  private async connectForEver(): Promise<Producer> {
    while (!this.closed) {
      const producer = this.connection.kafka.producer({
        idempotent: true,
        maxInFlightRequests: 1,
        allowAutoTopicCreation: false,
        createPartitioner: keyPartitioner,
        retry: { initialRetryTime: 50, maxRetryTime: 1000, retries: Number.MAX_SAFE_INTEGER },
      });
      producer.on('producer.connect', () => {
        this.connected = true;
      });
      producer.on('producer.disconnect', () => {
        this.connected = false;
      });
      try {
        await producer.connect();
        return producer;
      } catch (error) {
        this.log.warn('no broker yet', { error: (error as Error).message });
        await producer.disconnect().catch(() => undefined); // never was connected
      }
    }
    throw new PlatformError('unavailable', 'the producer is closed');
  }
}

/** The broker's error name ("UNKNOWN_PRODUCER_ID") from kafkajs' nested errors; "" where there is none. */
export function brokerErrorType(thrown: unknown): string {
  for (let error = thrown as { type?: string; cause?: unknown } | undefined, depth = 0; error && depth < 6; depth++) {
    if (typeof error.type === 'string') return error.type;
    error = error.cause as { type?: string; cause?: unknown } | undefined;
  }
  return '';
}
