// Varints and short texts in protobuf wire format, for the two hand-made readers and writers of the hot path.

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true });

export const WIRE_VARINT = 0;
export const WIRE_FIXED64 = 1;
export const WIRE_BYTES = 2;
export const WIRE_FIXED32 = 5;

/** Bytes a non-negative safe integer takes as a varint. */
export function varintSize(value: number): number {
  let size = 1;
  let rest = value;
  while (rest >= 128) {
    rest = Math.floor(rest / 128);
    size += 1;
  }
  return size;
}

/** Returns the position after it. */
export function writeVarint(out: Uint8Array, at: number, value: number): number {
  let rest = value;
  let position = at;
  while (rest >= 128) {
    out[position++] = (rest % 128) | 0x80;
    rest = Math.floor(rest / 128);
  }
  out[position++] = rest;
  return position;
}

/** UTF-8 length; nearly all texts here are ASCII. */
export function textSize(text: string): number {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 127) return encoder.encode(text).length;
  return text.length;
}

/** `size` is what textSize said. Returns the position after it. */
export function writeText(out: Uint8Array, at: number, text: string, size: number): number {
  if (size === text.length) {
    for (let i = 0; i < size; i++) out[at + i] = text.charCodeAt(i);
  } else {
    encoder.encodeInto(text, out.subarray(at, at + size));
  }
  return at + size;
}

/** Throws a TypeError on bytes that are not UTF-8. */
export function readText(bytes: Uint8Array, from: number, to: number): string {
  let text = '';
  for (let i = from; i < to; i++) {
    const unit = bytes[i] as number;
    if (unit > 127 || to - from > 64) return decoder.decode(bytes.subarray(from, to));
    text += String.fromCharCode(unit);
  }
  return text;
}

/** A cursor over wire bytes; `fault` is set instead of throwing, so that garbage costs no exception. */
export class WireReader {
  at = 0;
  end: number;
  fault = false;

  constructor(readonly bytes: Uint8Array) {
    this.end = bytes.length;
  }

  varint(): number {
    let value = 0;
    let scale = 1;
    for (let i = 0; i < 10; i++) {
      if (this.at >= this.end) break;
      const byte = this.bytes[this.at++] as number;
      value += (byte & 0x7f) * scale;
      if (byte < 128) return value;
      scale *= 128;
    }
    this.fault = true;
    return 0;
  }

  /** The end of a length-delimited field that starts here; the cursor is at its first byte. */
  lengthEnd(): number {
    const length = this.varint();
    if (this.fault || length > this.end - this.at) {
      this.fault = true;
      return this.at;
    }
    return this.at + length;
  }

  skip(wireType: number): void {
    if (wireType === WIRE_VARINT) this.varint();
    else if (wireType === WIRE_BYTES) this.at = this.lengthEnd();
    else if (wireType === WIRE_FIXED64) this.at += 8;
    else if (wireType === WIRE_FIXED32) this.at += 4;
    else this.fault = true;
    if (this.at > this.end) this.fault = true;
  }
}
