// Appends batches to partitions' logs as an idempotent producer: finds leaders, takes a producer id, numbers what it
// sends, and sends it again until the broker has it, refuses it, or nobody waits for it any more. One batch of a
// partition at a time, so order is kept and a repeated batch is recognised by its number.
//
// A batch that may have been written is never given up with its number free for the next one (the broker would take
// that for a duplicate and drop it): then the producer id goes, and the next batch is numbered anew.

import { type Clock, PlatformError } from '@millrace/domain';
import { logger } from '@millrace/telemetry';
import { backoffMs } from '../error-actions.js';
import { appendAnswer, refusal } from './append-errors.js';
import { BrokerSocket } from './broker-socket.js';
import {
  INIT_PRODUCER_ID,
  initProducerIdRequest,
  METADATA,
  type Metadata,
  metadataRequest,
  type Node,
  PRODUCE,
  produceRequest,
  readInitProducerId,
  readMetadata,
  readProduce,
  type TopicBatches,
} from './protocol.js';
import type { ProducerIdentity, RecordBatch } from './record-batch.js';

const RETRY_MS = 50;
const RETRY_MS_MAX = 1_000;
/** Leaders are asked for anew, for partitions may have been added. */
const METADATA_AGE_MS = 300_000;
/** Told from then on, for leaders move, and every so many tries, about half a minute. */
const WARN_FROM = 3;
const WARN_EVERY = 30;
const SEQUENCES = 2 ** 31;

/** One partition's part of what is sent together. */
export interface PartitionBatch {
  /** The broker's name of it. */
  readonly topic: string;
  readonly partition: number;
  readonly batch: RecordBatch;
  /** Nobody waits for it any more. */
  isAbandoned(): boolean;
  /** Once: all replicas have it. */
  done(): void;
  /** Once, instead: the broker will never take it, or it was given up. */
  failed(error: PlatformError): void;
}

interface Identity extends ProducerIdentity {
  /** By "topic/partition". */
  readonly next: Map<string, number>;
}

interface Attempt {
  readonly part: PartitionBatch;
  readonly key: string;
  /** Whose number it carries; undefined = it was never sent. */
  identity: Identity | undefined;
  sequence: number;
  bytes: Buffer | undefined;
}

export interface LogWriterSettings {
  brokers: readonly string[];
  clientId: string;
  clock: Clock;
  connected(is: boolean): void;
}

export class LogWriter {
  private readonly log = logger('kafka-producer');
  private readonly bootstrap: readonly Node[];
  private readonly sockets = new Map<string, Promise<BrokerSocket>>();
  private readonly topics = new Set<string>();
  private metadata: Metadata | undefined;
  private metadataAtMs = 0;
  private identity: Identity | undefined;
  private closed = false;

  constructor(private readonly settings: LogWriterSettings) {
    this.bootstrap = settings.brokers.map((broker) => {
      const colon = broker.lastIndexOf(':');
      return { host: broker.slice(0, colon), port: Number(broker.slice(colon + 1)) };
    });
  }

  /** Resolves when a broker has answered; rejects only when this is closed. */
  async open(): Promise<void> {
    for (let tries = 1; ; tries++) {
      try {
        await this.ready();
        return;
      } catch (error) {
        await this.wait(tries, PlatformError.from(error));
      }
    }
  }

  /**
   * How many partitions each topic has; a topic that the broker does not know (yet) is not there. Rejects with
   * `unavailable` when no broker answers now.
   */
  async partitions(topics: Iterable<string>): Promise<ReadonlyMap<string, number>> {
    let isNew = false;
    for (const topic of topics) {
      isNew ||= !this.topics.has(topic);
      this.topics.add(topic);
    }
    const known = this.metadata;
    const old = this.settings.clock.monotonicMs() - this.metadataAtMs > METADATA_AGE_MS;
    const lacks = known === undefined || isNew || old || [...topics].some((topic) => !known.topics.has(topic));
    const { topics: found } = lacks ? await this.refresh() : (known as Metadata);
    return new Map([...found].map(([topic, leaders]) => [topic, leaders.length]));
  }

  /** Resolves when each part is done or failed. */
  async append(parts: readonly PartitionBatch[]): Promise<void> {
    let open = parts.map((part): Attempt => {
      const key = `${part.topic}/${part.partition}`;
      return { part, key, identity: undefined, sequence: 0, bytes: undefined };
    });
    for (let tries = 1; open.length > 0; tries++) {
      let failure = new PlatformError('unavailable', 'a partition has no leader that is known');
      try {
        const { metadata, identity } = await this.ready();
        const results = await Promise.all(
          [...this.byLeader(open, metadata)].map(([node, attempts]) => this.produce(node, attempts, identity)),
        );
        open = results.flatMap(({ left }) => left);
        failure = results.find(({ error }) => error !== undefined)?.error ?? failure;
      } catch (error) {
        failure = PlatformError.from(error);
      }
      open = open.filter((attempt) => !this.isOver(attempt));
      if (open.length > 0) await this.wait(tries, failure).catch(() => undefined);
    }
  }

  close(): void {
    this.closed = true;
    this.dropSockets();
  }

  /** Gives up what nobody waits for. */
  private isOver({ part, identity }: Attempt): boolean {
    if (!this.closed && !part.isAbandoned()) return false;
    // It may be in the log under that number.
    if (identity !== undefined && identity === this.identity) this.identity = undefined;
    part.failed(new PlatformError('unavailable', this.closed ? 'the producer is closed' : 'given up'));
    return true;
  }

  /** What has no leader now is with the node that says so: none. */
  private byLeader(open: readonly Attempt[], { nodes, topics }: Metadata): Map<Node | undefined, Attempt[]> {
    const groups = new Map<Node | undefined, Attempt[]>();
    for (const attempt of open) {
      const { topic, partition } = attempt.part;
      const node = nodes.get(topics.get(topic)?.[partition] ?? -1);
      const group = groups.get(node);
      if (group === undefined) groups.set(node, [attempt]);
      else group.push(attempt);
    }
    return groups;
  }

  /** What is still to be sent, and why. */
  private async produce(
    node: Node | undefined,
    attempts: readonly Attempt[],
    identity: Identity,
  ): Promise<{ left: Attempt[]; error?: PlatformError }> {
    if (node === undefined) {
      this.metadata = undefined;
      return { left: [...attempts] };
    }
    try {
      const socket = await this.socket(node);
      const nowMs = this.settings.clock.nowMs();
      for (const attempt of attempts) this.number(attempt, identity, nowMs);
      const answers = readProduce(await socket.request(PRODUCE, produceRequest(topicsOf(attempts))));
      this.settings.connected(true);
      const errors = new Map(answers.map(({ topic, partition, error }) => [`${topic}/${partition}`, error]));
      return { left: attempts.filter((attempt) => !this.settle(attempt, identity, errors.get(attempt.key))) };
    } catch (thrown) {
      const error = PlatformError.from(thrown);
      this.settings.connected(false);
      this.metadata = undefined;
      return { left: [...attempts], error };
    }
  }

  private number(attempt: Attempt, identity: Identity, nowMs: number): void {
    if (attempt.identity === identity) return;
    attempt.identity = identity;
    attempt.sequence = identity.next.get(attempt.key) ?? 0;
    attempt.bytes = attempt.part.batch.seal(identity, attempt.sequence, nowMs);
  }

  /** False: it is to be sent again. */
  private settle(attempt: Attempt, identity: Identity, error: number | undefined): boolean {
    const { part, key, sequence } = attempt;
    const answer = error === undefined ? 'again' : appendAnswer(error);
    switch (answer) {
      case 'done':
        identity.next.set(key, (sequence + part.batch.count) % SEQUENCES);
        part.done();
        return true;
      case 'refused': {
        const refused = refusal(error as number);
        this.log.error('batch given up', { messages: part.batch.count, partition: key }, refused);
        part.failed(refused);
        return true;
      }
      case 'unknown':
        this.log.warn('sending again with a new producer', { error: error as number, partition: key });
        if (this.identity === identity) this.identity = undefined;
        return false;
      default:
        if (answer === 'moved') this.metadata = undefined;
        return false;
    }
  }

  private async ready(): Promise<{ metadata: Metadata; identity: Identity }> {
    const metadata = this.metadata ?? (await this.refresh());
    this.identity ??= await this.newIdentity();
    return { metadata, identity: this.identity };
  }

  private async refresh(): Promise<Metadata> {
    const asked = [...this.topics];
    const bytes = await this.askAny((socket) => socket.request(METADATA, metadataRequest(asked)));
    this.metadata = readMetadata(bytes);
    this.metadataAtMs = this.settings.clock.monotonicMs();
    return this.metadata;
  }

  private async newIdentity(): Promise<Identity> {
    const bytes = await this.askAny((socket) => socket.request(INIT_PRODUCER_ID, initProducerIdRequest()));
    const { error, id, epoch } = readInitProducerId(bytes);
    if (error !== 0) throw new PlatformError('unavailable', `Kafka gives no producer id: error ${error}`);
    return { id, epoch, next: new Map() };
  }

  /** The first node that answers: known ones, then those of the settings. */
  private async askAny(ask: (socket: BrokerSocket) => Promise<Buffer>): Promise<Buffer> {
    let failure = new PlatformError('unavailable', 'no broker is known');
    for (const node of [...(this.metadata?.nodes.values() ?? []), ...this.bootstrap]) {
      try {
        const answer = await ask(await this.socket(node));
        this.settings.connected(true);
        return answer;
      } catch (error) {
        failure = PlatformError.from(error);
      }
    }
    this.settings.connected(false);
    throw failure;
  }

  private async socket(node: Node): Promise<BrokerSocket> {
    if (this.closed) throw new PlatformError('unavailable', 'the producer is closed');
    const key = `${node.host}:${node.port}`;
    const known = await this.sockets.get(key)?.catch(() => undefined);
    if (known?.isOpen === true) return known;
    const { clientId, clock } = this.settings;
    const opening = BrokerSocket.open(node, clientId, clock);
    this.sockets.set(key, opening);
    const socket = await opening;
    if (this.closed) this.dropSockets();
    return socket;
  }

  private dropSockets(): void {
    for (const socket of this.sockets.values())
      socket.then(
        (open) => open.close(),
        () => undefined,
      );
    this.sockets.clear();
  }

  private async wait(tries: number, error: PlatformError): Promise<void> {
    if (this.closed) throw error;
    if (tries % WARN_EVERY === WARN_FROM)
      this.log.warn('Kafka does not take messages now', { error: error.reason, tries });
    await new Promise((resolve) => setTimeout(resolve, backoffMs(tries, RETRY_MS, RETRY_MS_MAX)));
    if (this.closed) throw error;
  }
}

function topicsOf(attempts: readonly Attempt[]): TopicBatches[] {
  const topics = new Map<string, { partition: number; bytes: Buffer }[]>();
  for (const { part, bytes } of attempts) {
    const partitions = topics.get(part.topic) ?? [];
    partitions.push({ partition: part.partition, bytes: bytes as Buffer });
    topics.set(part.topic, partitions);
  }
  return [...topics].map(([topic, partitions]) => ({ topic, partitions }));
}
