// Writes of a state's single owner. The transactional id names the state (for example "routes-2" for partition 2 of
// commands.v1); the broker itself fences a predecessor: its next transaction fails with `conflict`, and it must stop.

import { PlatformError } from '@millrace/domain';
import { logger } from '@millrace/telemetry';
import type { Producer } from 'kafkajs';
import type { KafkaConnection } from './connection.js';
import { asBuffer, type OutboundMessage } from './message.js';
import { keyPartitioner } from './partitioner.js';
import { REFUSALS } from './produce/append-errors.js';

export interface TransactionalSettings {
  transactionalId: string;
  /** The broker aborts an unfinished transaction after this; default 15,000. */
  timeoutMs?: number;
  /**
   * What follows a transaction of which it is not known whether it was committed. true (default): the next one takes
   * the id over anew; for an owner that has looked away for a while that fences its successor, which it does not know
   * of. false: none follows, `isUsable` is false, and who owns the id must be found out first.
   */
  renews?: boolean;
}

export interface Transaction {
  /** `compressed`: by gzip, for large texts. */
  send(topic: string, messages: readonly OutboundMessage[], options?: { compressed?: boolean }): Promise<void>;
  /** Commits a group's next offset together with the messages; call it after a `send`. */
  commitOffset(groupId: string, topic: string, partition: number, nextOffset: number): Promise<void>;
}

/** Kafka's numbers; kafkajs does not export them by name. */
const NO_COMPRESSION = 0;
const GZIP = 1;

const FENCED = new Set(['INVALID_PRODUCER_EPOCH', 'PRODUCER_FENCED', 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED']);

export class TransactionalProducer {
  private readonly log = logger('kafka-transactions');
  private producer: Promise<Producer> | undefined;
  private fenced: PlatformError | undefined;
  private isBroken = false;
  private turn: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly connection: KafkaConnection,
    private readonly settings: TransactionalSettings,
  ) {}

  /** False once it was fenced, or broke and does not renew itself. */
  get isUsable(): boolean {
    return this.fenced === undefined && !this.isBroken;
  }

  /** Takes the transactional id over: whoever held it before is fenced from here on. */
  async connect(): Promise<void> {
    // kafkajs asks for the id's next epoch, which is what fences, with the first transaction.
    await this.transaction(async () => undefined);
    // A coordinator that was loading then has said since how the one before ended.
    await this.connection.endHangingOf(`${this.connection.topicPrefix}${this.settings.transactionalId}`);
  }

  /** One transaction with these messages. */
  send(topic: string, messages: readonly OutboundMessage[]): Promise<void> {
    return this.transaction((tx) => tx.send(topic, messages));
  }

  /**
   * Runs `work` in a transaction, one at a time: committed when it resolves, aborted when it rejects. Rejects with
   * `conflict` once another producer has taken the id, with `unavailable` when the broker cannot be reached (whether it
   * was committed is then unknown), with `invalid_argument` when the broker says never (nothing was written).
   */
  transaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
    const run = this.turn.then(() => this.runTransaction(work));
    this.turn = run.catch(() => undefined); // the caller has it
    return run;
  }

  private async runTransaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
    if (this.fenced !== undefined) throw this.fenced;
    if (this.isBroken)
      throw new PlatformError(
        'unavailable',
        `transactional id ${this.settings.transactionalId} must be taken over again`,
      );
    const producer = await this.connectedProducer();
    try {
      const transaction = await producer.transaction();
      try {
        const result = await work({
          send: async (topic, messages, { compressed = false } = {}) => {
            await transaction.send({
              topic: this.connection.topicName(topic),
              acks: -1,
              compression: compressed ? GZIP : NO_COMPRESSION,
              messages: messages.map((message) => ({
                key: typeof message.key === 'string' ? message.key : asBuffer(message.key),
                value: message.value === null ? null : asBuffer(message.value),
                ...(message.partition === undefined ? {} : { partition: message.partition }),
                ...(message.headers === undefined ? {} : { headers: { ...message.headers } }),
              })),
            });
          },
          commitOffset: (groupId, topic, partition, nextOffset) =>
            transaction.sendOffsets({
              consumerGroupId: groupId,
              topics: [
                { topic: this.connection.topicName(topic), partitions: [{ partition, offset: String(nextOffset) }] },
              ],
            }),
        });
        await transaction.commit();
        return result;
      } catch (error) {
        if (transaction.isActive()) await transaction.abort().catch(() => undefined); // the first error is the one to tell
        throw error;
      }
    } catch (error) {
      throw this.failed(error);
    }
  }

  private failed(thrown: unknown): PlatformError {
    if (FENCED.has(brokerErrorType(thrown))) {
      this.fenced = new PlatformError('conflict', `transactional id ${this.settings.transactionalId} was taken over`, {
        retry: 'never',
        facts: { transactionalId: this.settings.transactionalId },
        cause: thrown,
      });
      this.log.error('fenced', {}, this.fenced);
      return this.fenced;
    }
    if (thrown instanceof PlatformError) return thrown;
    // The state of the transaction is unknown: the next one starts with a fresh epoch.
    const broken = this.producer;
    this.producer = undefined;
    this.isBroken = this.settings.renews === false;
    broken?.then((producer) => producer.disconnect()).catch(() => undefined); // it is given up
    if (REFUSALS.has(brokerErrorType(thrown)))
      return new PlatformError('invalid_argument', `Kafka refused it: ${(thrown as Error).message}`, { cause: thrown });
    return new PlatformError('unavailable', `transaction failed: ${(thrown as Error).message}`, { cause: thrown });
  }

  private connectedProducer(): Promise<Producer> {
    if (this.producer === undefined) {
      const connecting = (async () => {
        // What it left open in topics that nobody of ours reads, such as a job's, would hold up their readers for ever.
        const transactionalId = `${this.connection.topicPrefix}${this.settings.transactionalId}`;
        await this.connection.endHangingOf(transactionalId);
        const producer = this.connection.kafka.producer({
          transactionalId,
          idempotent: true,
          maxInFlightRequests: 1,
          allowAutoTopicCreation: false,
          transactionTimeout: this.settings.timeoutMs ?? 15_000,
          createPartitioner: keyPartitioner,
          // 10 ms: right after a commit Kafka 4 answers CONCURRENT_TRANSACTIONS for a moment.
          retry: { initialRetryTime: 10, maxRetryTime: 500, retries: 12 },
        });
        await producer.connect();
        return producer;
      })();
      this.producer = connecting;
      connecting.catch(() => {
        if (this.producer === connecting) this.producer = undefined;
      });
      return connecting.catch((error) => {
        throw new PlatformError('unavailable', `Kafka: ${(error as Error).message}`, { cause: error });
      });
    }
    return this.producer;
  }

  async close(): Promise<void> {
    await this.turn;
    const producer = await this.producer?.catch(() => undefined);
    this.producer = undefined;
    await producer?.disconnect().catch(() => undefined); // ending anyway
  }
}

/** The broker's error name ("UNKNOWN_PRODUCER_ID") from kafkajs' nested errors; "" where there is none. */
function brokerErrorType(thrown: unknown): string {
  for (let error = thrown as { type?: string; cause?: unknown } | undefined, depth = 0; error && depth < 6; depth++) {
    if (typeof error.type === 'string') return error.type;
    error = error.cause as { type?: string; cause?: unknown } | undefined;
  }
  return '';
}
