// millrace.relay.v1 ExchangeRequest (writer) and ExchangeResponse (reader), by hand: one allocation per message on the way
// out, views on the way in. Equal to the generated codec byte for byte (frame-codec.spec.ts). Grammar:
//   ExchangeRequest  = (0x0a length RequestFrame)*
//   RequestFrame     = 1 id, 2 version, 3 model, 4 request, 5 traceparent, 6 entity, 7 deadline_ms, 8 cancelled
//   ResponseFrame    = 1 id, 2 status, 3 message, 4 response

import { readText, textSize, varintSize, WIRE_BYTES, WIRE_VARINT, WireReader, writeText, writeVarint } from './wire.js';

export interface OutFrame {
  id: number;
  version: number;
  model: string;
  request: Uint8Array;
  traceparent: string;
  entity: string;
  /** Whole milliseconds left; 0 = no deadline. */
  deadlineMs: number;
  cancelled: boolean;
}

export interface InFrame {
  id: number;
  status: number;
  message: string;
  response: Uint8Array;
}

const EMPTY = new Uint8Array(0);

function fieldSize(length: number): number {
  return length === 0 ? 0 : 1 + varintSize(length) + length;
}

function numberSize(value: number): number {
  return value === 0 ? 0 : 1 + varintSize(value);
}

/** Size of a frame's content on the wire. */
export function frameSize(frame: OutFrame): number {
  return (
    numberSize(frame.id) +
    numberSize(frame.version) +
    fieldSize(textSize(frame.model)) +
    fieldSize(frame.request.length) +
    fieldSize(textSize(frame.traceparent)) +
    fieldSize(textSize(frame.entity)) +
    numberSize(frame.deadlineMs) +
    (frame.cancelled ? 2 : 0)
  );
}

function putNumber(out: Uint8Array, at: number, field: number, value: number): number {
  if (value === 0) return at;
  out[at] = field << 3;
  return writeVarint(out, at + 1, value);
}

function putText(out: Uint8Array, at: number, field: number, text: string): number {
  if (text === '') return at;
  const size = textSize(text);
  out[at] = (field << 3) | WIRE_BYTES;
  return writeText(out, writeVarint(out, at + 1, size), text, size);
}

/** Writes frames [from, to) as one ExchangeRequest into a buffer of `allocate`. */
export function encodeFrames(
  frames: readonly OutFrame[],
  from: number,
  to: number,
  allocate: (size: number) => Uint8Array,
): Uint8Array {
  const sizes: number[] = [];
  let total = 0;
  for (let i = from; i < to; i++) {
    const size = frameSize(frames[i] as OutFrame);
    sizes.push(size);
    total += 1 + varintSize(size) + size;
  }
  const out = allocate(total);
  let at = 0;
  for (let i = from; i < to; i++) {
    const frame = frames[i] as OutFrame;
    out[at] = 0x0a;
    at = writeVarint(out, at + 1, sizes[i - from] as number);
    at = putNumber(out, at, 1, frame.id);
    at = putNumber(out, at, 2, frame.version);
    at = putText(out, at, 3, frame.model);
    if (frame.request.length > 0) {
      out[at] = 0x22;
      at = writeVarint(out, at + 1, frame.request.length);
      out.set(frame.request, at);
      at += frame.request.length;
    }
    at = putText(out, at, 5, frame.traceparent);
    at = putText(out, at, 6, frame.entity);
    at = putNumber(out, at, 7, frame.deadlineMs);
    at = putNumber(out, at, 8, frame.cancelled ? 1 : 0);
  }
  return out;
}

/** Calls `each` for every frame; the response is a view. Returns false when the bytes are not an ExchangeResponse. */
export function decodeFrames(bytes: Uint8Array, each: (frame: InFrame) => void): boolean {
  const reader = new WireReader(bytes);
  while (reader.at < bytes.length) {
    const tag = reader.varint();
    if (tag !== 0x0a) {
      reader.skip(tag & 7);
      if (reader.fault) return false;
      continue;
    }
    const end = reader.lengthEnd();
    if (reader.fault) return false;
    const frame = readFrame(reader, end);
    if (frame === null) return false;
    each(frame);
  }
  return !reader.fault;
}

function readFrame(reader: WireReader, end: number): InFrame | null {
  const frame: InFrame = { id: 0, status: 0, message: '', response: EMPTY };
  const outer = reader.end;
  reader.end = end;
  while (reader.at < end && !reader.fault) {
    const tag = reader.varint();
    if (tag === ((1 << 3) | WIRE_VARINT)) frame.id = reader.varint();
    else if (tag === ((2 << 3) | WIRE_VARINT)) frame.status = reader.varint();
    else if (tag === ((3 << 3) | WIRE_BYTES)) {
      const to = reader.lengthEnd();
      try {
        frame.message = readText(reader.bytes, reader.at, to);
      } catch {
        return null; // not UTF-8: the message is corrupt
      }
      reader.at = to;
    } else if (tag === ((4 << 3) | WIRE_BYTES)) {
      const to = reader.lengthEnd();
      frame.response = reader.bytes.subarray(reader.at, to);
      reader.at = to;
    } else reader.skip(tag & 7);
  }
  reader.end = outer;
  return reader.fault ? null : frame;
}
