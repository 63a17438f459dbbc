// Writes protobuf wire format, in one of two ways. A message with large parts knows its size: sizes are summed first,
// the writer gets an array of just that length, and `bytes` is the message. A small message does not: the writer gets
// any array, grows it as needed, and `finish` copies the message out, so that the array serves for the next one.

import { PlatformError } from '@millrace/domain';
import { textBytes, writeText } from './text.js';
import { WIRE_64, WIRE_BYTES, WIRE_VARINT } from './wire-reader.js';

/** Where encoded bytes go; edges pass Buffer.allocUnsafe, which is cheaper for small messages. */
export type Allocate = (length: number) => Uint8Array;
export const newBytes: Allocate = (length) => new Uint8Array(length);

const TWO_POW_32 = 4_294_967_296;
/** Longest text written by the loop: its UTF-8 stays below 128 bytes, so that the length is one byte. */
const LOOP_CHARACTERS_MAX = 40;

export function varintBytes(value: number): number {
  if (value < 128) return 1;
  if (value < 16384) return 2;
  if (value < 2097152) return 3;
  if (value < 268435456) return 4;
  return value < 34359738368 ? 5 : bigVarintBytes(BigInt(value));
}

export function bigVarintBytes(value: bigint): number {
  let rest = BigInt.asUintN(64, value);
  let length = 1;
  while (rest > 127n) {
    rest >>= 7n;
    length++;
  }
  return length;
}

/** Size of a length-delimited field with a one-byte tag and this payload. */
export function delimitedBytes(payload: number): number {
  return 1 + varintBytes(payload) + payload;
}

/** Size of a text field with a one-byte tag; proto3 leaves empty texts out. */
export function textFieldBytes(text: string): number {
  return text === '' ? 0 : delimitedBytes(textBytes(text));
}

export class WireWriter {
  at = 0;
  private buffer: Buffer;

  /** Into `bytes`, which are as long as the message. */
  constructor(
    bytes: Uint8Array,
    private readonly grows = false,
  ) {
    this.buffer = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Of messages of unknown size, one after the other. */
  static growing(initialBytes = 4096): WireWriter {
    return new WireWriter(Buffer.allocUnsafe(initialBytes), true);
  }

  /** What is written to: the message, where its size was known. */
  get bytes(): Uint8Array {
    return this.buffer;
  }

  /** The message as an own copy; the writer is empty afterwards. */
  finish(): Uint8Array {
    const bytes = Buffer.allocUnsafeSlow(this.at);
    this.buffer.copy(bytes, 0, 0, this.at);
    this.at = 0;
    return bytes;
  }

  /** Forgets what was written (after a throw half-way). */
  reset(): void {
    this.at = 0;
  }

  /** `bytes`: at most what comes next; where the size was known there is room by construction. */
  ensure(bytes: number): void {
    if (this.at + bytes > this.buffer.length && this.grows) this.grow(this.at + bytes);
  }

  private grow(needed: number): void {
    const grown = Buffer.allocUnsafe(Math.max(needed, this.buffer.length * 2));
    this.buffer.copy(grown, 0, 0, this.at);
    this.buffer = grown;
  }

  byte(value: number): void {
    this.ensure(1);
    this.buffer[this.at++] = value;
  }

  /** A non-negative integer below 2^32; room must be there. */
  private small(value: number): void {
    let rest = value;
    while (rest > 127) {
      this.buffer[this.at++] = (rest & 127) | 128;
      rest >>>= 7;
    }
    this.buffer[this.at++] = rest;
  }

  /** A safe integer as a protobuf int64. */
  varint(value: number): void {
    this.ensure(10);
    if (value >= 0 && value < TWO_POW_32) {
      this.small(value >>> 0);
      return;
    }
    if (!Number.isSafeInteger(value)) throw new PlatformError('invalid_argument', `not a safe integer: ${value}`);
    let low = value % TWO_POW_32;
    if (low < 0) low += TWO_POW_32;
    let high = Math.floor(value / TWO_POW_32) >>> 0;
    low >>>= 0;
    while (high > 0 || low > 127) {
      this.buffer[this.at++] = (low & 127) | 128;
      low = ((low >>> 7) | (high << 25)) >>> 0;
      high >>>= 7;
    }
    this.buffer[this.at++] = low;
  }

  bigVarint(value: bigint): void {
    this.ensure(10);
    let rest = BigInt.asUintN(64, value);
    while (rest > 127n) {
      this.buffer[this.at++] = Number(rest & 127n) | 128;
      rest >>= 7n;
    }
    this.buffer[this.at++] = Number(rest);
  }

  /** Eight bytes without a tag. */
  double(value: number): void {
    this.ensure(8);
    this.at = this.buffer.writeDoubleLE(value, this.at);
  }

  /** Tag and length of a length-delimited field. */
  open(field: number, length: number): void {
    this.ensure(10);
    this.small((field << 3) | WIRE_BYTES);
    this.small(length);
  }

  /** Left out when empty, as proto3 does. */
  text(field: number, value: string): void {
    if (value !== '') this.textAlways(field, value);
  }

  textAlways(field: number, value: string): void {
    const { length } = value;
    this.ensure(length * 3 + 10);
    this.small((field << 3) | WIRE_BYTES);
    const start = this.at;
    if (length <= LOOP_CHARACTERS_MAX && this.ascii(value)) return;
    this.at = start;
    const bytes = Buffer.byteLength(value);
    this.small(bytes);
    this.buffer.write(value, this.at, 'utf8');
    this.at += bytes;
  }

  /** Bytes of an encoded part, without tag and length. */
  raw(bytes: Uint8Array): void {
    const { length } = bytes;
    this.ensure(length);
    const { buffer, at } = this;
    if (length > LOOP_CHARACTERS_MAX) buffer.set(bytes, at);
    else for (let i = 0; i < length; i++) buffer[at + i] = bytes[i] as number;
    this.at = at + length;
  }

  /** A text's bytes, without tag and length. */
  rawText(value: string): void {
    this.ensure(value.length * 3);
    this.at = writeText(value, this.buffer, this.at);
  }

  /** Length and bytes of a short text, as long as it is ASCII: false where it is not, with garbage behind `at`. */
  private ascii(value: string): boolean {
    const { buffer } = this;
    const { length } = value;
    let { at } = this;
    buffer[at++] = length;
    for (let i = 0; i < length; i++) {
      const code = value.charCodeAt(i);
      if (code > 127) return false;
      buffer[at++] = code;
    }
    this.at = at;
    return true;
  }

  part(field: number, value: Uint8Array): void {
    if (value.length === 0) return;
    this.ensure(value.length + 10);
    this.small((field << 3) | WIRE_BYTES);
    this.small(value.length);
    this.buffer.set(value, this.at);
    this.at += value.length;
  }

  /** An int64 (or smaller) field; left out when zero. */
  int(field: number, value: number): void {
    if (value !== 0) this.intAlways(field, value);
  }

  intAlways(field: number, value: number): void {
    this.ensure(5);
    this.small((field << 3) | WIRE_VARINT);
    this.varint(value);
  }

  bool(field: number, value: boolean): void {
    if (value) this.intAlways(field, 1);
  }

  /** A double field; left out when zero. */
  doubleField(field: number, value: number): void {
    // -0 is not the default value and must travel.
    if (value !== 0 || Object.is(value, -0)) this.doubleAlways(field, value);
  }

  doubleAlways(field: number, value: number): void {
    this.ensure(5);
    this.small((field << 3) | WIRE_64);
    this.double(value);
  }

  packedDoubles(field: number, values: ArrayLike<number>): void {
    if (values.length === 0) return;
    this.ensure(values.length * 8 + 10);
    this.open(field, values.length * 8);
    for (let i = 0; i < values.length; i++) this.at = this.buffer.writeDoubleLE(values[i] as number, this.at);
  }

  packedInts(field: number, values: ArrayLike<number>): void {
    if (values.length === 0) return;
    const start = this.begin(field);
    for (let i = 0; i < values.length; i++) this.varint(values[i] as number);
    this.end(start);
  }

  /** Begins a length-delimited part of unknown length, of a growing writer; `end` takes what this gives. */
  begin(field: number): number {
    this.ensure(6);
    this.small((field << 3) | WIRE_BYTES);
    // Most parts are shorter than 128 bytes: room for one byte of length, longer parts are moved.
    this.at += 1;
    return this.at;
  }

  end(start: number): void {
    const length = this.at - start;
    if (length < 128) {
      this.buffer[start - 1] = length;
      return;
    }
    const more = varintBytes(length) - 1;
    this.ensure(more);
    this.buffer.copyWithin(start + more, start, this.at);
    this.at = start - 1;
    this.small(length);
    this.at += length;
  }
}
