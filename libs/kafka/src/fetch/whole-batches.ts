// Has kafkajs hand over record batches of some topics whole: for it each is one message, of the last offset in it,
// which is all that it needs to know where it stands. It has no setting for that, so the decoder of its fetch answers
// is replaced; its version is fixed in package.json, and clients of topics that nobody asked for get what they always
// got. Which transactions were aborted it still finds by producer and offset: a batch is of one transaction.

import { createRequire } from 'node:module';
import { assert } from '@millrace/domain';
import type { KafkaMessage } from 'kafkajs';
import type { InboundMessage } from '../message.js';
import { batchHead, FetchedBatch, HEAD_BYTES, MAGIC, MAGIC_AT } from './fetched-batch.js';

/** Of kafkajs: what is used of its decoder. */
interface Decoder {
  offset: number;
  readInt16(): number;
  readInt32(): number;
  readInt64(): { toString(): string };
  readString(): string;
  readBytes(bytes?: number): Buffer | null;
  canReadBytes(bytes: number): boolean;
  readArray<T>(item: (decoder: Decoder) => T): T[];
  readArrayAsync<T>(item: (decoder: Decoder) => Promise<T>): Promise<T[]>;
}

interface Codec {
  decompress(bytes: Buffer): Promise<Buffer>;
}

const require = createRequire(import.meta.url);
const PROTOCOL = 'kafkajs/src/protocol';
const DecoderOf = require(`${PROTOCOL}/decoder`) as new (bytes: Buffer) => Decoder;
const decodeMessages = require(`${PROTOCOL}/requests/fetch/v4/decodeMessages`) as (
  decoder: Decoder,
) => Promise<unknown>;
const { lookupCodec } = require(`${PROTOCOL}/message/compression`) as { lookupCodec(type: number): Codec | null };
/** Of Fetch 11, which every broker from 2.3 on speaks, and kafkajs nothing later. */
const response = require(`${PROTOCOL}/requests/fetch/v11/response`) as { decode(bytes: Buffer): Promise<unknown> };

const whole = new Set<string>();

/** What kafkajs takes for a message, and is a batch of them. */
class BatchAsMessage {
  readonly offset: string;
  readonly isControlRecord: boolean;
  readonly batchContext: { producerId: string; inTransaction: boolean };

  constructor(
    readonly batch: FetchedBatch,
    /** Of a control batch: what it says. */
    readonly key: Buffer | null,
  ) {
    const { lastOffset, isControl, isTransactional, producerId } = batch.head;
    this.offset = String(lastOffset);
    this.isControlRecord = isControl;
    this.batchContext = { producerId: String(producerId), inTransaction: isTransactional };
  }
}

/** From here on, in this process. `topic`: as the broker names it. */
export function fetchWhole(topic: string): void {
  whole.add(topic);
}

/** undefined: it is one message. */
export function batchOf(message: KafkaMessage): FetchedBatch | undefined {
  return message instanceof BatchAsMessage ? message.batch : undefined;
}

/** The record batches of a partition; the last one may be cut off, and is fetched again. */
export async function wholeBatches(records: Buffer): Promise<BatchAsMessage[]> {
  const batches: BatchAsMessage[] = [];
  for (let from = 0; from + HEAD_BYTES <= records.length; ) {
    const end = from + 12 + records.readInt32BE(from + 8);
    if (end > records.length) break;
    assert(records[from + MAGIC_AT] === MAGIC, 'one answer has record batches of one format');
    const bytes = records.subarray(from, end);
    const head = batchHead(bytes);
    const plain = bytes.subarray(HEAD_BYTES);
    const codec = head.compression === 0 ? null : lookupCodec(head.compression);
    const batch = new FetchedBatch(head, codec === null ? plain : await codec.decompress(plain));
    batches.push(new BatchAsMessage(batch, head.isControl ? controlKey(head, plain) : null));
    from = end;
  }
  return batches;
}

function controlKey(head: FetchedBatch['head'], records: Buffer): Buffer | null {
  const messages: InboundMessage[] = [];
  new FetchedBatch(head, records).take('', 0, head.baseOffset, 1, messages);
  return messages[0]?.key ?? null;
}

async function decodePartition(decoder: Decoder, topic: string) {
  const partition = decoder.readInt32();
  const errorCode = decoder.readInt16();
  const highWatermark = decoder.readInt64().toString();
  const lastStableOffset = decoder.readInt64().toString();
  const lastStartOffset = decoder.readInt64().toString();
  const abortedTransactions = decoder.readArray((aborted) => ({
    producerId: aborted.readInt64().toString(),
    firstOffset: aborted.readInt64().toString(),
  }));
  const preferredReadReplica = decoder.readInt32();
  const messages = await partitionMessages(decoder, topic);
  return {
    ...{ partition, errorCode, highWatermark, lastStableOffset, lastStartOffset },
    ...{ abortedTransactions, preferredReadReplica, messages },
  };
}

async function partitionMessages(decoder: Decoder, topic: string): Promise<unknown> {
  const at = decoder.offset;
  if (whole.has(topic)) {
    const bytes = decoder.readInt32();
    if (bytes <= 0 || !decoder.canReadBytes(bytes)) return [];
    const records = decoder.readBytes(bytes) as Buffer;
    // Older formats have no batches; a broker keeps them until their segments are deleted.
    if (records.length < HEAD_BYTES || records[MAGIC_AT] === MAGIC) return wholeBatches(records);
    decoder.offset = at;
  }
  return decodeMessages(decoder);
}

response.decode = async (bytes) => {
  const decoder = new DecoderOf(bytes);
  const clientSideThrottleTime = decoder.readInt32();
  const errorCode = decoder.readInt16();
  const sessionId = decoder.readInt32();
  const responses = await decoder.readArrayAsync(async (answer) => {
    const topicName = answer.readString();
    return { topicName, partitions: await answer.readArrayAsync((part) => decodePartition(part, topicName)) };
  });
  return { throttleTime: 0, clientSideThrottleTime, errorCode, sessionId, responses };
};
