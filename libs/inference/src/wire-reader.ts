// A reader of protobuf wire format (varint, 64-bit, length-delimited, 32-bit; groups are refused) over one byte array.
// Every malformed input ends in PlatformError('invalid_argument'), never in a read past the end.

import { PlatformError } from '@millrace/domain';
import { decodeText } from './text.js';

export const WIRE_VARINT = 0;
export const WIRE_64 = 1;
export const WIRE_BYTES = 2;
export const WIRE_32 = 5;

export function malformed(what: string): never {
  throw new PlatformError('invalid_argument', `malformed message: ${what}`);
}

export class WireReader {
  readonly view: DataView;
  at = 0;

  constructor(readonly bytes: Uint8Array) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Field number << 3 | wire type. */
  tag(): number {
    const tag = this.uint32();
    if (tag >>> 3 === 0) malformed('field number 0');
    return tag;
  }

  /** A varint as an unsigned 32-bit number; higher bits are dropped as protobuf prescribes. */
  uint32(): number {
    const { bytes } = this;
    let byte = bytes[this.at++];
    if (byte === undefined) malformed('it ends early');
    if (byte < 128) return byte;
    let value = byte & 127;
    for (let shift = 7; shift < 70; shift += 7) {
      byte = bytes[this.at++];
      if (byte === undefined) malformed('it ends early');
      if (shift < 32) value |= (byte & 127) << shift;
      if (byte < 128) return value >>> 0;
    }
    return malformed('a varint is longer than 10 bytes');
  }

  /** A varint as an unsigned 64-bit value. */
  uint64(): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.bytes[this.at++];
      if (byte === undefined) malformed('it ends early');
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return BigInt.asUintN(64, value);
    }
    return malformed('a varint is longer than 10 bytes');
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

  /** A varint as a signed 64-bit value rounded to a double: for sizes, where anything past 2^53 is refused later. */
  int64Number(): number {
    const byte = this.bytes[this.at] as number;
    if (byte < 128) {
      this.at++;
      return byte;
    }
    return Number(BigInt.asIntN(64, this.uint64()));
  }

  bool(): boolean {
    return this.uint64() !== 0n;
  }

  double(): number {
    if (this.at + 8 > this.bytes.length) malformed('it ends early');
    const value = this.view.getFloat64(this.at, true);
    this.at += 8;
    return value;
  }

  /** Reads a length and returns the end of what follows; `limit` is the end of the enclosing message. */
  lengthEnd(limit: number): number {
    const length = this.uint32();
    const end = this.at + length;
    if (end > limit) malformed('a length runs past the end');
    return end;
  }

  text(limit: number): string {
    const end = this.lengthEnd(limit);
    const text = decodeText(this.bytes, this.at, end);
    this.at = end;
    return text;
  }

  skip(tag: number, limit: number): void {
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
        malformed(`wire type ${tag & 7}`);
    }
    if (this.at > limit) malformed('a field runs past the end');
  }

  expect(tag: number, wire: number): void {
    if ((tag & 7) !== wire) malformed(`field ${tag >>> 3} has wire type ${tag & 7}`);
  }

  /** Called at the end of each (sub)message: a field must end where its message ends. */
  finish(limit: number): void {
    if (this.at !== limit) malformed('a field runs past the end of its message');
  }
}
