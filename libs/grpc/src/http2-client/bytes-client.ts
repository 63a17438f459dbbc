// A gRPC client of bytes: requests leave and answers come as they are on the wire, with the status and the message that
// the other side gave. For calls that are passed on: on the HTTP/2 that the server has too, because a call costs a
// fraction of what it costs on node:http2, and grpc-js, which costs more still, tells a server's own UNAVAILABLE like a
// connection that could not be made.
//
// A connection is made with the first call that needs it and anew when it is gone, so a server that comes back is found
// by the next call. A call that the other side refused unbegun (REFUSED_STREAM, GOAWAY) is sent once more. One that
// runs out of time on a connection on which nothing was heard since takes the connection with it: behind a silent
// network only a new one helps.

import { status as STATUS } from '@grpc/grpc-js';
import type { Clock } from '@millrace/domain';
import { type BytesAnswer, type BytesStreamEvents, failed } from './answers.js';
import { type CallEvents, CallStream } from './call-stream.js';
import { ClientConnection } from './client-connection.js';

export type { BytesAnswer, BytesStreamEvents } from './answers.js';

/** Two: a large message on one does not hold up the other. */
const CONNECTIONS = 2;
/** Longest timeout that fits 8 digits of milliseconds. */
const TIMEOUT_MS_MAX = 99_999_999;
/** RFC 9113, 8.2.1. */
const FORBIDDEN_IN_VALUES = /[\0\r\n]/;

export interface BytesClientCall {
  /** /package.Service/Method */
  readonly path: string;
  /** On the monotonic clock; Infinity = none. */
  readonly deadlineAtMs: number;
  /** Metadata by lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
}

export interface OpenBytesStream {
  /** False: the other side does not keep up. */
  write(message: Uint8Array): boolean;
  endWriting(): void;
  pause(): void;
  resume(): void;
  /** Nothing is told any more. */
  cancel(): void;
}

export interface BytesClientOptions {
  /**
   * A connection with calls on which nothing is heard for so long, a PING's answer neither, is given up; default: it is
   * waited for.
   */
  readonly silenceMaxMs?: number;
}

export class BytesClient {
  private readonly connections: (ClientConnection | undefined)[] = new Array<ClientConnection | undefined>(CONNECTIONS);

  constructor(
    private readonly address: string,
    private readonly clock: Clock,
    private readonly answerBytesMax: number,
    private readonly options: BytesClientOptions = {},
  ) {}

  /** Connects where no connection is, and tells once: '' = the other side is there, else why it is not. */
  ready(told: (failure: string) => void): void {
    this.connection().whenGreeted(told);
  }

  /** `done` is called once, never from within, and not after the returned function was called. */
  unary(call: BytesClientCall, request: Uint8Array, done: (answer: BytesAnswer) => void): () => void {
    let cancelled = false;
    let stream: CallStream | undefined;
    const ask = (isLast: boolean): void => {
      let messages = 0;
      let response: Uint8Array | undefined;
      stream = this.open(call, false, {
        message: (bytes) => {
          messages += 1;
          response = bytes;
        },
        drained: () => undefined,
        end: (answer, unbegun) => {
          if (cancelled) return;
          if (unbegun && !isLast) ask(true);
          else if (answer.status !== STATUS.OK) done(answer);
          else if (response !== undefined && messages === 1) done({ ...answer, response });
          else done(failed(STATUS.INTERNAL, `the call was answered with ${messages} messages`));
        },
      });
      stream?.write(request);
      stream?.endWriting();
    };
    ask(false);
    return () => {
      cancelled = true;
      stream?.cancel();
    };
  }

  stream(call: BytesClientCall, events: BytesStreamEvents): OpenBytesStream {
    let cancelled = false;
    const stream = this.open(call, true, {
      message: (bytes) => cancelled || events.message(bytes),
      drained: () => cancelled || events.drained(),
      end: (answer) => cancelled || events.end(answer),
    });
    return {
      write: (message) => stream?.write(message) ?? true,
      endWriting: () => stream?.endWriting(),
      pause: () => stream?.pause(),
      resume: () => stream?.resume(),
      cancel: () => {
        cancelled = true;
        stream?.cancel();
      },
    };
  }

  close(): void {
    for (const connection of this.connections) connection?.destroy();
    this.connections.fill(undefined);
  }

  /** undefined: it could not even begin, and `events.end` will say why. */
  private open(
    { path, deadlineAtMs, headers }: BytesClientCall,
    beginsAtOnce: boolean,
    events: CallEvents,
  ): CallStream | undefined {
    const leftMs = deadlineAtMs - this.clock.monotonicMs();
    const refuse = (answer: BytesAnswer) => void setImmediate(() => events.end(answer, false));
    if (leftMs <= 0) return void refuse(failed(STATUS.DEADLINE_EXCEEDED, 'the deadline passed'));
    for (const name in headers)
      if (FORBIDDEN_IN_VALUES.test(headers[name] as string))
        return void refuse(failed(STATUS.INVALID_ARGUMENT, `the metadata "${name}" has a line break or a NUL`));
    const isTimed = leftMs !== Number.POSITIVE_INFINITY;
    const timeout = isTimed ? `${Math.min(TIMEOUT_MS_MAX, Math.max(1, Math.ceil(leftMs)))}m` : '';
    const connection = this.connection();
    const bounds = { bytesMax: this.answerBytesMax, leftMs, beginsAtOnce };
    const call = new CallStream(connection, { path, timeout, metadata: headers }, events, bounds);
    connection.begin(call);
    return call;
  }

  /**
   * The one with the fewest calls, the first where they are equal: what both sides keep of a connection that was used
   * just now is near. One that is gone is made anew, as soon as the others have calls.
   */
  private connection(): ClientConnection {
    let chosen: ClientConnection | undefined;
    let free = -1;
    for (let i = 0; i < CONNECTIONS; i++) {
      const known = this.connections[i];
      if (!known?.isOpen) free = free < 0 ? i : free;
      else if (chosen === undefined || known.calls < chosen.calls) chosen = known;
    }
    if (chosen !== undefined && (chosen.calls === 0 || free < 0)) return chosen;
    const made = new ClientConnection(this.address, this.clock, this.options.silenceMaxMs);
    this.connections[free] = made;
    return made;
  }
}
