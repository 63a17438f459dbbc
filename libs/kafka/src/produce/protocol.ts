// The requests of Kafka's protocol that are made without kafkajs, in versions that brokers from 2.1 to 4.x speak:
// Metadata 5, InitProducerId 1, Produce 7, ListOffsets 2, Fetch 4; Metadata 10, which tells ids of topics, from 2.8 on.
// Bytes as https://kafka.apache.org/protocol says.

import { PlatformError } from '@millrace/domain';

export const METADATA = { key: 3, version: 5 } as const;
export const INIT_PRODUCER_ID = { key: 22, version: 1 } as const;
export const PRODUCE = { key: 0, version: 7 } as const;

export const LIST_OFFSETS = { key: 2, version: 2 } as const;
export const TOPIC_IDS = { key: 3, version: 10 } as const;
export const FETCH = { key: 1, version: 4 } as const;

/** What the broker calls a request, and the version of it that is spoken. */
export interface RequestKind {
  readonly key: number;
  readonly version: number;
}

const FETCH_BYTES_MAX = 1_048_576;
const ACKS_ALL = -1;
/** The leader's time to have a batch on all replicas. */
const ACKS_MS = 10_000;

function textField(text: string): Buffer {
  const bytes = Buffer.from(text, 'utf8');
  const field = Buffer.allocUnsafe(2 + bytes.length);
  field.writeInt16BE(bytes.length, 0);
  bytes.copy(field, 2);
  return field;
}

export function int32(value: number): Buffer {
  const field = Buffer.allocUnsafe(4);
  field.writeInt32BE(value, 0);
  return field;
}

/** Size and header of a request whose body has `bodyBytes`. */
export function requestHead(kind: RequestKind, correlation: number, clientId: string, bodyBytes: number): Buffer {
  const client = textField(clientId);
  const head = Buffer.allocUnsafe(12 + client.length);
  head.writeInt32BE(8 + client.length + bodyBytes, 0);
  head.writeInt16BE(kind.key, 4);
  head.writeInt16BE(kind.version, 6);
  head.writeInt32BE(correlation, 8);
  client.copy(head, 12);
  return head;
}

/** Topics are not created by asking. */
export function metadataRequest(topics: readonly string[]): Buffer[] {
  return [int32(topics.length), ...topics.map(textField), Buffer.from([0])];
}

/** Of a name shorter than 127 bytes. A byte of 0 is an empty list of tagged fields, the first one the header's. */
export function topicIdRequest(topic: string): Buffer[] {
  const name = Buffer.from(topic, 'utf8');
  // One topic without an id, by name; nothing is created, and nothing of authorization is asked.
  return [Buffer.from([0, 2]), Buffer.alloc(16), Buffer.from([name.length + 1]), name, Buffer.from([0, 0, 0, 0, 0])];
}

/** Of an idempotent producer without transactions. */
export function initProducerIdRequest(): Buffer[] {
  return [Buffer.from([255, 255]), int32(0)];
}

export interface TopicBatches {
  readonly topic: string;
  readonly partitions: readonly { readonly partition: number; readonly bytes: Buffer }[];
}

export function produceRequest(topics: readonly TopicBatches[]): Buffer[] {
  const head = Buffer.allocUnsafe(12);
  head.writeInt16BE(-1, 0);
  head.writeInt16BE(ACKS_ALL, 2);
  head.writeInt32BE(ACKS_MS, 4);
  head.writeInt32BE(topics.length, 8);
  const parts: Buffer[] = [head];
  for (const { topic, partitions } of topics) {
    parts.push(textField(topic), int32(partitions.length));
    for (const { partition, bytes } of partitions) parts.push(int32(partition), int32(bytes.length), bytes);
  }
  return parts;
}

/**
 * Of a partition: the earliest message that there still is; the end of all that was written; or of what a reader of
 * committed messages gets to while a transaction is open.
 */
export type OffsetKind = 'earliest' | 'written' | 'stable';

const ISOLATION: Readonly<Record<OffsetKind, number>> = { earliest: 0, written: 0, stable: 1 };
const TIME: Readonly<Record<OffsetKind, bigint>> = { earliest: -2n, written: -1n, stable: -1n };

export function listOffsetsRequest(
  kind: OffsetKind,
  topics: readonly { topic: string; partitions: readonly number[] }[],
): Buffer[] {
  const parts: Buffer[] = [int32(-1), Buffer.from([ISOLATION[kind]]), int32(topics.length)];
  for (const { topic, partitions } of topics) {
    parts.push(textField(topic), int32(partitions.length));
    for (const partition of partitions) {
      const time = Buffer.allocUnsafe(8);
      time.writeBigInt64BE(TIME[kind]);
      parts.push(int32(partition), time);
    }
  }
  return parts;
}

/** Reads an answer; more than there is makes it `corrupt`. */
export class Answer {
  private at = 0;

  constructor(private readonly bytes: Buffer) {}

  private take(count: number): number {
    const from = this.at;
    this.at += count;
    if (this.at > this.bytes.length) throw new PlatformError('corrupt', 'an answer of the broker is cut off');
    return from;
  }

  int8 = (): number => this.bytes.readInt8(this.take(1));
  int16 = (): number => this.bytes.readInt16BE(this.take(2));
  int32 = (): number => this.bytes.readInt32BE(this.take(4));
  int64 = (): bigint => this.bytes.readBigInt64BE(this.take(8));

  skip(bytes: number): void {
    this.take(bytes);
  }

  text(): string {
    const length = this.int16();
    if (length < 0) return '';
    const from = this.take(length);
    return this.bytes.toString('utf8', from, from + length);
  }

  /** Of seven bits a byte, least first. */
  varint(): number {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.bytes.readUInt8(this.take(1));
      value += (byte & 127) * 2 ** shift;
      if (byte < 128) return value;
    }
  }

  /** As flexible versions write it. */
  compactText(): string {
    const length = Math.max(0, this.varint() - 1);
    const from = this.take(length);
    return this.bytes.toString('utf8', from, from + length);
  }

  tags(): void {
    for (let left = this.varint(); left > 0; left--) {
      this.varint();
      this.skip(this.varint());
    }
  }

  /** Preceded by their number; none where that is negative. */
  bytesOf(count: number): Buffer {
    const length = Math.max(0, count);
    const from = this.take(length);
    return this.bytes.subarray(from, from + length);
  }

  hex(bytes: number): string {
    const from = this.take(bytes);
    return this.bytes.toString('hex', from, from + bytes);
  }

  list<T>(item: () => T, count = this.int32()): T[] {
    const items: T[] = [];
    for (let i = 0; i < count; i++) items.push(item());
    return items;
  }
}

export interface Node {
  readonly host: string;
  readonly port: number;
}

export interface Metadata {
  readonly nodes: ReadonlyMap<number, Node>;
  /** Leaders by partition, -1 = none now; a topic that the broker does not know is not there. */
  readonly topics: ReadonlyMap<string, readonly number[]>;
}

export function readMetadata(bytes: Buffer): Metadata {
  const answer = new Answer(bytes);
  answer.skip(4); // throttle time
  const nodes = new Map<number, Node>();
  answer.list(() => {
    const id = answer.int32();
    nodes.set(id, { host: answer.text(), port: answer.int32() });
    answer.text(); // rack
  });
  answer.text(); // cluster
  answer.int32(); // controller
  const topics = new Map<string, readonly number[]>();
  answer.list(() => {
    const error = answer.int16();
    const name = answer.text();
    answer.skip(1); // internal
    const leaders: number[] = [];
    answer.list(() => {
      answer.int16(); // an error shows as a missing leader
      const partition = answer.int32();
      leaders[partition] = answer.int32();
      for (let list = 0; list < 3; list++) answer.list(answer.int32); // replicas, in sync, offline
    });
    if (error === 0 && leaders.length > 0)
      topics.set(
        name,
        Array.from(leaders, (leader) => leader ?? -1),
      );
  });
  return { nodes, topics };
}

/** Of the one topic that was asked for. */
export function readTopicId(bytes: Buffer): { error: number; id: string } {
  const answer = new Answer(bytes);
  answer.tags(); // of the header
  answer.skip(4); // throttle time
  answer.list(() => {
    answer.skip(4);
    answer.compactText();
    answer.skip(4);
    answer.compactText();
    answer.tags();
  }, answer.varint() - 1); // brokers
  answer.compactText(); // cluster
  answer.skip(4); // controller
  if (answer.varint() !== 2) throw new PlatformError('corrupt', 'the broker tells of another number of topics');
  const error = answer.int16();
  answer.compactText();
  return { error, id: answer.hex(16) };
}

export function readInitProducerId(bytes: Buffer): { error: number; id: bigint; epoch: number } {
  const answer = new Answer(bytes);
  answer.skip(4); // throttle time
  return { error: answer.int16(), id: answer.int64(), epoch: answer.int16() };
}

export interface Appended {
  readonly topic: string;
  readonly partition: number;
  readonly error: number;
}

export function readProduce(bytes: Buffer): Appended[] {
  const answer = new Answer(bytes);
  return answer
    .list(() => {
      const topic = answer.text();
      return answer.list((): Appended => {
        const partition = answer.int32();
        const error = answer.int16();
        answer.skip(24); // base offset, append time, start of the log
        return { topic, partition, error };
      });
    })
    .flat();
}

export interface ListedOffset {
  readonly topic: string;
  readonly partition: number;
  readonly error: number;
  readonly offset: number;
}

export function readListOffsets(bytes: Buffer): ListedOffset[] {
  const answer = new Answer(bytes);
  answer.skip(4); // throttle time
  return answer
    .list(() => {
      const topic = answer.text();
      return answer.list((): ListedOffset => {
        const partition = answer.int32();
        const error = answer.int16();
        answer.skip(8); // time
        return { topic, partition, error, offset: Number(answer.int64()) };
      });
    })
    .flat();
}

export interface Fetched {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  /** Of record batches; the first comes whole. */
  readonly bytesMax?: number;
}

/** What there is at once from this offset on: of all that was written, or of what readers of committed messages get. */
export function fetchRequest(
  kind: Exclude<OffsetKind, 'earliest'>,
  { topic, partition, offset, bytesMax = FETCH_BYTES_MAX }: Fetched,
): Buffer[] {
  const from = Buffer.allocUnsafe(8);
  from.writeBigInt64BE(BigInt(offset));
  return [
    ...[int32(-1), int32(0), int32(0), int32(bytesMax), Buffer.from([ISOLATION[kind]])], // replica, wait, least, most
    ...[int32(1), textField(topic), int32(1), int32(partition), from, int32(bytesMax)],
  ];
}

/** Record batches of the one partition; the last one may be cut off. */
export function readFetch(bytes: Buffer): { error: number; records: Buffer } {
  const answer = new Answer(bytes);
  answer.skip(4); // throttle time
  const partitions = answer.list(() => {
    answer.text();
    return answer.list(() => {
      answer.skip(4); // partition
      const error = answer.int16();
      answer.skip(16); // high watermark, last stable offset
      const aborted = answer.int32();
      answer.skip(16 * Math.max(0, aborted));
      return { error, records: answer.bytesOf(answer.int32()) };
    });
  });
  return partitions.flat()[0] ?? { error: -1, records: Buffer.alloc(0) };
}
