// millrace.relay.v1.ExchangeRequest and ExchangeResponse, by hand (proto/millrace/relay/v1/relay.proto): both are
// `repeated frame = 1`, so that a message is the concatenation of encoded frames, and frames of one event-loop turn are
// joined without being encoded again. Payload bytes are views of the message.

import {
  type Allocate,
  delimitedBytes,
  newBytes,
  textBytes,
  textFieldBytes,
  varintBytes,
  WIRE_BYTES,
  WIRE_VARINT,
  WireReader,
  WireWriter,
} from '@millrace/wire';

export interface RequestFrame {
  /** Up to 2^53: unique among the frames in flight on one stream. */
  id: number;
  /** Version chosen by the route. */
  version: number;
  model: string;
  /** A ModelInferRequest as it came. */
  request: Uint8Array;
  traceparent: string;
  entity: string;
  /** 0 = none. */
  deadlineMs: number;
  cancelled: boolean;
  /** The caller takes many answers. */
  stream?: boolean;
  /** A copy for a version whose answer nobody sees. */
  shadow?: boolean;
  /** Drawn while a rollout is in steps: which, and at what weight of its version; 0 or absent = not so. */
  rolloutRevision?: number;
  rolloutWeight?: number;
}

/** Why a status is not OK, for a router that stands before several servings; 0 = not said (an earlier release). */
export const REFUSAL = {
  /** The version is not there or not ready, or the serving ends: another serving may take the request. */
  notTaken: 1,
  /** All else, such as a full queue, or a process that died at the request: no other serving is to be tried. */
  taken: 2,
} as const;

export interface ResponseFrame {
  id: number;
  /** gRPC status code; 0 = OK. */
  status: number;
  message: string;
  /** A ModelInferResponse; of a frame with `stream` a ModelStreamInferResponse. */
  response: Uint8Array;
  /** Further answers to this id follow. */
  more?: boolean;
  /** One of REFUSAL. */
  refusal?: number;
}

const EMPTY = new Uint8Array(0);

function intFieldBytes(value: number): number {
  return value === 0 ? 0 : 1 + varintBytes(value);
}

/** Of a field number of 16 to 2,047. */
function farFieldBytes(value: number): number {
  return value === 0 ? 0 : 2 + varintBytes(value);
}

function bytesFieldBytes(bytes: Uint8Array): number {
  return bytes.length === 0 ? 0 : delimitedBytes(bytes.length);
}

function requestFrameBytes(frame: RequestFrame): number {
  return (
    intFieldBytes(frame.id) +
    intFieldBytes(frame.version) +
    textFieldBytes(frame.model) +
    bytesFieldBytes(frame.request) +
    textFieldBytes(frame.traceparent) +
    textFieldBytes(frame.entity) +
    intFieldBytes(frame.deadlineMs) +
    (frame.cancelled ? 2 : 0) +
    (frame.stream ? 2 : 0) +
    (frame.shadow ? 2 : 0) +
    farFieldBytes(frame.rolloutRevision ?? 0) +
    farFieldBytes(frame.rolloutWeight ?? 0)
  );
}

/** All frames of one turn as one ExchangeRequest. */
export function encodeExchangeRequest(frames: readonly RequestFrame[], allocate: Allocate = newBytes): Uint8Array {
  let size = 0;
  for (const frame of frames) size += delimitedBytes(requestFrameBytes(frame));
  const writer = new WireWriter(allocate(size));
  for (const frame of frames) {
    writer.open(1, requestFrameBytes(frame));
    writer.int(1, frame.id);
    writer.int(2, frame.version);
    writer.text(3, frame.model);
    writer.part(4, frame.request);
    writer.text(5, frame.traceparent);
    writer.text(6, frame.entity);
    writer.int(7, frame.deadlineMs);
    if (frame.cancelled) {
      writer.byte(64);
      writer.byte(1);
    }
    if (frame.stream) {
      writer.byte(72);
      writer.byte(1);
    }
    if (frame.shadow) {
      writer.byte(80);
      writer.byte(1);
    }
    writer.int(30, frame.rolloutRevision ?? 0);
    writer.int(31, frame.rolloutWeight ?? 0);
  }
  return writer.bytes;
}

function responseFrameBytes(frame: ResponseFrame): number {
  return (
    intFieldBytes(frame.id) +
    intFieldBytes(frame.status) +
    (frame.message === '' ? 0 : delimitedBytes(textBytes(frame.message))) +
    bytesFieldBytes(frame.response) +
    (frame.more ? 2 : 0) +
    intFieldBytes(frame.refusal ?? 0)
  );
}

/** All frames of one turn as one ExchangeResponse. */
export function encodeExchangeResponse(frames: readonly ResponseFrame[], allocate: Allocate = newBytes): Uint8Array {
  let size = 0;
  for (const frame of frames) size += delimitedBytes(responseFrameBytes(frame));
  const writer = new WireWriter(allocate(size));
  for (const frame of frames) {
    writer.open(1, responseFrameBytes(frame));
    writer.int(1, frame.id);
    writer.int(2, frame.status);
    writer.text(3, frame.message);
    writer.part(4, frame.response);
    if (frame.more) {
      writer.byte(40);
      writer.byte(1);
    }
    writer.int(6, frame.refusal ?? 0);
  }
  return writer.bytes;
}

/**
 * Calls `each` for every frame; throws invalid_argument for malformed bytes (frames before the fault were delivered).
 */
export function decodeExchangeRequest(bytes: Uint8Array, each: (frame: RequestFrame) => void): void {
  walk(bytes, (reader, end) => {
    const frame: RequestFrame = {
      id: 0,
      version: 0,
      model: '',
      request: EMPTY,
      traceparent: '',
      entity: '',
      deadlineMs: 0,
      cancelled: false,
      stream: false,
      shadow: false,
      rolloutRevision: 0,
      rolloutWeight: 0,
    };
    while (reader.at < end) {
      const tag = reader.tag();
      switch (tag) {
        case (1 << 3) | WIRE_VARINT:
          frame.id = reader.int();
          break;
        case (2 << 3) | WIRE_VARINT:
          frame.version = reader.uint32() | 0;
          break;
        case (3 << 3) | WIRE_BYTES:
          frame.model = reader.name(end);
          break;
        case (4 << 3) | WIRE_BYTES:
          frame.request = reader.part(end);
          break;
        case (5 << 3) | WIRE_BYTES:
          frame.traceparent = reader.text(end);
          break;
        case (6 << 3) | WIRE_BYTES:
          frame.entity = reader.text(end);
          break;
        case (7 << 3) | WIRE_VARINT:
          frame.deadlineMs = reader.uint32() | 0;
          break;
        case (8 << 3) | WIRE_VARINT:
          frame.cancelled = reader.bool();
          break;
        case (9 << 3) | WIRE_VARINT:
          frame.stream = reader.bool();
          break;
        case (10 << 3) | WIRE_VARINT:
          frame.shadow = reader.bool();
          break;
        case (30 << 3) | WIRE_VARINT:
          frame.rolloutRevision = reader.int();
          break;
        case (31 << 3) | WIRE_VARINT:
          frame.rolloutWeight = reader.uint32() | 0;
          break;
        default:
          reader.skip(tag, end);
      }
    }
    reader.finish(end);
    each(frame);
  });
}

/** Calls `each` for every frame; throws invalid_argument for malformed bytes. */
export function decodeExchangeResponse(bytes: Uint8Array, each: (frame: ResponseFrame) => void): void {
  walk(bytes, (reader, end) => {
    const frame: ResponseFrame = { id: 0, status: 0, message: '', response: EMPTY, more: false, refusal: 0 };
    while (reader.at < end) {
      const tag = reader.tag();
      switch (tag) {
        case (1 << 3) | WIRE_VARINT:
          frame.id = reader.int();
          break;
        case (2 << 3) | WIRE_VARINT:
          frame.status = reader.uint32() | 0;
          break;
        case (3 << 3) | WIRE_BYTES:
          frame.message = reader.text(end);
          break;
        case (4 << 3) | WIRE_BYTES:
          frame.response = reader.part(end);
          break;
        case (5 << 3) | WIRE_VARINT:
          frame.more = reader.bool();
          break;
        case (6 << 3) | WIRE_VARINT:
          frame.refusal = reader.uint32() | 0;
          break;
        default:
          reader.skip(tag, end);
      }
    }
    reader.finish(end);
    each(frame);
  });
}

function walk(bytes: Uint8Array, readFrame: (reader: WireReader, end: number) => void): void {
  const reader = new WireReader(bytes);
  while (reader.at < bytes.length) {
    const tag = reader.tag();
    if (tag === ((1 << 3) | WIRE_BYTES)) readFrame(reader, reader.lengthEnd(bytes.length));
    else reader.skip(tag, bytes.length);
  }
  reader.finish(bytes.length);
}
