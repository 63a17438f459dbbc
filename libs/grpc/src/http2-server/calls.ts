// What a handler of the HTTP/2 gRPC server sees: the head of a call, and either one request to answer or a stream of
// messages both ways. Messages are bytes as they are on the wire, decompressed; codecs are the handler's business.

import type { ErrorCode } from '@millrace/domain';

export interface CallHead {
  /** /package.Service/Method */
  readonly path: string;
  /** On the monotonic clock, as deadlineAtMs. */
  readonly arrivedAtMs: number;
  /** Infinity = none. The client ends the call by itself then; a handler uses it to save work that nobody waits for. */
  readonly deadlineAtMs: number;
  /** A metadata entry of one value, '' where there is none. */
  header(name: string): string;
  /** All metadata, as it came: names and values in turns, names of HTTP/2 itself among them. */
  readonly headers: readonly string[];
}

/** A unary call; answered or refused once, later uses do nothing. */
export interface BytesCall extends CallHead {
  /** Called when the caller went away before the answer. */
  onCancel: (() => void) | undefined;
  answer(response: Uint8Array): void;
  /** `code` travels in the trailer millrace-code, so that our own clients get it back exactly. */
  refuse(status: number, message: string, code?: ErrorCode): void;
}

export type UnaryHandler = (call: BytesCall, request: Uint8Array) => void;

/** A stream both ways. The handler sets the callbacks before it returns. */
export interface BytesStream extends CallHead {
  onMessage: (message: Uint8Array) => void;
  /** The caller sends no more; the handler ends the stream when it has answered. */
  onEnd: () => void;
  /** The caller went away or broke the protocol: nothing can be written any more. */
  onCancel: () => void;
  /** After a write that returned false: there is room again. */
  onDrain: () => void;
  /** Messages of one turn leave together. False = the caller does not keep up; the bytes are kept all the same. */
  write(message: Uint8Array): boolean;
  end(): void;
  refuse(status: number, message: string, code?: ErrorCode): void;
  /** No onMessage until resume(), but for messages of a chunk that is already here. */
  pause(): void;
  resume(): void;
}

export type StreamHandler = (stream: BytesStream) => void;

export type Method =
  | { readonly kind: 'unary'; readonly handle: UnaryHandler }
  | { readonly kind: 'stream'; readonly handle: StreamHandler };

export type Methods = ReadonlyMap<string, Method>;

/** Compile-time help for tables of methods. */
export const unary = (handle: UnaryHandler): Method => ({ kind: 'unary', handle });
export const streaming = (handle: StreamHandler): Method => ({ kind: 'stream', handle });
