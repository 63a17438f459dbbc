// Codec of topic deadletter.v1: proto millrace.data.v1.DeadLetter. Refuses one without id, source, reasons or a
// reason's code; unknown reason codes are `corrupt`.

import { DeadLetterSchema } from './gen/millrace/data/v1/data_pb.js';
import { messageCodec } from './message-codec.js';

const REASON_CODES = [
  'missing_field',
  'wrong_type',
  'not_finite',
  'below_min',
  'above_max',
  'not_in_domain',
  'oversize',
  'malformed',
  'unknown_field',
  'bad_event_time',
  'bad_id',
  'no_record',
  'decode_failed',
  'handler_failed',
] as const;

export type ReasonCode = (typeof REASON_CODES)[number];

/** Why a record, label or message is bad. */
export interface Reason {
  code: ReasonCode;
  /** The column or wire field it is about; empty where it is the whole. */
  field: string;
  message: string;
}

/** Bytes of the original that a dead letter keeps; length and SHA-256 are of the whole. */
export const DEAD_LETTER_PAYLOAD_BYTES_MAX = 65_536;

export interface DeadLetter {
  /** Stable: a redelivery of the same bad message makes the same id. */
  id: string;
  /** Empty where the message did not say. */
  project: string;
  /** Source topic (without prefix) or source name. */
  source: string;
  /** Kafka partition and offset, or 0 and the row number; -1 where there is none. */
  partition: number;
  offset: number;
  /** The first 64 KiB of the original bytes. */
  payload: Uint8Array;
  payloadBytes: number;
  payloadSha256: string;
  reasons: readonly Reason[];
  failedAtMs: number;
  /** Service that refused it. */
  service: string;
  /** When it was taken in again: such a message says that of one with its id, without payload; 0 = it was not. */
  redrivenAtMs: number;
}

const codec = messageCodec<DeadLetter>(DeadLetterSchema, {
  DeadLetter: { required: ['id', 'source'] },
  Reason: { closed: { code: REASON_CODES } },
});

export const encodeDeadLetter = codec.encode;
export const decodeDeadLetter = codec.decode;
