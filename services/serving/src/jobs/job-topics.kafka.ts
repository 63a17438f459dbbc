// Runs a batch job over Kafka: a consumer of the job's own group, and a transactional producer of the job's own id. The
// broker fences a second process that runs the same job: the first one's next transaction fails and it stops.

import { PlatformError } from '@millrace/domain';
import { KafkaConnection, TransactionalProducer } from '@millrace/kafka';
import { logger } from '@millrace/telemetry';
import type { Consumer, EachBatchPayload } from 'kafkajs';
import type { BatchJob, InMessage } from './batch-job.js';
import { JobPieces } from './job-pieces.js';

export interface JobTopicsSettings {
  kafkaBrokers: readonly string[];
  topicPrefix: string;
  replica: string;
  /** Messages of one transaction. */
  jobRowsMax: number;
}

const FETCH_WAIT_MS = 200;
/** A process that died holds its partitions this long. */
const SESSION_MS = 10_000;
const HEARTBEAT_MS = 2_000;
/** Between two looks whether a job has ended or was stopped. */
const WATCH_MS = 100;

export class JobTopics {
  private readonly log = logger('jobs');
  private connection: KafkaConnection | undefined;

  constructor(private readonly settings: JobTopicsSettings) {}

  /** Resolves when the job has ended; its state says how. Never rejects. */
  async run(job: BatchJob): Promise<void> {
    const { name, input, output } = job.request;
    // Topics of a job are the user's own: full names, without the platform's prefix.
    this.connection ??= new KafkaConnection({
      brokers: this.settings.kafkaBrokers,
      clientId: `serving-jobs-${this.settings.replica}`,
      topicPrefix: '',
    });
    const { connection } = this;
    const group = `${this.settings.topicPrefix}job-${name}`;
    const producer = new TransactionalProducer(connection, { transactionalId: group });
    let consumer: Consumer | undefined;
    try {
      await this.mustExist(connection, [input, output]);
      await producer.connect();
      await this.begin(connection, job, group, input);
      if (!job.ended) {
        const pieces = this.piecesOf(connection, producer, job, group);
        consumer = await this.consume(connection, pieces, job, group);
        while (!job.ended) await new Promise((resolve) => setTimeout(resolve, WATCH_MS));
      }
    } catch (thrown) {
      job.fail(PlatformError.from(thrown));
    }
    await consumer?.disconnect().catch((error) => this.log.warn('leaving the group failed', { job: name }, error));
    await producer.close();
    const { state, answered, refused, error } = job.view();
    this.log.info('job ended', { job: name, state, answered, refused, ...(error === '' ? {} : { error }) });
  }

  async close(): Promise<void> {
    await this.connection?.close();
  }

  private async mustExist(connection: KafkaConnection, topics: readonly string[]): Promise<void> {
    const known = new Set(await connection.withAdmin((admin) => admin.listTopics()));
    const missing = topics.filter((topic) => !known.has(topic));
    if (missing.length > 0) throw new PlatformError('not_found', `no topic ${missing.join(', ')}: create it first`);
  }

  private async begin(connection: KafkaConnection, job: BatchJob, group: string, input: string): Promise<void> {
    const ends = await connection.highWatermarks(input);
    const positions = await this.positions(connection, group, input);
    for (const [partition, { low }] of ends) positions.set(partition, Math.max(positions.get(partition) ?? 0, low));
    job.begin(new Map([...ends].map(([partition, { high }]) => [partition, high])), positions);
  }

  private piecesOf(
    connection: KafkaConnection,
    producer: TransactionalProducer,
    job: BatchJob,
    group: string,
  ): JobPieces {
    const { input, output } = job.request;
    return new JobPieces(job, {
      // Taking the id over again waits for the end of what it left behind.
      settle: () => producer.connect(),
      committed: async (partition) => (await this.positions(connection, group, input)).get(partition),
      write: (sends, partition, next) =>
        producer.transaction(async (tx) => {
          for (const answers of sends) {
            await tx.send(
              output,
              answers.map(({ key, value }) => ({ key, value })),
            );
          }
          await tx.commitOffset(group, input, partition, next);
        }),
    });
  }

  /** Committed by the group; partitions without are left out. */
  private async positions(connection: KafkaConnection, group: string, input: string): Promise<Map<number, number>> {
    const topics = await connection.withAdmin((admin) => admin.fetchOffsets({ groupId: group, topics: [input] }));
    const known = (topics[0]?.partitions ?? []).map(({ partition, offset }) => [partition, Number(offset)] as const);
    return new Map(known.filter(([, offset]) => offset >= 0));
  }

  private async consume(
    connection: KafkaConnection,
    pieces: JobPieces,
    job: BatchJob,
    group: string,
  ): Promise<Consumer> {
    const consumer = connection.kafka.consumer({
      groupId: group,
      sessionTimeout: SESSION_MS,
      heartbeatInterval: HEARTBEAT_MS,
      minBytes: 1,
      maxWaitTimeInMs: FETCH_WAIT_MS,
      maxBytesPerPartition: 1_048_576,
      allowAutoTopicCreation: false,
      retry: { initialRetryTime: 100, maxRetryTime: 1_000, retries: 30, restartOnFailure: async () => !job.ended },
    });
    consumer.on('consumer.crash', ({ payload }) => {
      if (!payload.restart) job.fail(new PlatformError('unavailable', payload.error.message));
    });
    // A transaction's end is a record too: where only such ones are left, no message tells that the end is reached.
    consumer.on('consumer.end_batch_process', ({ payload }) => {
      if (payload.batchSize === 0) job.written(payload.partition, Number(payload.lastOffset) + 1, []);
    });
    let tail: Promise<unknown> = Promise.resolve();
    await consumer.connect();
    await consumer.subscribe({ topics: [job.request.input], fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      eachBatch: async (payload) => {
        // A rebalance may bring a batch again while its first reading is still being answered: one after the other.
        const turn = tail.then(() => this.answer(pieces, job, payload));
        tail = turn.catch(() => undefined);
        await turn;
      },
    });
    return consumer;
  }

  private async answer(
    pieces: JobPieces,
    job: BatchJob,
    { batch, resolveOffset, heartbeat, isRunning, isStale }: EachBatchPayload,
  ): Promise<void> {
    const { partition } = batch;
    const { jobRowsMax } = this.settings;
    await pieces.recall(partition);
    // What is answered already is not answered again, whatever the group believes.
    const fresh = batch.messages.filter(({ offset }) => Number(offset) >= job.position(partition));
    // Rows may wait long for room; the group must not take that for a death.
    const beat = setInterval(() => void heartbeat().catch(() => undefined), HEARTBEAT_MS);
    try {
      for (let from = 0; from < fresh.length; from += jobRowsMax) {
        if (job.ended || !isRunning() || isStale()) return;
        const messages: InMessage[] = fresh
          .slice(from, from + jobRowsMax)
          .map(({ offset, key, value }) => ({ partition, offset: Number(offset), key, value }));
        const next = await pieces.piece(messages);
        if (next === undefined) return;
        resolveOffset(String(next - 1));
      }
      const end = Number(batch.lastOffset());
      resolveOffset(String(end));
      job.written(partition, end + 1, []);
    } finally {
      clearInterval(beat);
    }
  }
}
