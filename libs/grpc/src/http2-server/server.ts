// A gRPC server straight on node:http2, for the ports that carry predictions: a call costs two thirds of what it costs behind
// grpc-js (measured), and handlers get bytes. Unary calls and streams, deadlines, cancellation, gzip and deflate requests,
// grpc.health.v1, limits against abuse, a drain that loses no call, connections of bounded age.
//
// Closing: NOT_SERVING → GOAWAY "no stream is excluded yet" → what crossed it is still taken → new streams are refused as
// not begun → running calls end within the grace → the rest is cut.

import {
  constants,
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { AddressInfo } from 'node:net';
import { status } from '@grpc/grpc-js';
import { type Clock, PlatformError, systemClock } from '@millrace/domain';
import { MESSAGE_BYTES_MAX } from '../limits.js';
import type { GrpcServiceBinding } from '../server.js';
import { methodsOf } from './bindings.js';
import type { Method, Methods } from './calls.js';
import { refuseStream, refuseUnprocessed, StreamExchange, UnaryExchange } from './exchange.js';
import { ServerHealth } from './health.js';
import { timeoutMs } from './wire.js';

/** Concurrent calls of one connection; more wait in the client. */
const CONCURRENT_STREAMS_MAX = 1_024;
const CONNECTIONS_MAX = 4_096;
const HEADER_LIST_BYTES_MAX = 16_384;
/** A call's bytes that may be under way before we took them; 64 KiB would make a large tensor wait for round trips. */
const STREAM_WINDOW_BYTES = 1_048_576;
const CONNECTION_WINDOW_BYTES = 4 * STREAM_WINDOW_BYTES;
/** Clients with short deadlines reset many calls; Node's default of 33/s would cut their connection. */
const RESETS = { streamResetBurst: 10_000, streamResetRate: 1_000 };
/** MiB of one connection's state, Node's own bound; above what CONCURRENT_STREAMS_MAX calls with full windows hold. */
const SESSION_MEMORY_MIB = 1_024;

/** Requests that crossed our GOAWAY arrive within a round trip. */
const GOAWAY_NOTICE_MS = 100;
/** "No stream is excluded yet" in a GOAWAY. */
const ANY_STREAM = 2 ** 31 - 1;
/** Ages of connections and silence are looked at this often. */
const SWEEP_MS = 500;
/** A dead peer behind a silent network is noticed after KEEPALIVE_MS + KEEPALIVE_TIMEOUT_MS. */
const KEEPALIVE_MS = 20_000;
const KEEPALIVE_TIMEOUT_MS = 5_000;
/** Calls that run when their connection is too old have so long before they are cut. */
const AGE_GRACE_MS = 10_000;
/** Ages differ by up to this part, so that connections made together do not end together. */
const AGE_SPREAD = 0.1;
/** Default of close(): long enough for any unary call's default deadline. */
const GRACE_MS = 5_000;

export interface Http2ServerSettings {
  /** 0 = any free port. */
  port: number;
  /** Default 127.0.0.1. */
  host?: string;
  services?: readonly GrpcServiceBinding[];
  /** By path; they win over those of `services`. */
  methods?: Methods;
  /** Of one message, before and after decompression; default MESSAGE_BYTES_MAX. */
  messageBytesMax?: number;
  /** After this a connection is told to go, so that clients spread over new replicas; default 0 = never. */
  connectionAgeMaxMs?: number;
  /** Workers of one port: each listens by itself and the system spreads the connections. */
  reusePort?: boolean;
  clock?: Clock;
}

export interface RunningHttp2Server {
  readonly port: number;
  readonly health: ServerHealth;
  /** Open connections. */
  readonly connections: number;
  /** Takes no new calls, lets running ones end for `graceMs`, then cuts them. */
  close(graceMs?: number): Promise<void>;
}

interface Connection {
  readonly session: ServerHttp2Session;
  readonly endsAtMs: number;
  goneAtMs: number;
  pingedAtMs: number;
  waitsForPong: boolean;
}

class BytesServer implements RunningHttp2Server {
  readonly health: ServerHealth;
  private readonly server: Http2Server;
  private readonly connectionsBySession = new Map<ServerHttp2Session, Connection>();
  private readonly methods: Methods;
  private readonly messageBytesMax: number;
  private readonly clock: Clock;
  private readonly sweeper: NodeJS.Timeout;
  private accepted = 0;
  private refusing = false;
  port = 0;

  constructor(private readonly settings: Http2ServerSettings) {
    const services = settings.services ?? [];
    this.clock = settings.clock ?? systemClock;
    this.messageBytesMax = settings.messageBytesMax ?? MESSAGE_BYTES_MAX;
    const own = [...services.flatMap((binding) => methodsOf(binding, this.clock)), ...(settings.methods ?? [])];
    // A path is /package.Service/Method.
    this.health = new ServerHealth(own.map(([path]) => path.split('/')[1] as string));
    this.methods = new Map<string, Method>([...this.health.methods(), ...own]);
    this.server = createServer({
      ...RESETS,
      maxSessionMemory: SESSION_MEMORY_MIB,
      settings: {
        maxConcurrentStreams: CONCURRENT_STREAMS_MAX,
        maxHeaderListSize: HEADER_LIST_BYTES_MAX,
        initialWindowSize: STREAM_WINDOW_BYTES,
      },
    });
    this.server.maxConnections = CONNECTIONS_MAX;
    this.server.on('stream', (stream, headers) => this.onStream(stream, headers));
    // Garbage on the port ends as an error of its session; the session is gone, nothing else is to be done.
    this.server.on('sessionError', () => undefined);
    this.server.on('session', (session) => this.onSession(session));
    this.sweeper = setInterval(() => this.sweep(), SWEEP_MS);
    this.sweeper.unref();
  }

  get connections(): number {
    return this.connectionsBySession.size;
  }

  async listen(): Promise<void> {
    const { host = '127.0.0.1', port, reusePort = false } = this.settings;
    const address = `${host}:${port}`;
    this.port = await new Promise<number>((resolve, reject) => {
      this.server.once('error', (cause) =>
        reject(new PlatformError('unavailable', `cannot listen on ${address}`, { facts: { address }, cause })),
      );
      this.server.listen({ port, host, ...(reusePort ? { reusePort } : {}) }, () =>
        resolve((this.server.address() as AddressInfo).port),
      );
    });
  }

  async close(graceMs = GRACE_MS): Promise<void> {
    this.health.close();
    for (const session of this.connectionsBySession.keys()) session.goaway(constants.NGHTTP2_NO_ERROR, ANY_STREAM);
    // No new connection during the notice: a client would begin on it what is about to end.
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()));
    await new Promise((resolve) => setTimeout(resolve, Math.min(GOAWAY_NOTICE_MS, graceMs)));
    this.refusing = true;
    const timer = setTimeout(() => {
      for (const session of this.connectionsBySession.keys()) session.destroy();
    }, graceMs);
    for (const session of this.connectionsBySession.keys()) session.close();
    await closed;
    clearTimeout(timer);
    clearInterval(this.sweeper);
  }

  private onSession(session: ServerHttp2Session): void {
    const { connectionAgeMaxMs = 0 } = this.settings;
    const nowMs = this.clock.monotonicMs();
    // The golden ratio's multiples spread evenly without randomness.
    const spread = 1 - AGE_SPREAD * ((this.accepted++ * 0.618034) % 1);
    this.connectionsBySession.set(session, {
      session,
      endsAtMs: connectionAgeMaxMs > 0 ? nowMs + connectionAgeMaxMs * spread : Number.POSITIVE_INFINITY,
      goneAtMs: Number.POSITIVE_INFINITY,
      pingedAtMs: nowMs,
      waitsForPong: false,
    });
    session.setLocalWindowSize(CONNECTION_WINDOW_BYTES);
    session.on('close', () => this.connectionsBySession.delete(session));
  }

  private sweep(): void {
    const nowMs = this.clock.monotonicMs();
    for (const connection of this.connectionsBySession.values()) {
      const { session } = connection;
      if (session.destroyed) continue;
      if (nowMs >= connection.goneAtMs) session.destroy();
      else if (nowMs >= connection.endsAtMs && connection.goneAtMs === Number.POSITIVE_INFINITY) {
        connection.goneAtMs = nowMs + AGE_GRACE_MS;
        this.letGo(session);
      } else if (connection.waitsForPong && nowMs - connection.pingedAtMs >= KEEPALIVE_TIMEOUT_MS) session.destroy();
      else if (nowMs - connection.pingedAtMs >= KEEPALIVE_MS) {
        connection.pingedAtMs = nowMs;
        connection.waitsForPong = session.ping(() => {
          connection.waitsForPong = false;
        });
      }
    }
  }

  /** As close() does, for one connection. */
  private letGo(session: ServerHttp2Session): void {
    session.goaway(constants.NGHTTP2_NO_ERROR, ANY_STREAM);
    setTimeout(() => {
      if (!session.destroyed) session.close();
    }, GOAWAY_NOTICE_MS).unref();
  }

  private onStream(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    // A reset by the client; the close that follows cancels what runs.
    stream.on('error', () => undefined);
    if (this.refusing) {
      refuseUnprocessed(stream);
      return;
    }
    const type = headers['content-type'];
    if (headers[':method'] !== 'POST' || type === undefined || !type.startsWith('application/grpc')) {
      stream.resume();
      stream.respond({ ':status': 415 }, { endStream: true });
      return;
    }
    const timeout = headers['grpc-timeout'];
    const leftMs = timeoutMs(typeof timeout === 'string' ? timeout : undefined);
    if (Number.isNaN(leftMs)) {
      refuseStream(stream, status.INVALID_ARGUMENT, 'grpc-timeout is malformed');
      return;
    }
    const path = headers[':path'] ?? '';
    const method = this.methods.get(path);
    if (method === undefined) {
      refuseStream(stream, status.UNIMPLEMENTED, `${path.slice(0, 128)} is not served here`);
      return;
    }
    const nowMs = this.clock.monotonicMs();
    const head = [stream, headers, path, nowMs, nowMs + leftMs, this.messageBytesMax] as const;
    if (method.kind === 'unary') new UnaryExchange(...head).serve(method.handle);
    else new StreamExchange(...head).serve(method.handle);
  }
}

/** Starts listening; rejects with `unavailable` and the address when the port is taken. */
export async function startHttp2Server(settings: Http2ServerSettings): Promise<RunningHttp2Server> {
  const server = new BytesServer(settings);
  await server.listen();
  return server;
}
