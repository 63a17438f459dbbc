// What a consumer is told when it is made.

import type { Clock } from '@millrace/domain';
import type { RetrySettings } from './batch-runner.js';
import type { KafkaConnection } from './connection.js';
import type { MessageProducer } from './producer.js';

/** Partitions by topic (without prefix). */
export type Assignment = Readonly<Record<string, readonly number[]>>;

export interface KafkaStrategySettings {
  connection: KafkaConnection;
  /** Consumer group; the topic prefix is put before it. */
  groupId: string;
  /** Name in dead letters. */
  service: string;
  /** Topic in metrics, where one process reads a topic twice; default: the topic. */
  metricsAs?: string;
  /** For dead letters; default: one of its own. */
  producer?: MessageProducer;
  /** Where a group without committed positions starts; default true. */
  fromBeginning?: boolean;
  /** Partitions handled at the same time; default 4. */
  concurrency?: number;
  /** Messages per handler call; default 1,000. */
  batchMessagesMax?: number;
  /**
   * The broker answers a fetch with this many bytes or after this wait. Default 32 KiB and 100 ms: under load few large
   * batches. 1 byte (default wait then 500 ms) for topics where each message matters at once: few polls while idle.
   */
  fetchBytesMin?: number;
  fetchWaitMs?: number;
  /** Bytes per partition and fetch; default 1 MiB. */
  fetchBytesMaxPerPartition?: number;
  /** A member that is silent this long is taken for dead; default 10,000. At least three heartbeats. */
  memberTimeoutMs?: number;
  /**
   * 'by topic' (default): partitions of each topic by turns. 'by number': a number of every topic goes to one member,
   * and stays with it as far as the balance allows. 'one holder': one member has everything while it lives, the others
   * stand by.
   */
  sharing?: 'by topic' | 'by number' | 'one holder';
  retry?: Partial<RetrySettings>;
  /**
   * Start position of a partition each time it is assigned, instead of the committed one; undefined = the committed
   * one. "earliest" = the beginning.
   */
  seekTo?: (
    topic: string,
    partition: number,
  ) => Promise<number | 'earliest' | undefined> | number | 'earliest' | undefined;
  /** Called with the whole assignment after each rebalance, before any of its messages is handled. */
  onAssigned?: (assignment: Assignment) => Promise<void> | void;
  /** The consumer joins its group only when this has resolved: the state that its handlers work on is read. */
  startWhen?: () => Promise<void>;
  /**
   * True: the application does not wait until the consumer has joined, and goes on without a broker as long as it
   * takes. Default false: it is ready only with its consumer.
   */
  inBackground?: boolean;
  /**
   * Nest hands over only handlers with this mark, where one application has several consumers. Default: one for all.
   */
  transportId?: symbol;
  /** Called when the consumer cannot go on; default: log and exit code 1. */
  onCrash?: (error: Error) => void;
  clock?: Clock;
}
