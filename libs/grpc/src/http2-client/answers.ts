// What a call of bytes ends with: what the other side said, or what became of it instead.

import { status as STATUS } from '@grpc/grpc-js';

export interface BytesAnswer {
  readonly status: number;
  readonly message: string;
  readonly response: Uint8Array;
  /** False: the status is ours, the other side was not reached or broke off. */
  readonly answered: boolean;
}

/** What a stream tells; `end` comes once and last. */
export interface BytesStreamEvents {
  message(bytes: Uint8Array): void;
  end(answer: BytesAnswer): void;
  /** After a write that returned false. */
  drained(): void;
}

const NOTHING = new Uint8Array(0);

/** `status` and `message` as they stand in the trailers. */
export function answerOf(status: string, message: string): BytesAnswer {
  const code = Number(status);
  return {
    status: Number.isInteger(code) && code >= 0 && code <= 16 ? code : STATUS.UNKNOWN,
    message: decodedMessage(message),
    response: NOTHING,
    answered: true,
  };
}

export function failed(status: number, message: string): BytesAnswer {
  return { status, message, response: NOTHING, answered: false };
}

/** Percent-encoded, as gRPC says; what is not is taken as it is. */
function decodedMessage(message: string): string {
  try {
    return decodeURIComponent(message);
  } catch {
    return message;
  }
}
