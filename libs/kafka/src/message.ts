// Messages as handlers see and senders give them: bytes, never parsed here.

import type { Reason } from '@millrace/contracts';
import type { IHeaders, KafkaMessage } from 'kafkajs';

/** A consumed message. The topic is the name without prefix. */
export interface InboundMessage {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly key: Buffer | null;
  /** null is a tombstone (compacted topics). */
  readonly value: Buffer | null;
  readonly headers: Readonly<Record<string, string>>;
  /** Kafka's own timestamp: processing time. */
  readonly timestampMs: number;
}

/** A message to send. Give every message a key: unkeyed ones are not kept in any order. */
export interface OutboundMessage {
  readonly key: string | Uint8Array;
  /** null deletes the key on a compacted topic. */
  readonly value: Uint8Array | null;
  readonly headers?: Readonly<Record<string, string>>;
  /** Instead of the key's hash. */
  readonly partition?: number;
}

/**
 * Messages to send, as one array of bytes: of each the end of its key, then the end of its value, which begins there;
 * the next message follows. None has headers of its own.
 */
export interface MessageBlock {
  readonly bytes: Uint8Array;
  readonly ends: readonly number[];
}

const NO_HEADERS: Readonly<Record<string, string>> = Object.freeze({});

function textHeaders(headers: IHeaders | undefined): Readonly<Record<string, string>> {
  if (headers === undefined) return NO_HEADERS;
  let texts: Record<string, string> | undefined;
  for (const name in headers) {
    const value = headers[name];
    if (value === undefined) continue;
    texts ??= {};
    texts[name] = String(Array.isArray(value) ? value[0] : value);
  }
  return texts ?? NO_HEADERS;
}

export function toInbound(topic: string, partition: number, message: KafkaMessage): InboundMessage {
  return {
    topic,
    partition,
    offset: Number(message.offset),
    key: message.key,
    value: message.value,
    headers: textHeaders(message.headers),
    timestampMs: Number(message.timestamp),
  };
}

/** Bytes as a Buffer over the same memory; kafkajs takes only Buffers and strings. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Of a message beside its key, its value and its headers, roughly. */
export const MESSAGE_OVERHEAD_BYTES = 70;

/** Bytes that a message takes on the wire, roughly (record overhead included). */
export function outboundBytes(message: OutboundMessage): number {
  let bytes = MESSAGE_OVERHEAD_BYTES + message.key.length + (message.value?.length ?? 0);
  for (const name in message.headers) bytes += name.length + (message.headers[name]?.length ?? 0) + 4;
  return bytes;
}

/** In their order, as many at once as the broker takes: it bounds what is sent at once, not a transaction. */
export function inParts(messages: readonly OutboundMessage[], bytesMax: number): OutboundMessage[][] {
  const parts: OutboundMessage[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const message of messages) {
    const more = outboundBytes(message);
    if (bytes + more > bytesMax) {
      parts.push([]);
      bytes = 0;
    }
    parts.at(-1)?.push(message);
    bytes += more;
  }
  return parts;
}

/** One that goes to the dead letters. */
export interface BadMessage {
  message: InboundMessage;
  reasons: readonly Reason[];
  /** Where the message says it; else "". */
  project?: string;
}
