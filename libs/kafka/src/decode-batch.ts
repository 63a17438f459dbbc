// Decodes the messages of one partition batch. What is corrupt becomes a dead letter, and its place in the batch stays,
// so that positions pass it like any other. Any other error of a decoder is a bug and goes to the consumer runner.

import type { Reason } from '@millrace/contracts';
import { PlatformError } from '@millrace/domain';
import type { BadMessage, InboundMessage } from './message.js';

export interface DecodedMessage<T> {
  readonly offset: number;
  /** Kafka's own: when it was written. */
  readonly timestampMs: number;
  /** undefined: corrupt, and among the dead letters. */
  readonly message: T | undefined;
}

export interface DecodedBatch<T> {
  /** One for each message, in their order. */
  readonly batch: DecodedMessage<T>[];
  readonly deadLetters: BadMessage[];
}

/** A dead letter's reason: no longer than a screen of text, whatever an error quotes. */
const REASON_CHARACTERS_MAX = 1_000;

const NOTHING = new Uint8Array();

/** Why a message is set aside, from the error that it met. */
export function badMessage(message: InboundMessage, error: PlatformError): BadMessage {
  const reason: Reason = {
    code: error.code === 'corrupt' ? 'decode_failed' : 'handler_failed',
    field: '',
    message: error.reason.slice(0, REASON_CHARACTERS_MAX),
  };
  return { message, reasons: [reason] };
}

export function decodeBatch<T>(messages: readonly InboundMessage[], decode: (bytes: Uint8Array) => T): DecodedBatch<T> {
  const deadLetters: BadMessage[] = [];
  const batch = messages.map((inbound): DecodedMessage<T> => {
    const { offset, timestampMs, value } = inbound;
    try {
      return { offset, timestampMs, message: decode(value ?? NOTHING) };
    } catch (thrown) {
      const error = PlatformError.from(thrown);
      if (error.code !== 'corrupt') throw error;
      deadLetters.push(badMessage(inbound, error));
      return { offset, timestampMs, message: undefined };
    }
  });
  return { batch, deadLetters };
}
