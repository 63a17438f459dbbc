// The V2 REST endpoint (8000): infer is turned into a ModelInferRequest and takes the same way as gRPC. Everything else
// goes to serving's REST as it came: raw single-input bodies, generate and generate_stream with the version that the
// route chooses, reads with the live version where none was named. What is about an upstream whose REST address is
// known goes there as it came, infer too; without the address infer takes the way of gRPC. Bodies, headers and
// connections are bounded.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, Server as NetServer } from 'node:net';
import { createGunzip, createInflate, deflate, gzip } from 'node:zlib';
import { type Clock, PlatformError } from '@millrace/domain';
import { acceptWaiting, codeOfStatus, turnOfLoop } from '@millrace/grpc';
import {
  acceptedCoding,
  codingOf,
  decodeInferResponse,
  decodeRestRequest,
  encodeInferRequest,
  encodeRestResponse,
  parseHeaderLength,
  type RestResponse,
  restError,
  restStatus,
} from '@millrace/inference';
import { GRPC_STATUS, type Headers, primaryVersion } from '@millrace/routing';
import type { Forward } from '../calls/forward.http.js';
import { grpcStatus } from '../calls/http-status.js';
import { statusOfChosen } from '../routing/chosen-status.js';
import type { RouteTable } from '../routing/route-table.js';
import type { UpstreamRest } from '../upstream/upstream-rest.http.js';
import type { InferEndpoint } from './infer-endpoint.js';
import { LOOK_MS, NOTICE_MS, serveOn } from './serve-on.js';

const HEADER_BYTES_MAX = 16_384;
const CONNECTIONS_MAX = 4_096;
/** Below this a compressed answer is not worth its time. */
const COMPRESSED_BYTES_MIN = 1_024;
/** Tensors gain little from more: level 1 costs a third of the default. */
const COMPRESSION = { level: 1 };

const INFER_PATH = /^\/v2\/models\/([^/]+)(?:\/versions\/([^/]+))?\/infer$/;
const GENERATE_PATH = /^\/v2\/models\/([^/]+)(?:\/versions\/([^/]+))?\/(generate|generate_stream)$/;
const MODEL_PATH = /^\/v2\/models\/([^/]+)(\/(?:ready|config))?$/;
const PREVIEW_PATH = /^\/v2\/models\/([^/]+)\/versions\/preview(\/.*)?$/;

export interface HttpEndpointOptions {
  /** Whoever answers is there. */
  ready(): boolean;
  host: string;
  port: number;
  requestBytesMax: number;
  drainMs: number;
  /** REST of serving. */
  serving: Pick<Forward, 'forward' | 'close'>;
}

export class HttpEndpoint {
  private readonly server: Server;
  private readonly serving: HttpEndpointOptions['serving'];
  /** Of requests that came and are not answered. */
  private readonly open = new Set<ServerResponse>();
  private connections = 0;
  /** Connections and requests, ever. */
  private accepted = 0;
  private asked = 0;
  private isEnding = false;
  private tellsToClose = false;

  constructor(
    private readonly inference: InferEndpoint,
    private readonly table: RouteTable,
    private readonly upstream: UpstreamRest,
    private readonly clock: Clock,
    private readonly options: HttpEndpointOptions,
  ) {
    this.serving = options.serving;
    this.server = createServer(
      { maxHeaderSize: HEADER_BYTES_MAX, requestTimeout: 60_000, headersTimeout: 10_000, keepAliveTimeout: 65_000 },
      (request, response) => {
        this.open.add(response);
        this.asked += 1;
        response.once('close', () => this.open.delete(response));
        if (this.tellsToClose) response.shouldKeepAlive = false;
        this.handle(request, response).catch((thrown: unknown) => sendError(response, PlatformError.from(thrown)));
      },
    );
    this.server.maxConnections = CONNECTIONS_MAX;
    this.server.on('connection', (socket) => {
      this.connections += 1;
      this.accepted += 1;
      socket.once('close', () => {
        this.connections -= 1;
      });
    });
  }

  listen(): Promise<number> {
    return new Promise((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen(this.options.port, this.options.host, () =>
        resolve((this.server.address() as AddressInfo).port),
      );
    });
  }

  /**
   * Says that it is not ready and serves on for a moment; then takes no new connections, and every answer tells its
   * client to use the connection no more, as GOAWAY does. In this order: a client that is told connects again at once,
   * and the system resets what reaches the queue of a listener that is just being closed. Running requests finish for
   * the drain time. A client that keeps connections alive would else go on with them until they are cut under its
   * requests. One that asks uses up the idle ones that it has: they stay until nobody has asked for a moment.
   */
  async close(): Promise<void> {
    const { drainMs } = this.options;
    this.isEnding = true;
    const isConnected = () => this.connections > 0;
    await serveOn(drainMs, isConnected);
    await acceptWaiting(() => this.accepted);
    const cut = setTimeout(() => this.server.closeAllConnections(), drainMs);
    // An HTTP server's own closes what is idle, too.
    const closed = new Promise<void>((resolve) => NetServer.prototype.close.call(this.server, () => resolve()));
    this.tellsToClose = true;
    for (const response of this.open) if (!response.headersSent) response.shouldKeepAlive = false;
    for (let quietMs = 0; isConnected(); quietMs += LOOK_MS) {
      const { asked } = this;
      await serveOn(LOOK_MS, isConnected);
      await turnOfLoop(); // what has come is read
      if (this.asked > asked) quietMs = 0;
      if (quietMs > NOTICE_MS) this.server.closeIdleConnections();
    }
    await closed;
    clearTimeout(cut);
    this.serving.close();
    this.upstream.close();
  }

  private async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = (request.url ?? '/').split('?', 1)[0] as string;
    if (path === '/v2' || path.startsWith('/v2/')) {
      const passed = this.upstream.pass(request, response, path);
      if (passed !== undefined) return passed;
    }
    const infer = INFER_PATH.exec(path);
    if (infer) {
      const [model, version] = [decodeSegment(infer[1] as string), decodeSegment(infer[2] ?? '')];
      const raw = request.headers['inference-header-content-length'] === '0';
      if (request.method !== 'POST') return notAllowed(response, request.method, 'POST');
      if (raw) return this.forwardCall(request, response, model, version, 'infer');
      return this.infer(request, response, model, version);
    }
    const generate = GENERATE_PATH.exec(path);
    if (generate) {
      const [model, version] = [decodeSegment(generate[1] as string), decodeSegment(generate[2] ?? '')];
      if (request.method !== 'POST') return notAllowed(response, request.method, 'POST');
      return this.forwardCall(request, response, model, version, generate[3] as string);
    }
    const health = path === '/v2/health/live' || path === '/v2/health/ready';
    const reads = request.method === 'GET' || request.method === 'HEAD';
    if (health && !reads) return notAllowed(response, request.method, 'GET, HEAD');
    // Triton's habit, as serving's: 200 or 400 with an empty body.
    if (health) {
      response.writeHead(path === '/v2/health/live' || (this.options.ready() && !this.isEnding) ? 200 : 400, {
        'content-length': 0,
      });
      response.end();
      return;
    }
    if (path !== '/v2' && !path.startsWith('/v2/')) return sendJson(response, 404, { error: 'not a V2 path' });
    const target = this.withLiveVersion(path) + (request.url ?? '').slice(path.length);
    return this.serving.forward(request, response, { path: target, bodyBytesMax: this.options.requestBytesMax });
  }

  private async infer(
    request: IncomingMessage,
    response: ServerResponse,
    model: string,
    version: string,
  ): Promise<void> {
    const body = await readBody(request, this.options.requestBytesMax);
    const length = request.headers['inference-header-content-length'];
    const headerLength = parseHeaderLength(Array.isArray(length) ? length[0] : length);
    const decoded = decodeRestRequest(body, headerLength, model, version);
    let told: RestResponse | undefined;
    const cancel = this.inference.infer({
      request: encodeInferRequest(decoded, Buffer.allocUnsafe),
      entity: text(request.headers['millrace-entity']),
      traceparent: text(request.headers.traceparent),
      headers: headersOf(request),
      // REST has none; the parameter `timeout` is about serving's queue only.
      deadlineAtMs: Number.POSITIVE_INFINITY,
      unreadable: (bytes) => {
        try {
          told = encodeRestResponse(decodeInferResponse(bytes), decoded);
          return undefined;
        } catch (thrown) {
          return PlatformError.from(thrown).reason;
        }
      },
      done: (status, message, bytes) => {
        try {
          if (status !== GRPC_STATUS.OK) throw new PlatformError(codeOfStatus(status), message);
          sendInference(request, response, told ?? encodeRestResponse(decodeInferResponse(bytes), decoded));
        } catch (thrown) {
          sendError(response, PlatformError.from(thrown));
        }
      },
    });
    response.on('close', cancel);
  }

  private withLiveVersion(path: string): string {
    const preview = PREVIEW_PATH.exec(path);
    if (preview) return this.withPreview(path, preview[1] as string, preview[2] ?? '');
    const match = MODEL_PATH.exec(path);
    if (!match || path === '/v2/models/stats') return path;
    const route = this.table.get(decodeSegment(match[1] as string));
    const version = route === undefined ? 0 : primaryVersion(route.targets);
    return version === 0 ? path : `/v2/models/${match[1]}/versions/${version}${match[2] ?? ''}`;
  }

  /** A model without a route may have a version of this name. */
  private withPreview(path: string, model: string, question: string): string {
    const name = decodeSegment(model);
    if (this.table.get(name) === undefined) return path;
    const found = this.inference.previewOf(name);
    if (!('version' in found)) throw new PlatformError(codeOfStatus(found.status), found.message);
    return `/v2/models/${model}/versions/${found.version}${question}`;
  }

  /** A prediction whose body is not decoded here. */
  private async forwardCall(
    request: IncomingMessage,
    response: ServerResponse,
    model: string,
    versionText: string,
    what: string,
  ): Promise<void> {
    const startMs = this.clock.monotonicMs();
    const picked = this.inference.pick(
      model,
      versionText,
      text(request.headers['millrace-entity']),
      headersOf(request),
    );
    if ('status' in picked) {
      request.resume();
      this.inference.record(model, 0, picked.status, startMs);
      throw new PlatformError(codeOfStatus(picked.status), picked.message);
    }
    const { byRoute } = picked;
    const versioned = picked.versionText === '' ? '' : `/versions/${encodeURIComponent(picked.versionText)}`;
    await this.serving.forward(request, response, {
      path: `/v2/models/${encodeURIComponent(model)}${versioned}/${what}`,
      bodyBytesMax: this.options.requestBytesMax,
      answered: (status) => {
        const told = grpcStatus(status);
        this.inference.passedOn(picked, model, byRoute ? statusOfChosen(told) : told, startMs);
      },
    });
  }
}

/** The version that answered is in the model_version of the body. */
function sendInference(request: IncomingMessage, response: ServerResponse, { body, headerLength }: RestResponse): void {
  const headers: Record<string, string | number> = {
    'content-type': headerLength === undefined ? 'application/json' : 'application/octet-stream',
  };
  if (headerLength !== undefined) headers['inference-header-content-length'] = headerLength;
  const plain = () => {
    response.writeHead(200, { ...headers, 'content-length': body.length });
    response.end(body);
  };
  const coding =
    body.length < COMPRESSED_BYTES_MIN ? undefined : acceptedCoding(text(request.headers['accept-encoding']));
  if (coding === undefined) {
    plain();
    return;
  }
  headers.vary = 'accept-encoding';
  (coding === 'gzip' ? gzip : deflate)(body, COMPRESSION, (error, packed) => {
    // Out of memory or the like: the answer itself is fine.
    if (error || packed.length >= body.length) plain();
    else {
      response.writeHead(200, { ...headers, 'content-encoding': coding, 'content-length': packed.length });
      response.end(packed);
    }
  });
}

function notAllowed(response: ServerResponse, method: string | undefined, allowed: string): void {
  response.setHeader('allow', allowed);
  sendJson(response, 405, { error: `${method} is not allowed here, ${allowed} is` });
}

function sendJson(response: ServerResponse, status: number, body: object): void {
  const bytes = JSON.stringify(body);
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(bytes) });
  response.end(bytes);
}

function sendError(response: ServerResponse, error: PlatformError): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const { status, body } = restError(error);
  response.writeHead(error.code === 'internal' ? restStatus('internal') : status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
  });
  response.end(body);
}

function decodeSegment(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw new PlatformError('invalid_argument', 'the path is not valid percent-encoding');
  }
}

const headersOf = ({ headers }: IncomingMessage): Headers => ({ header: (name) => text(headers[name]) });

function text(header: string | string[] | undefined): string {
  return typeof header === 'string' ? header : '';
}

/** Bounded, also after decompression. What is beyond the bound is read and thrown away, so that the answer arrives. */
function readBody(message: IncomingMessage, bytesMax: number): Promise<Buffer> {
  const tooLarge = () => new PlatformError('invalid_argument', `the body has more than ${bytesMax} bytes`);
  const encoding = text(message.headers['content-encoding']).trim().toLowerCase();
  const coding = codingOf(encoding);
  return new Promise((resolve, reject) => {
    const refuse = (error: unknown) => {
      message.unpipe();
      message.resume();
      reject(PlatformError.from(error, 'invalid_argument'));
    };
    message.on('aborted', () => refuse(new PlatformError('cancelled', 'the caller went away')));
    if (Number(message.headers['content-length'] ?? 0) > bytesMax) return refuse(tooLarge());
    let source: NodeJS.ReadableStream = message;
    if (coding === 'gzip') source = message.pipe(createGunzip());
    else if (coding === 'deflate') source = message.pipe(createInflate());
    else if (encoding !== '' && encoding !== 'identity') {
      const named = encoding.slice(0, 32);
      return refuse(new PlatformError('invalid_argument', `content-encoding '${named}' is not gzip or deflate`));
    }
    const parts: Buffer[] = [];
    let size = 0;
    source.on('data', (part: Buffer) => {
      size += part.length;
      if (size <= bytesMax) parts.push(part);
      else refuse(tooLarge());
    });
    source.on('error', () =>
      refuse(new PlatformError('invalid_argument', `the body is not ${coding}: ${coding} data cannot be read`)),
    );
    source.on('end', () => resolve(Buffer.concat(parts, size)));
  });
}
