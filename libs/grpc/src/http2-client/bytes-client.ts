// A gRPC client of bytes: requests leave and answers come as they are on the wire, with the status and the message that
// the other side gave. For calls that are passed on to a server that is not ours: on node:http2, because grpc-js takes
// about twice the time for a call and tells a server's own UNAVAILABLE like a connection that could not be made.
//
// A connection is made with the first call that needs it and anew when it is gone, so a server that comes back is found
// by the next call. A call that the other side refused unbegun (REFUSED_STREAM, GOAWAY) is sent once more. One that
// runs out of time on a connection on which nothing was heard since takes the connection with it: behind a silent
// network only a new one helps.

import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  type IncomingHttpHeaders,
} from 'node:http2';
import { status as STATUS } from '@grpc/grpc-js';
import type { Clock } from '@millrace/domain';
import { Deframer, MESSAGE_HEAD_BYTES } from '../http2-server/wire.js';

/** Two: a large message on one does not hold up the other. */
const CONNECTIONS = 2;
/** A loopback or a rack answers in a millisecond, another continent in 300; after this nobody is there. */
const CONNECT_MS_MAX = 2_000;
/** Of one stream and of a connection; the default of 64 KiB is a round trip per 64 KiB of an answer. */
const WINDOW_BYTES = 4_194_304;
/** Megabytes that Node may keep for a connection; its default of 10 cuts large answers off. */
const SESSION_MEMORY = 1_024;
/** Longest timeout that fits 8 digits of milliseconds. */
const TIMEOUT_MS_MAX = 99_999_999;

export interface BytesAnswer {
  readonly status: number;
  readonly message: string;
  readonly response: Uint8Array;
  /** False: the status is ours, the other side was not reached or broke off. */
  readonly answered: boolean;
}

export interface BytesClientCall {
  /** /package.Service/Method */
  readonly path: string;
  /** On the monotonic clock; Infinity = none. */
  readonly deadlineAtMs: number;
  /** Metadata by lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
}

/** What a stream tells; `end` comes once and last. */
export interface BytesStreamEvents {
  message(bytes: Uint8Array): void;
  end(answer: BytesAnswer): void;
  /** After a write that returned false. */
  drained(): void;
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

interface CallEvents extends BytesStreamEvents {
  /** `unbegun`: the other side says that it has not looked at the call. */
  end(answer: BytesAnswer, unbegun?: boolean): void;
}

interface Connection {
  session: ClientHttp2Session;
  heardAtMs: number;
  failure: string;
}

const NOTHING = new Uint8Array(0);

export class BytesClient {
  private readonly connections: (Connection | undefined)[] = new Array<Connection | undefined>(CONNECTIONS);
  private turn = 0;

  constructor(
    private readonly address: string,
    private readonly clock: Clock,
    private readonly answerBytesMax: number,
  ) {}

  /** `done` is called once, never from within, and not after the returned function was called. */
  unary(call: BytesClientCall, request: Uint8Array, done: (answer: BytesAnswer) => void): () => void {
    let cancelled = false;
    let stream: ClientHttp2Stream | undefined;
    const ask = (isLast: boolean): void => {
      const messages: Uint8Array[] = [];
      stream = this.open(call, {
        message: (bytes) => void messages.push(bytes),
        drained: () => undefined,
        end: (answer, unbegun) => {
          if (cancelled) return;
          const [response] = messages;
          if (unbegun && !isLast) ask(true);
          else if (answer.status !== STATUS.OK) done(answer);
          else if (response !== undefined && messages.length === 1) done({ ...answer, response });
          else done(failed(STATUS.INTERNAL, `the call was answered with ${messages.length} messages`));
        },
      });
      stream?.end(framed(request));
    };
    ask(false);
    return () => {
      cancelled = true;
      stream?.close(constants.NGHTTP2_CANCEL);
    };
  }

  stream(call: BytesClientCall, events: BytesStreamEvents): OpenBytesStream {
    let cancelled = false;
    const stream = this.open(call, {
      message: (bytes) => cancelled || events.message(bytes),
      drained: () => cancelled || events.drained(),
      end: (answer) => cancelled || events.end(answer),
    });
    return {
      write: (message) => stream?.write(framed(message)) ?? true,
      endWriting: () => void stream?.end(),
      pause: () => void stream?.pause(),
      resume: () => void stream?.resume(),
      cancel: () => {
        cancelled = true;
        stream?.close(constants.NGHTTP2_CANCEL);
      },
    };
  }

  close(): void {
    for (const connection of this.connections) connection?.session.destroy();
    this.connections.fill(undefined);
  }

  /** undefined: it could not even begin, and `events.end` will say why. */
  private open(call: BytesClientCall, events: CallEvents): ClientHttp2Stream | undefined {
    const nowMs = this.clock.monotonicMs();
    const leftMs = call.deadlineAtMs - nowMs;
    const refuse = (answer: BytesAnswer) => void setImmediate(() => events.end(answer));
    if (leftMs <= 0) return void refuse(failed(STATUS.DEADLINE_EXCEEDED, 'the deadline passed'));
    const connection = this.connection();
    const headers: Record<string, string> = {
      ...call.headers,
      ':method': 'POST',
      ':path': call.path,
      'content-type': 'application/grpc',
      te: 'trailers',
    };
    if (leftMs !== Number.POSITIVE_INFINITY)
      headers['grpc-timeout'] = `${Math.min(TIMEOUT_MS_MAX, Math.max(1, Math.ceil(leftMs)))}m`;
    try {
      const stream = connection.session.request(headers);
      follow(stream, events, {
        bytesMax: this.answerBytesMax,
        leftMs,
        heard: () => {
          connection.heardAtMs = this.clock.monotonicMs();
        },
        why: () => connection.failure,
        late: () => {
          if (connection.heardAtMs < nowMs) connection.session.destroy();
        },
      });
      return stream;
    } catch (thrown) {
      // It went away between the look and the call.
      return void refuse(failed(STATUS.UNAVAILABLE, (thrown as Error).message));
    }
  }

  /** The next in turn; one that is gone is made anew. */
  private connection(): Connection {
    const index = this.turn++ % CONNECTIONS;
    const known = this.connections[index];
    if (known && !known.session.closed && !known.session.destroyed) return known;
    const session = connect(`http://${this.address}`, {
      maxSessionMemory: SESSION_MEMORY,
      settings: { initialWindowSize: WINDOW_BYTES, enablePush: false },
    });
    const made: Connection = { session, heardAtMs: 0, failure: 'the connection broke' };
    const late = setTimeout(() => {
      made.failure = `no connection within ${CONNECT_MS_MAX} ms`;
      session.destroy();
    }, CONNECT_MS_MAX);
    session.once('connect', () => {
      clearTimeout(late);
      session.setLocalWindowSize(WINDOW_BYTES);
    });
    // Each open call hears of it by itself.
    session.on('error', (error) => {
      made.failure = error.message;
    });
    session.once('close', () => clearTimeout(late));
    this.connections[index] = made;
    return made;
  }
}

interface Surroundings {
  bytesMax: number;
  leftMs: number;
  heard(): void;
  /** Why the connection is gone. */
  why(): string;
  late(): void;
}

function follow(stream: ClientHttp2Stream, events: CallEvents, around: Surroundings): void {
  const deframer = new Deframer(around.bytesMax);
  let told: IncomingHttpHeaders = {};
  let own: BytesAnswer | undefined;
  const giveUp = (answer: BytesAnswer) => {
    own ??= answer;
    stream.close(constants.NGHTTP2_CANCEL);
  };
  const timer =
    around.leftMs === Number.POSITIVE_INFINITY
      ? undefined
      : setTimeout(() => {
          giveUp(failed(STATUS.DEADLINE_EXCEEDED, 'the deadline passed before the answer'));
          around.late();
        }, around.leftMs);
  const tell = (headers: IncomingHttpHeaders) => {
    around.heard();
    told = headers;
  };
  stream.on('response', (headers) => {
    tell(headers);
    const http = headers[':status'];
    // A server that speaks HTTP but no gRPC answers with a status of HTTP.
    if (http !== 200) giveUp(failed(STATUS.UNAVAILABLE, `HTTP ${http} instead of gRPC`));
  });
  stream.on('trailers', tell);
  stream.on('data', (chunk: Buffer) => {
    around.heard();
    const fault = deframer.push(chunk, ({ compressed, bytes }) => {
      if (compressed) giveUp(failed(STATUS.INTERNAL, 'the answer is compressed, which was not asked for'));
      else if (own === undefined) events.message(bytes);
    });
    if (fault !== null) giveUp(failed(STATUS.RESOURCE_EXHAUSTED, `an answer has more than ${around.bytesMax} bytes`));
  });
  stream.on('drain', () => events.drained());
  stream.on('error', () => undefined);
  stream.once('close', () => {
    clearTimeout(timer);
    // Streams outlive young collections (Node holds them by native handles); what they no longer need should not.
    stream.removeAllListeners();
    stream.on('error', () => undefined);
    const isUnbegun = own === undefined && stream.rstCode === constants.NGHTTP2_REFUSED_STREAM;
    if (own === undefined && told['grpc-status'] !== undefined)
      own = deframer.end() === null ? answerOf(told) : failed(STATUS.INTERNAL, 'the answer ended within a message');
    const isBroken = Object.keys(told).length > 0;
    events.end(own ?? failed(STATUS.UNAVAILABLE, isBroken ? 'it broke off within an answer' : around.why()), isUnbegun);
  });
}

function answerOf(told: IncomingHttpHeaders): BytesAnswer {
  const status = Number(told['grpc-status']);
  return {
    status: Number.isInteger(status) && status >= 0 && status <= 16 ? status : STATUS.UNKNOWN,
    message: decodedMessage(String(told['grpc-message'] ?? '')),
    response: NOTHING,
    answered: true,
  };
}

function failed(status: number, message: string): BytesAnswer {
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

function framed(message: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(MESSAGE_HEAD_BYTES + message.length);
  frame[0] = 0;
  frame.writeUInt32BE(message.length, 1);
  frame.set(message, MESSAGE_HEAD_BYTES);
  return frame;
}
