// A record batch (Kafka's message format v2, drawn in produce/record-batch.ts) as it was fetched, of which messages are
// read when a handler gets them. kafkajs makes an object with texts and two buffers of every message of an answer
// before the first of them is handled, all alive at the same time: with 1 MiB a partition the collector copies more
// than handlers leave behind. A batch of bytes costs it nothing.

import { PlatformError } from '@millrace/domain';
import type { InboundMessage } from '../message.js';

export const HEAD_BYTES = 61;
export const MAGIC_AT = 16;
export const MAGIC = 2;
const COMPRESSION = 7;
const APPEND_TIME = 8;
const TRANSACTIONAL = 16;
const CONTROL = 32;

const NO_HEADERS: InboundMessage['headers'] = Object.freeze({});

export interface BatchHead {
  readonly baseOffset: number;
  readonly lastOffset: number;
  /** 0: not compressed. */
  readonly compression: number;
  readonly isControl: boolean;
  readonly isTransactional: boolean;
  readonly producerId: bigint;
  /** Of the first record; others say how much later they are. */
  readonly firstTimestampMs: number;
  /** Of all records, where the broker sets it. */
  readonly appendedAtMs: number | undefined;
  readonly count: number;
}

/** `bytes`: from the beginning of the batch. */
export function batchHead(bytes: Buffer): BatchHead {
  const attributes = bytes.readInt16BE(21);
  const baseOffset = Number(bytes.readBigInt64BE(0));
  return {
    baseOffset,
    lastOffset: baseOffset + bytes.readInt32BE(23),
    compression: attributes & COMPRESSION,
    isControl: (attributes & CONTROL) !== 0,
    isTransactional: (attributes & TRANSACTIONAL) !== 0,
    producerId: bytes.readBigInt64BE(43),
    firstTimestampMs: Number(bytes.readBigInt64BE(27)),
    appendedAtMs: (attributes & APPEND_TIME) === 0 ? undefined : Number(bytes.readBigInt64BE(35)),
    count: bytes.readInt32BE(57),
  };
}

/** A message that is read when it is asked: its key hardly ever is. */
class FetchedMessage implements InboundMessage {
  constructor(
    readonly topic: string,
    readonly partition: number,
    readonly offset: number,
    readonly timestampMs: number,
    readonly headers: InboundMessage['headers'],
    private readonly bytes: Buffer,
    private readonly keyAt: number,
    /** -1: there is none. */
    private readonly keyBytes: number,
    private readonly valueAt: number,
    private readonly valueBytes: number,
  ) {}

  get key(): Buffer | null {
    return this.keyBytes < 0 ? null : this.bytes.subarray(this.keyAt, this.keyAt + this.keyBytes);
  }

  get value(): Buffer | null {
    return this.valueBytes < 0 ? null : this.bytes.subarray(this.valueAt, this.valueAt + this.valueBytes);
  }
}

export class FetchedBatch {
  private at = 0;
  private left: number;

  /** `records`: what follows the head, not compressed. */
  constructor(
    readonly head: BatchHead,
    private readonly records: Buffer,
  ) {
    this.left = head.count;
  }

  get isAtEnd(): boolean {
    return this.left === 0;
  }

  /** The next messages at `fromOffset` and after it, until there are `max` of them. */
  take(topic: string, partition: number, fromOffset: number, max: number, into: InboundMessage[]): void {
    while (this.left > 0 && into.length < max) {
      const message = this.next(topic, partition);
      if (message.offset >= fromOffset) into.push(message);
    }
  }

  private next(topic: string, partition: number): FetchedMessage {
    const { head, records } = this;
    const length = this.varint();
    const end = this.at + length;
    if (length < 0 || end > records.length) this.fault();
    this.at += 1; // attributes, of which there are none
    const timeDelta = this.varint();
    const offset = head.baseOffset + this.varint();
    const keyBytes = this.varint();
    const keyAt = this.at;
    if (keyBytes > 0) this.at += keyBytes;
    const valueBytes = this.varint();
    const valueAt = this.at;
    if (valueBytes > 0) this.at += valueBytes;
    const headers = this.headers();
    if (this.at > end) this.fault();
    this.at = end;
    this.left -= 1;
    const timestampMs = head.appendedAtMs ?? head.firstTimestampMs + timeDelta;
    return new FetchedMessage(
      ...([topic, partition, offset, timestampMs, headers] as const),
      ...([records, keyAt, keyBytes, valueAt, valueBytes] as const),
    );
  }

  /** The first value of each name; one without value is left out. */
  private headers(): InboundMessage['headers'] {
    const count = this.varint();
    if (count <= 0) return NO_HEADERS;
    const headers: Record<string, string> = {};
    for (let i = 0; i < count; i++) {
      const name = this.text() ?? '';
      const value = this.text();
      if (value !== undefined && !Object.hasOwn(headers, name)) headers[name] = value;
    }
    return headers;
  }

  private text(): string | undefined {
    const length = this.varint();
    if (length < 0) return undefined;
    const from = this.at;
    this.at += length;
    if (this.at > this.records.length) this.fault();
    return this.records.toString('utf8', from, this.at);
  }

  /** Zigzag; up to 64 bits, of which a double holds 53. */
  private varint(): number {
    const { records } = this;
    let byte = records[this.at++];
    if (byte === undefined) this.fault();
    if (byte < 128) return (byte >>> 1) ^ -(byte & 1);
    let value = byte & 127;
    for (let scale = 128; ; scale *= 128) {
      byte = records[this.at++];
      if (byte === undefined || scale > 2 ** 63) this.fault();
      value += (byte & 127) * scale;
      if (byte < 128) break;
    }
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  private fault(): never {
    throw new PlatformError('corrupt', `a record batch from offset ${this.head.baseOffset} is damaged`);
  }
}
