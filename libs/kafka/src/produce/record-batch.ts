// A record batch (Kafka's message format v2) as it goes over the wire, written message by message into one buffer that
// serves again for the next batch: no object and no buffer of its own for a message.
//
//   base offset i64 · length i32 · leader epoch i32 · magic i8 = 2 · CRC-32C u32 of all that follows · attributes i16 ·
//   last offset delta i32 · first and max timestamp i64 · producer id i64 · producer epoch i16 · base sequence i32 ·
//   count i32 · records
//   record: length · attributes i8 · timestamp delta · offset delta · key · value · headers; lengths and deltas are
//   zigzag varints, a length of -1 is null
//
// All messages of a batch have the time at which the batch leaves.

import type { OutboundMessage } from '../message.js';
import { crc32c } from './crc32c.js';

const HEAD_BYTES = 61;
const LENGTH_AT = 8;
/** What the length counts begins behind it. */
const COUNTED_FROM = 12;
const CRC_AT = 17;
const ATTRIBUTES_AT = 21;
const MAGIC = 2;
/** Kept for the next batch up to this; a larger buffer served a large message and goes. */
const KEPT_BYTES_MAX = 1_048_576;
const INITIAL_BYTES = 16_384;
/** Lengths and deltas of one record, at most. */
const OVERHEAD_BYTES_MAX = 40;
const LOOP_BYTES_MAX = 48;

/** Of a zigzag varint; `value` is not negative. */
function sizeOf(value: number): number {
  if (value < 64) return 1;
  if (value < 8_192) return 2;
  if (value < 1_048_576) return 3;
  return value < 134_217_728 ? 4 : 5;
}

/** Who writes, so that the broker recognises what it has got already. */
export interface ProducerIdentity {
  readonly id: bigint;
  readonly epoch: number;
}

export class RecordBatch {
  private buffer = Buffer.allocUnsafe(INITIAL_BYTES);
  private at = HEAD_BYTES;
  private records = 0;

  get count(): number {
    return this.records;
  }

  /** Bytes so far. */
  get size(): number {
    return this.at;
  }

  clear(): void {
    this.at = HEAD_BYTES;
    this.records = 0;
    if (this.buffer.length > KEPT_BYTES_MAX) this.buffer = Buffer.allocUnsafe(INITIAL_BYTES);
  }

  /** The key is key[keyFrom, keyTo), the value is value[valueFrom, valueTo), or null. */
  append(
    key: Uint8Array,
    keyFrom: number,
    keyTo: number,
    value: OutboundMessage['value'],
    valueFrom: number,
    valueTo: number,
    headers: Readonly<Record<string, string>>,
  ): void {
    const keyLength = keyTo - keyFrom;
    const valueLength = valueTo - valueFrom;
    let headerCount = 0;
    let headerBytes = 0;
    for (const name in headers) {
      headerCount += 1;
      const nameBytes = Buffer.byteLength(name);
      const valueBytes = Buffer.byteLength(headers[name] as string);
      headerBytes += sizeOf(nameBytes) + nameBytes + sizeOf(valueBytes) + valueBytes;
    }
    const offsetDelta = this.records++;
    const length =
      2 +
      sizeOf(offsetDelta) +
      sizeOf(keyLength) +
      keyLength +
      (value === null ? 1 : sizeOf(valueLength) + valueLength) +
      sizeOf(headerCount) +
      headerBytes;
    this.ensure(length + OVERHEAD_BYTES_MAX);
    this.varint(length);
    this.buffer[this.at++] = 0;
    this.buffer[this.at++] = 0;
    this.varint(offsetDelta);
    this.varint(keyLength);
    this.bytes(key, keyFrom, keyTo);
    if (value === null) this.buffer[this.at++] = 1;
    else {
      this.varint(valueLength);
      this.bytes(value, valueFrom, valueTo);
    }
    this.varint(headerCount);
    for (const name in headers) {
      this.text(name);
      this.text(headers[name] as string);
    }
  }

  /** The batch, ready to be sent by this producer with this sequence; may be sealed again for another. */
  seal({ id, epoch }: ProducerIdentity, sequence: number, nowMs: number): Buffer {
    const { buffer, at, records } = this;
    buffer.writeBigInt64BE(0n, 0);
    buffer.writeInt32BE(at - COUNTED_FROM, LENGTH_AT);
    buffer.writeInt32BE(-1, COUNTED_FROM);
    buffer[16] = MAGIC;
    buffer.writeInt16BE(0, ATTRIBUTES_AT);
    buffer.writeInt32BE(records - 1, 23);
    const time = BigInt(Math.trunc(nowMs));
    buffer.writeBigInt64BE(time, 27);
    buffer.writeBigInt64BE(time, 35);
    buffer.writeBigInt64BE(id, 43);
    buffer.writeInt16BE(epoch, 51);
    buffer.writeInt32BE(sequence, 53);
    buffer.writeInt32BE(records, 57);
    buffer.writeUInt32BE(crc32c(buffer, ATTRIBUTES_AT, at), CRC_AT);
    return buffer.subarray(0, at);
  }

  private ensure(bytes: number): void {
    if (this.at + bytes <= this.buffer.length) return;
    const grown = Buffer.allocUnsafe(Math.max(this.at + bytes, this.buffer.length * 2));
    this.buffer.copy(grown, 0, 0, this.at);
    this.buffer = grown;
  }

  /** Zigzag; not negative. */
  private varint(value: number): void {
    let rest = value * 2;
    while (rest > 127) {
      this.buffer[this.at++] = (rest & 127) | 128;
      rest = Math.floor(rest / 128);
    }
    this.buffer[this.at++] = rest;
  }

  private bytes(bytes: Uint8Array, from: number, to: number): void {
    const { buffer, at } = this;
    const length = to - from;
    // A view and a call out of JavaScript cost more than a loop over this many.
    if (length > LOOP_BYTES_MAX) buffer.set(bytes.length === length ? bytes : bytes.subarray(from, to), at);
    else for (let i = 0; i < length; i++) buffer[at + i] = bytes[from + i] as number;
    this.at = at + length;
  }

  private text(text: string): void {
    const length = Buffer.byteLength(text);
    this.varint(length);
    this.buffer.write(text, this.at);
    this.at += length;
  }
}
