// The V2 gRPC door (8001) straight on node:http2: 70 us of CPU a request where the same hop behind a grpc-js server took 100
// (measured). ModelInfer and ModelStreamInfer go over the relay, liveness and health are answered here, every other unary rpc
// of the service is forwarded to serving as bytes. Takes gzip and deflate, answers uncompressed.

import {
  constants,
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { AddressInfo } from 'node:net';
import { gunzipSync, inflateSync } from 'node:zlib';
import { GRPCInferenceService, Health } from '@millrace/contracts';
import { type Clock, PlatformError } from '@millrace/domain';
import { peekModel } from '@millrace/inference';
import { type Relay, STATUS } from '../relay/relay.js';
import type { ServingClient } from '../relay/serving.grpc.js';
import { primaryVersion } from '../rollout/route.js';
import type { RouteTable } from '../routing/route-table.js';
import { Deframer, encodeStatusMessage, MESSAGE_HEAD_BYTES, timeoutMs, type WireMessage } from './grpc-wire.js';
import type { InferDoor } from './infer.js';

/** Concurrent calls of one connection; more wait in the client. */
const CONCURRENT_STREAMS_MAX = 1_024;
const CONNECTIONS_MAX = 4_096;
const HEADER_LIST_BYTES_MAX = 16_384;
/** A call's bytes that may be under way before we took them; 64 KiB would make a large tensor wait for round trips. */
const WINDOW_BYTES = 1_048_576;
/** Requests of one ModelStreamInfer being answered; more wait in the stream. */
const STREAM_IN_FLIGHT_MAX = 256;
const WATCHERS_MAX = 256;
/** Clients with short deadlines reset many calls; Node's default of 33/s would cut their connection. */
const RESETS = { streamResetBurst: 10_000, streamResetRate: 1_000 };

/** Requests that crossed our GOAWAY arrive within a round trip. */
const GOAWAY_NOTICE_MS = 100;
/** "No stream is excluded yet" in a GOAWAY. */
const ANY_STREAM = 2 ** 31 - 1;

const TRUE = Buffer.from([0x08, 0x01]);
const FALSE = Buffer.alloc(0);
const SERVING = Buffer.from([0x08, 0x01]);
const NOT_SERVING = Buffer.from([0x08, 0x02]);
const OK_HEADERS = { ':status': 200, 'content-type': 'application/grpc' };
const OK_TRAILERS = { 'grpc-status': '0' };
const WITH_TRAILERS = { waitForTrailers: true };

const concat = (parts: readonly Uint8Array[], size: number): Uint8Array => Buffer.concat(parts, size);

interface Call {
  stream: ServerHttp2Stream;
  headers: IncomingHttpHeaders;
  /** On the monotonic clock. */
  deadlineAtMs: number;
}

type UnaryDone = (status: number, message: string, response: Uint8Array) => void;
/** Returns how to cancel it. */
type Unary = (call: Call, request: Uint8Array, done: UnaryDone) => (() => void) | undefined;

export interface Http2DoorOptions {
  host: string;
  port: number;
  requestBytesMax: number;
  drainMs: number;
}

export class GrpcDoor {
  private readonly server: Http2Server;
  private readonly sessions = new Set<ServerHttp2Session>();
  private readonly watchers = new Set<ServerHttp2Stream>();
  private readonly unary: ReadonlyMap<string, Unary>;
  private readonly streamPath = `/${GRPCInferenceService.typeName}/ModelStreamInfer`;
  private readonly watchPath = `/${Health.typeName}/Watch`;
  private healthy = false;
  private closing = false;
  private refusing = false;

  constructor(
    private readonly door: InferDoor,
    private readonly relay: Relay,
    private readonly table: RouteTable,
    private readonly serving: ServingClient,
    private readonly clock: Clock,
    private readonly options: Http2DoorOptions,
  ) {
    this.unary = this.unaryMethods();
    this.server = createServer({
      ...RESETS,
      maxSessionMemory: 1_024,
      settings: {
        maxConcurrentStreams: CONCURRENT_STREAMS_MAX,
        maxHeaderListSize: HEADER_LIST_BYTES_MAX,
        initialWindowSize: WINDOW_BYTES,
      },
    });
    this.server.maxConnections = CONNECTIONS_MAX;
    this.server.on('stream', (stream, headers) => this.onStream(stream, headers));
    // Garbage on the port ends as an error of its session; the session is gone, nothing else is to be done.
    this.server.on('sessionError', () => undefined);
    this.server.on('session', (session) => {
      this.sessions.add(session);
      session.setLocalWindowSize(WINDOW_BYTES * 4);
      session.on('close', () => this.sessions.delete(session));
    });
  }

  /** Resolves with the port it listens on. */
  listen(): Promise<number> {
    return new Promise((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen(this.options.port, this.options.host, () =>
        resolve((this.server.address() as AddressInfo).port),
      );
    });
  }

  /** grpc.health.v1 says what ServerReady says. */
  tellHealth(): void {
    const healthy = this.relay.up && !this.closing;
    if (healthy === this.healthy) return;
    this.healthy = healthy;
    for (const watcher of this.watchers) watcher.write(frame(healthy ? SERVING : NOT_SERVING));
  }

  /** Says GOAWAY, takes what was sent before the client read it, lets calls finish for the drain time, closes the rest. */
  async close(): Promise<void> {
    this.closing = true;
    this.tellHealth();
    for (const watcher of this.watchers) watcher.end();
    for (const session of this.sessions) session.goaway(constants.NGHTTP2_NO_ERROR, ANY_STREAM);
    await new Promise((resolve) => setTimeout(resolve, GOAWAY_NOTICE_MS));
    this.refusing = true;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => {
        for (const session of this.sessions) session.destroy();
      }, this.options.drainMs);
      this.server.close(() => {
        clearTimeout(timer);
        resolve();
      });
      for (const session of this.sessions) session.close();
    });
  }

  private unaryMethods(): Map<string, Unary> {
    const methods = new Map<string, Unary>();
    for (const method of GRPCInferenceService.methods) {
      if (method.methodKind === 'unary')
        methods.set(`/${GRPCInferenceService.typeName}/${method.name}`, this.forwarder(method.name));
    }
    const answer =
      (bytes: () => Buffer): Unary =>
      (_call, _request, done) => {
        done(STATUS.OK, '', bytes());
        return undefined;
      };
    const at = (name: string) => `/${GRPCInferenceService.typeName}/${name}`;
    methods.set(
      at('ServerLive'),
      answer(() => TRUE),
    );
    methods.set(
      at('ServerReady'),
      answer(() => (this.relay.up ? TRUE : FALSE)),
    );
    methods.set(at('ModelInfer'), this.infer);
    methods.set(
      `/${Health.typeName}/Check`,
      answer(() => (this.relay.up && !this.closing ? SERVING : NOT_SERVING)),
    );
    return methods;
  }

  private onStream(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    // A reset by the client; the close that follows cancels what runs.
    stream.on('error', () => undefined);
    if (this.refusing) {
      // Not begun: the client may send it elsewhere.
      stream.close(constants.NGHTTP2_REFUSED_STREAM);
      return;
    }
    const type = headers['content-type'];
    if (headers[':method'] !== 'POST' || type === undefined || !type.startsWith('application/grpc')) {
      stream.respond({ ':status': 415 }, { endStream: true });
      return;
    }
    const leftMs = timeoutMs(text(headers['grpc-timeout']) || undefined);
    if (Number.isNaN(leftMs)) {
      fail(stream, STATUS.INVALID_ARGUMENT, 'grpc-timeout is malformed');
      return;
    }
    const call: Call = { stream, headers, deadlineAtMs: this.clock.monotonicMs() + leftMs };
    const path = headers[':path'] ?? '';
    const method = this.unary.get(path);
    if (method !== undefined) this.serveUnary(call, method);
    else if (path === this.streamPath) this.serveInferStream(call);
    else if (path === this.watchPath) this.serveWatch(call);
    else fail(stream, 12, `${path.slice(0, 128)} is not served here`);
  }

  private serveUnary(call: Call, method: Unary): void {
    const { stream } = call;
    const deframer = new Deframer(this.options.requestBytesMax, concat);
    let request: WireMessage | undefined;
    let finished = false;
    let cancel: (() => void) | undefined;
    const end = (status: number, message: string, response: Uint8Array) => {
      if (finished) return;
      finished = true;
      if (status === STATUS.OK) succeed(stream, response);
      else fail(stream, status, message);
    };
    stream.on('data', (chunk: Buffer) => {
      const fault = deframer.push(chunk, (message) => {
        request ??= message;
      });
      if (fault !== null) end(STATUS.RESOURCE_EXHAUSTED, `more than ${this.options.requestBytesMax} bytes`, FALSE);
    });
    stream.on('end', () => {
      if (finished) return;
      if (request === undefined || deframer.end() !== null) {
        end(STATUS.INVALID_ARGUMENT, 'the call ended before its message', FALSE);
        return;
      }
      try {
        cancel = method(call, this.plain(request, call.headers), end);
      } catch (thrown) {
        const error = PlatformError.from(thrown);
        end(error.code === 'internal' ? STATUS.INTERNAL : STATUS.INVALID_ARGUMENT, error.reason, FALSE);
      }
    });
    stream.on('close', () => {
      if (finished) return;
      finished = true;
      cancel?.();
    });
  }

  private readonly infer: Unary = (call, request, done) =>
    this.door.infer({
      request,
      entity: text(call.headers['millrace-entity']),
      traceparent: text(call.headers.traceparent),
      deadlineAtMs: call.deadlineAtMs,
      done,
    });

  private serveInferStream(call: Call): void {
    const { stream } = call;
    const deframer = new Deframer(this.options.requestBytesMax, concat);
    const running = new Set<() => void>();
    let ended = false;
    stream.respond(OK_HEADERS, WITH_TRAILERS);
    stream.on('wantTrailers', () => stream.sendTrailers(OK_TRAILERS));
    const endIfDone = () => {
      if (ended && running.size === 0) stream.end();
    };
    const take = (message: WireMessage) => {
      let cancel: () => void = () => undefined;
      const done: UnaryDone = (status, reason, response) => {
        running.delete(cancel);
        if (running.size < STREAM_IN_FLIGHT_MAX) stream.resume();
        if (!stream.destroyed) stream.write(frame(streamAnswer(status, reason, response)));
        endIfDone();
      };
      cancel = this.infer(call, this.plain(message, call.headers), done) ?? cancel;
      running.add(cancel);
      if (running.size >= STREAM_IN_FLIGHT_MAX) stream.pause();
    };
    stream.on('data', (chunk: Buffer) => {
      try {
        if (deframer.push(chunk, take) !== null) stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM);
      } catch {
        stream.close(constants.NGHTTP2_PROTOCOL_ERROR); // compressed bytes that are none
      }
    });
    stream.on('end', () => {
      ended = true;
      endIfDone();
    });
    stream.on('close', () => {
      for (const cancel of running) cancel();
      running.clear();
    });
  }

  private serveWatch(call: Call): void {
    const { stream } = call;
    if (this.watchers.size >= WATCHERS_MAX) {
      fail(stream, STATUS.RESOURCE_EXHAUSTED, `${WATCHERS_MAX} watch already`);
      return;
    }
    stream.resume();
    stream.respond(OK_HEADERS, WITH_TRAILERS);
    stream.on('wantTrailers', () => stream.sendTrailers(OK_TRAILERS));
    stream.write(frame(this.healthy ? SERVING : NOT_SERVING));
    this.watchers.add(stream);
    stream.on('close', () => this.watchers.delete(stream));
  }

  private forwarder(method: string): Unary {
    const path = `/${GRPCInferenceService.typeName}/${method}`;
    const wantsVersion = method === 'ModelReady' || method === 'ModelMetadata' || method === 'ModelConfig';
    return (call, request, done) => {
      const bytes = wantsVersion ? this.withLiveVersion(request) : request;
      const deadlineMs = this.clock.nowMs() + call.deadlineAtMs - this.clock.monotonicMs();
      return this.serving.unary(path, bytes as Buffer, deadlineMs, (answer) => {
        if (answer.kind === 'ok') done(STATUS.OK, '', answer.response);
        else done(answer.status, answer.message, FALSE);
      });
    };
  }

  /** {1 name, 2 version}: a question without a version is about the one with most of the traffic. */
  private withLiveVersion(request: Uint8Array): Uint8Array {
    try {
      const head = peekModel(request);
      const route = head.modelVersion === '' ? this.table.get(head.modelName) : undefined;
      const version = route === undefined ? 0 : primaryVersion(route);
      if (version === 0) return request;
      const digits = Buffer.from(String(version));
      return Buffer.concat([request, Buffer.from([0x12, digits.length]), digits]);
    } catch {
      return request; // serving says what is wrong with it
    }
  }

  /** Throws invalid_argument or unimplemented. Bounded by the same size as an uncompressed message. */
  private plain(message: WireMessage, headers: IncomingHttpHeaders): Uint8Array {
    if (!message.compressed) return message.bytes;
    const encoding = text(headers['grpc-encoding']);
    const bound = { maxOutputLength: this.options.requestBytesMax };
    try {
      if (encoding === 'gzip') return gunzipSync(message.bytes, bound);
      if (encoding === 'deflate') return inflateSync(message.bytes, bound);
    } catch (thrown) {
      throw new PlatformError('invalid_argument', `the ${encoding} message cannot be read`, { cause: thrown });
    }
    throw new PlatformError('unimplemented', `grpc-encoding '${encoding.slice(0, 32)}'`);
  }
}

function text(header: string | string[] | undefined): string {
  return typeof header === 'string' ? header : '';
}

function frame(message: Uint8Array): Buffer {
  const { length } = message;
  const out = Buffer.allocUnsafe(MESSAGE_HEAD_BYTES + length);
  out[0] = 0;
  out.writeUInt32BE(length, 1);
  out.set(message, MESSAGE_HEAD_BYTES);
  return out;
}

function succeed(stream: ServerHttp2Stream, response: Uint8Array): void {
  if (stream.destroyed || stream.closed) return;
  stream.respond(OK_HEADERS, WITH_TRAILERS);
  stream.on('wantTrailers', () => stream.sendTrailers(OK_TRAILERS));
  stream.end(frame(response));
}

/** Trailers only. What the client still sends is not wanted. */
function fail(stream: ServerHttp2Stream, status: number, message: string): void {
  if (stream.destroyed || stream.closed) return;
  stream.resume();
  const headers = { ...OK_HEADERS, 'grpc-status': String(status), 'grpc-message': encodeStatusMessage(message) };
  stream.respond(headers, { endStream: true });
}

/** ModelStreamInferResponse{1 error_message, 2 infer_response}. */
function streamAnswer(status: number, message: string, response: Uint8Array): Buffer {
  const error = status !== STATUS.OK;
  const payload = error ? Buffer.from(message || `status ${status}`) : response;
  const head: number[] = [error ? 0x0a : 0x12];
  let rest = payload.length;
  for (; rest > 127; rest >>>= 7) head.push((rest & 127) | 128);
  head.push(rest);
  return Buffer.concat([Buffer.from(head), payload]);
}
