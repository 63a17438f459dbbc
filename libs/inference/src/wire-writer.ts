// Writes protobuf wire format into one byte array of known size: sizes first, then bytes, so that no buffer grows.

import { textBytes, writeText } from './text.js';

/** Where encoded bytes go; edges pass Buffer.allocUnsafe, which is cheaper for small messages. */
export type Allocate = (length: number) => Uint8Array;
export const newBytes: Allocate = (length) => new Uint8Array(length);

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
  private view: DataView | undefined;

  constructor(readonly bytes: Uint8Array) {}

  byte(value: number): void {
    this.bytes[this.at++] = value;
  }

  varint(value: number): void {
    let rest = value;
    while (rest > 127) {
      this.bytes[this.at++] = (rest % 128) | 128;
      rest = Math.floor(rest / 128);
    }
    this.bytes[this.at++] = rest;
  }

  bigVarint(value: bigint): void {
    let rest = BigInt.asUintN(64, value);
    while (rest > 127n) {
      this.bytes[this.at++] = Number(rest & 127n) | 128;
      rest >>= 7n;
    }
    this.bytes[this.at++] = Number(rest);
  }

  double(value: number): void {
    this.view ??= new DataView(this.bytes.buffer, this.bytes.byteOffset, this.bytes.byteLength);
    this.view.setFloat64(this.at, value, true);
    this.at += 8;
  }

  /** Tag and length of a length-delimited field. */
  open(field: number, length: number): void {
    this.byte((field << 3) | 2);
    this.varint(length);
  }

  text(field: number, text: string): void {
    if (text === '') return;
    this.open(field, textBytes(text));
    this.at = writeText(text, this.bytes, this.at);
  }
}
