// A gRPC server with an HTTP/2 of its own, for the ports that carry predictions: a call costs a fraction of what it
// costs behind grpc-js or node:http2 (bench/results), and handlers get bytes. Unary calls and streams, deadlines,
// cancellation, gzip and deflate requests, grpc.health.v1, limits against abuse, a drain that loses no call,
// connections of bounded age.
//
// Closing: NOT_SERVING → GOAWAY "no stream is excluded yet" and a PING → what crossed them is still taken → once the
// PING is answered nothing more can come, and new streams are refused as not begun → running calls end within the grace
// → the rest is cut.

import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { status } from '@grpc/grpc-js';
import { type Clock, PlatformError, systemClock } from '@millrace/domain';
import { acceptWaiting } from '../accept-waiting.js';
import { HealthState } from '../health.js';
import { fieldOf } from '../http2/hpack.js';
import { timeoutMs } from '../http2/wire.js';
import { MESSAGE_BYTES_MAX } from '../limits.js';
import type { AnswerStream } from './answer-stream.js';
import { type GrpcServiceBinding, methodsOf } from './bindings.js';
import type { Method, Methods } from './calls.js';
import { type ExchangeHead, type ExchangeLimits, StreamExchange, UnaryExchange } from './exchange.js';
import { healthMethods } from './health.js';
import { type ConnectionHost, ServerConnection, STREAM_WINDOW_BYTES } from './server-connection.js';

const CONNECTIONS_MAX = 4_096;
/** Memory of unfinished requests of all connections. */
const ASSEMBLING_BYTES_MAX = 268_435_456;

/** A peer that has not answered by then, and its system has taken our GOAWAY: it hangs, or answers no PING. */
const GOAWAY_NOTICE_MS_MAX = 2_000;
/** Ages of connections and silence are looked at this often. */
const SWEEP_MS = 500;
/** A dead peer behind a silent network is noticed after KEEPALIVE_MS + KEEPALIVE_TIMEOUT_MS. */
const KEEPALIVE_MS = 20_000;
const KEEPALIVE_TIMEOUT_MS = 5_000;
/** A peer that connects says what it speaks. */
const GREETING_MS = 10_000;
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
  readonly health: HealthState;
  /** Open connections. */
  readonly connections: number;
  /** Takes no new calls, lets running ones end for `graceMs`, then cuts them. */
  close(graceMs?: number): Promise<void>;
}

interface Watched {
  readonly connection: ServerConnection;
  readonly bornAtMs: number;
  readonly endsAtMs: number;
  goneAtMs: number;
  heardAtMs: number;
  reads: number;
  pinged: boolean;
}

class BytesServer implements RunningHttp2Server, ConnectionHost {
  readonly health: HealthState;
  private readonly server: Server;
  private readonly watched = new Map<ServerConnection, Watched>();
  private readonly methods: Methods;
  private readonly limits: ExchangeLimits;
  private readonly clock: Clock;
  private readonly sweeper: NodeJS.Timeout;
  private accepted = 0;
  port = 0;

  constructor(private readonly settings: Http2ServerSettings) {
    const services = settings.services ?? [];
    this.clock = settings.clock ?? systemClock;
    this.limits = {
      messageBytesMax: settings.messageBytesMax ?? MESSAGE_BYTES_MAX,
      assemblingBytesMax: ASSEMBLING_BYTES_MAX,
      assemblingBytes: 0,
    };
    const own = [...services.flatMap((binding) => methodsOf(binding, this.clock)), ...(settings.methods ?? [])];
    // A path is /package.Service/Method.
    this.health = new HealthState(own.map(([path]) => path.split('/')[1] as string));
    this.methods = new Map<string, Method>([...healthMethods(this.health), ...own]);
    this.server = createServer((socket) => this.accept(socket));
    this.server.maxConnections = CONNECTIONS_MAX;
    this.sweeper = setInterval(() => this.sweep(), SWEEP_MS);
    this.sweeper.unref();
  }

  get connections(): number {
    return this.watched.size;
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
    await acceptWaiting(() => this.accepted);
    for (const connection of this.watched.keys()) connection.announceEnd();
    // No new connection during the notice: a client would begin on it what is about to end.
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()));
    const each = (end: (connection: ServerConnection) => void) => () => {
      for (const connection of this.watched.keys()) end(connection);
    };
    const noticed = setTimeout(
      each((connection) => connection.finish()),
      Math.min(GOAWAY_NOTICE_MS_MAX, graceMs),
    );
    const over = setTimeout(
      each((connection) => connection.destroy()),
      graceMs,
    );
    await closed;
    // Node tells of the server's end before it tells of the last socket's.
    while (this.watched.size > 0) await new Promise((resolve) => setImmediate(resolve));
    clearTimeout(noticed);
    clearTimeout(over);
    clearInterval(this.sweeper);
  }

  open(connection: ServerConnection, id: number, headers: readonly string[]): AnswerStream {
    const nowMs = this.clock.monotonicMs();
    const path = fieldOf(headers, ':path');
    const timeout = fieldOf(headers, 'grpc-timeout');
    const leftMs = timeout === '' ? Number.POSITIVE_INFINITY : timeoutMs(timeout);
    const head: ExchangeHead = {
      host: connection,
      id,
      sendWindow: connection.peerStreamWindow,
      receiveWindow: STREAM_WINDOW_BYTES,
      headers,
      path,
      arrivedAtMs: nowMs,
      deadlineAtMs: nowMs + leftMs,
      limits: this.limits,
    };
    const method = this.methods.get(path);
    if (fieldOf(headers, ':method') !== 'POST' || !fieldOf(headers, 'content-type').startsWith('application/grpc'))
      return new Refused(head, status.INTERNAL, 'not a gRPC call: POST with content-type application/grpc is expected');
    if (Number.isNaN(leftMs)) return new Refused(head, status.INVALID_ARGUMENT, 'grpc-timeout is malformed');
    if (leftMs <= 0) return new Refused(head, status.DEADLINE_EXCEEDED, 'the deadline passed before the call');
    if (!method) return new Refused(head, status.UNIMPLEMENTED, `${path.slice(0, 128)} is not served here`);
    if (method.kind === 'unary') return new UnaryExchange(head, method.handle);
    return new StreamExchange(head, method.handle);
  }

  closed(connection: ServerConnection): void {
    this.watched.delete(connection);
  }

  private accept(socket: Socket): void {
    const { connectionAgeMaxMs = 0 } = this.settings;
    const nowMs = this.clock.monotonicMs();
    // The golden ratio's multiples spread evenly without randomness.
    const spread = 1 - AGE_SPREAD * ((this.accepted++ * 0.618034) % 1);
    const connection = new ServerConnection(socket, this, this.clock);
    this.watched.set(connection, {
      connection,
      bornAtMs: nowMs,
      endsAtMs: connectionAgeMaxMs > 0 ? nowMs + connectionAgeMaxMs * spread : Number.POSITIVE_INFINITY,
      goneAtMs: Number.POSITIVE_INFINITY,
      heardAtMs: nowMs,
      reads: 0,
      pinged: false,
    });
  }

  private sweep(): void {
    const nowMs = this.clock.monotonicMs();
    for (const watched of this.watched.values()) {
      const { connection } = watched;
      if (connection.reads !== watched.reads) {
        watched.reads = connection.reads;
        watched.heardAtMs = nowMs;
        watched.pinged = false;
      }
      const silentMs = nowMs - watched.heardAtMs;
      if (
        nowMs >= watched.goneAtMs ||
        (!connection.greeted && nowMs - watched.bornAtMs >= GREETING_MS) ||
        silentMs >= KEEPALIVE_MS + KEEPALIVE_TIMEOUT_MS
      )
        connection.destroy();
      else if (nowMs >= watched.endsAtMs && watched.goneAtMs === Number.POSITIVE_INFINITY) {
        watched.goneAtMs = nowMs + AGE_GRACE_MS;
        connection.announceEnd();
        setTimeout(() => connection.finish(), GOAWAY_NOTICE_MS_MAX).unref();
      } else if (silentMs >= KEEPALIVE_MS && !watched.pinged) {
        watched.pinged = true;
        connection.ping();
      }
    }
  }
}

/** A call that is answered before it begins. */
class Refused extends UnaryExchange {
  constructor(
    head: ExchangeHead,
    private readonly code: number,
    private readonly reason: string,
  ) {
    super(head, () => undefined);
  }

  override opened(): void {
    this.refuse(this.code, this.reason);
  }
}

/** Starts listening; rejects with `unavailable` and the address when the port is taken. */
export async function startHttp2Server(settings: Http2ServerSettings): Promise<RunningHttp2Server> {
  const server = new BytesServer(settings);
  await server.listen();
  return server;
}
