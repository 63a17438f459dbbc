// A reader of protobuf wire format (varint, 64-bit, length-delimited, 32-bit; groups are refused) over one byte array.
// Every malformed input ends in a PlatformError of the rules' code, never in a read past the end. Nothing is allocated
// for parts of a message: `lengthEnd` gives where a part ends, reading goes on in the same reader, and `finish` says
// that the part ended there.

import { type ErrorCode, PlatformError } from '@millrace/domain';
import { decodeText, FROM_CALLERS, type WireRules } from './text.js';

export const WIRE_VARINT = 0;
export const WIRE_64 = 1;
export const WIRE_BYTES = 2;
export const WIRE_32 = 5;

/** Tag of a field by number and kind, for `switch` over `WireReader.tag()`. */
export const varintTag = (field: number): number => (field << 3) | WIRE_VARINT;
export const doubleTag = (field: number): number => (field << 3) | WIRE_64;
export const bytesTag = (field: number): number => (field << 3) | WIRE_BYTES;

const TWO_POW_32 = 4_294_967_296;
const REPLACEMENT = '\uFFFD';
/** One number for all readers: a view of its own costs a small message more than its numbers. */
const eight = new DataView(new ArrayBuffer(8));
const eightBytes = new Uint8Array(eight.buffer);

export function malformed(what: string, code: ErrorCode = FROM_CALLERS.code): never {
  throw new PlatformError(code, `malformed message: ${what}`);
}

export class WireReader {
  at = 0;
  private readonly end: number;
  private dataView: DataView | undefined;
  private nodeBuffer: Buffer | undefined;

  constructor(
    readonly bytes: Uint8Array,
    private readonly rules: WireRules = FROM_CALLERS,
  ) {
    this.end = bytes.length;
  }

  get view(): DataView {
    this.dataView ??= new DataView(this.bytes.buffer, this.bytes.byteOffset, this.bytes.byteLength);
    return this.dataView;
  }

  fault(what: string): never {
    return malformed(what, this.rules.code);
  }

  more(): boolean {
    return this.at < this.end;
  }

  /** Field number << 3 | wire type. */
  tag(): number {
    const tag = this.uint32();
    if (tag >>> 3 === 0) this.fault('field number 0');
    return tag;
  }

  /** A varint as an unsigned 32-bit number; higher bits are dropped as protobuf prescribes. */
  uint32(): number {
    const { bytes } = this;
    let byte = bytes[this.at++];
    if (byte === undefined) this.fault('it ends early');
    if (byte < 128) return byte;
    let value = byte & 127;
    for (let shift = 7; shift < 70; shift += 7) {
      byte = bytes[this.at++];
      if (byte === undefined) this.fault('it ends early');
      if (shift < 32) value |= (byte & 127) << shift;
      if (byte < 128) return value >>> 0;
    }
    return this.fault('a varint is longer than 10 bytes');
  }

  /** A varint as an unsigned 64-bit value. */
  uint64(): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.bytes[this.at++];
      if (byte === undefined) this.fault('it ends early');
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return BigInt.asUintN(64, value);
    }
    return this.fault('a varint is longer than 10 bytes');
  }

  /** A varint as a signed 64-bit value. */
  int64(): bigint {
    const byte = this.bytes[this.at] as number;
    if (byte < 128) {
      this.at++;
      return BigInt(byte);
    }
    return BigInt.asIntN(64, this.uint64());
  }

  /** An int64 (or smaller) varint as a number; what no double holds exactly is a fault. */
  int(): number {
    const value = this.nearestInt();
    if (!Number.isSafeInteger(value)) this.fault(`integer ${value} is outside the safe integers`);
    return value;
  }

  /** An int64 as a number where one holds it exactly, else as a bigint. */
  exactInt(): number | bigint {
    const start = this.at;
    const value = this.nearestInt();
    if (Number.isSafeInteger(value)) return value;
    this.at = start;
    return this.int64();
  }

  /** An int64 as the number next to it. */
  nearestInt(): number {
    const { bytes } = this;
    let low = 0;
    let high = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = bytes[this.at++];
      if (byte === undefined) this.fault('it ends early');
      const bits = byte & 127;
      if (shift < 28) low |= bits << shift;
      else if (shift === 28) {
        low |= bits << 28;
        high |= bits >>> 4;
      } else if (shift < 63) high |= bits << (shift - 32);
      else high |= bits << 31;
      if (byte < 128) return (high | 0) * TWO_POW_32 + (low >>> 0);
    }
    return this.fault('a varint is longer than 10 bytes');
  }

  bool(): boolean {
    return this.uint64() !== 0n;
  }

  double(): number {
    const { at, bytes } = this;
    if (at + 8 > this.end) this.fault('it ends early');
    for (let i = 0; i < 8; i++) eightBytes[i] = bytes[at + i] as number;
    this.at = at + 8;
    return eight.getFloat64(0, true);
  }

  float(): number {
    if (this.at + 4 > this.end) this.fault('it ends early');
    const value = this.view.getFloat32(this.at, true);
    this.at += 4;
    return value;
  }

  /** Reads a length and returns the end of what follows; `limit` is the end of the enclosing message. */
  lengthEnd(limit = this.end): number {
    const length = this.uint32();
    const end = this.at + length;
    if (end > limit) this.fault('a length runs past the end');
    return end;
  }

  /** A text that is likely never to come again: an id. */
  text(limit = this.end): string {
    const end = this.lengthEnd(limit);
    const start = this.at;
    this.at = end;
    if (start === end) return '';
    const { bytes } = this;
    this.nodeBuffer ??= Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const text = this.nodeBuffer.toString('utf8', start, end);
    // Only a text with U+FFFD in it can have been something else than UTF-8.
    if (this.rules.badText === 'refuse' && text.includes(REPLACEMENT)) decodeText(bytes, start, end, this.rules);
    return text;
  }

  /** A text that is likely to come again and again (a name, a category), which then costs a look-up. */
  name(limit = this.end): string {
    const end = this.lengthEnd(limit);
    const start = this.at;
    this.at = end;
    return decodeText(this.bytes, start, end, this.rules);
  }

  /** A view, not a copy. */
  part(limit = this.end): Uint8Array {
    const end = this.lengthEnd(limit);
    const start = this.at;
    this.at = end;
    return this.bytes.subarray(start, end);
  }

  /** Doubles of a repeated field, packed or one by one. */
  doubles(into: number[], tag: number, limit = this.end): void {
    if ((tag & 7) === WIRE_64) into.push(this.double());
    else {
      const end = this.lengthEnd(limit);
      while (this.at < end) into.push(this.double());
      this.finish(end);
    }
  }

  /** Integers of a repeated field, packed or one by one. */
  ints(into: number[], tag: number, limit = this.end): void {
    if ((tag & 7) === WIRE_VARINT) into.push(this.int());
    else {
      const end = this.lengthEnd(limit);
      while (this.at < end) into.push(this.int());
      this.finish(end);
    }
  }

  /** Steps over a field this release does not know. */
  skip(tag: number, limit = this.end): void {
    switch (tag & 7) {
      case WIRE_VARINT:
        this.uint32();
        break;
      case WIRE_64:
        this.at += 8;
        break;
      case WIRE_BYTES:
        this.at = this.lengthEnd(limit);
        break;
      case WIRE_32:
        this.at += 4;
        break;
      default:
        this.fault(`wire type ${tag & 7}`);
    }
    if (this.at > limit) this.fault('a field runs past the end');
  }

  expect(tag: number, wire: number): void {
    if ((tag & 7) !== wire) this.fault(`field ${tag >>> 3} has wire type ${tag & 7}`);
  }

  /** Called at the end of each (sub)message: a field must end where its message ends. */
  finish(limit: number): void {
    if (this.at !== limit) this.fault('a field runs past the end of its message');
  }
}
