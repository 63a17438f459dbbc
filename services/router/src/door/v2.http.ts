// The V2 REST door (8000): infer is turned into a ModelInferRequest and takes the same way as gRPC; every other V2 read goes
// to serving's REST as it came (with the live version where none was named). Bodies, headers and connections are bounded.

import {
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { createGunzip, createInflate } from 'node:zlib';
import { type Clock, type ErrorCode, PlatformError } from '@millrace/domain';
import {
  decodeInferResponse,
  decodeRestRequest,
  encodeInferRequest,
  encodeRestResponse,
  type InferRequest,
  REST_STATUS,
  restError,
} from '@millrace/inference';
import { type Relay, STATUS } from '../relay/relay.js';
import { primaryVersion } from '../rollout/route.js';
import type { RouteTable } from '../routing/route-table.js';
import type { InferDoor } from './infer.js';

const HEADER_BYTES_MAX = 16_384;
const CONNECTIONS_MAX = 4_096;
/** Serving's answers to reads are small. */
const PROXIED_BYTES_MAX = 16_777_216;
const PROXY_TIMEOUT_MS = 5_000;

const INFER_PATH = /^\/v2\/models\/([^/]+)(?:\/versions\/([^/]+))?\/infer$/;
const MODEL_PATH = /^\/v2\/models\/([^/]+)(\/(?:ready|config|stats))?$/;

const ERROR_BY_STATUS: Readonly<Record<number, ErrorCode>> = {
  [STATUS.CANCELLED]: 'cancelled',
  [STATUS.INVALID_ARGUMENT]: 'invalid_argument',
  [STATUS.DEADLINE_EXCEEDED]: 'deadline_exceeded',
  [STATUS.NOT_FOUND]: 'not_found',
  [STATUS.RESOURCE_EXHAUSTED]: 'overloaded',
  12: 'unimplemented',
  [STATUS.UNAVAILABLE]: 'unavailable',
};

export interface HttpDoorOptions {
  host: string;
  port: number;
  requestBytesMax: number;
  drainMs: number;
  servingHost: string;
  servingPort: number;
}

export class HttpDoor {
  private readonly server: Server;

  constructor(
    private readonly door: InferDoor,
    private readonly relay: Relay,
    private readonly table: RouteTable,
    private readonly clock: Clock,
    private readonly options: HttpDoorOptions,
  ) {
    this.server = createServer(
      { maxHeaderSize: HEADER_BYTES_MAX, requestTimeout: 60_000, headersTimeout: 10_000, keepAliveTimeout: 65_000 },
      (request, response) => {
        this.handle(request, response).catch((thrown: unknown) => sendError(response, PlatformError.from(thrown)));
      },
    );
    this.server.maxConnections = CONNECTIONS_MAX;
  }

  listen(): Promise<number> {
    return new Promise((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen(this.options.port, this.options.host, () =>
        resolve((this.server.address() as AddressInfo).port),
      );
    });
  }

  /** Stops accepting, closes idle connections, lets running requests finish for the drain time. */
  close(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.server.closeAllConnections(), this.options.drainMs);
      this.server.close(() => {
        clearTimeout(timer);
        resolve();
      });
      this.server.closeIdleConnections();
    });
  }

  private async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = (request.url ?? '/').split('?', 1)[0] as string;
    const infer = INFER_PATH.exec(path);
    if (infer) {
      if (request.method !== 'POST') return sendJson(response, 405, { error: 'infer is a POST' });
      return this.infer(request, response, decodeSegment(infer[1] as string), decodeSegment(infer[2] ?? ''));
    }
    if (path === '/v2/health/live') return sendJson(response, 200, {});
    if (path === '/v2/health/ready') return sendJson(response, this.relay.up ? 200 : 503, {});
    if (path !== '/v2' && !path.startsWith('/v2/')) return sendJson(response, 404, { error: 'not a V2 path' });
    return this.proxy(request, response, this.withLiveVersion(path));
  }

  private async infer(
    request: IncomingMessage,
    response: ServerResponse,
    model: string,
    version: string,
  ): Promise<void> {
    const body = await readBody(request, this.options.requestBytesMax);
    const length = request.headers['inference-header-content-length'];
    if (length === '0') throw new PlatformError('unimplemented', 'raw binary requests without a JSON header');
    const headerLength = length === undefined ? undefined : Number(length);
    const decoded = decodeRestRequest(body, headerLength, model, version);
    const timeoutMs = Number(decoded.parameters.timeout ?? 0) / 1000;
    const cancel = this.door.infer({
      request: encodeInferRequest(decoded, Buffer.allocUnsafe),
      entity: text(request.headers['millrace-entity']),
      traceparent: text(request.headers.traceparent),
      deadlineAtMs: timeoutMs > 0 ? this.clock.monotonicMs() + timeoutMs : Number.POSITIVE_INFINITY,
      done: (status, message, bytes) => {
        if (status !== STATUS.OK)
          sendError(response, new PlatformError(ERROR_BY_STATUS[status] ?? 'internal', message));
        else sendInference(response, decoded, bytes);
      },
    });
    response.on('close', cancel);
  }

  private withLiveVersion(path: string): string {
    const match = MODEL_PATH.exec(path);
    if (!match || path === '/v2/models/stats') return path;
    const route = this.table.get(decodeSegment(match[1] as string));
    const version = route === undefined ? 0 : primaryVersion(route);
    return version === 0 ? path : `/v2/models/${match[1]}/versions/${version}${match[2] ?? ''}`;
  }

  private async proxy(request: IncomingMessage, response: ServerResponse, path: string): Promise<void> {
    const body = request.method === 'POST' ? await readBody(request, 1_048_576) : undefined;
    const { servingHost: host, servingPort: port } = this.options;
    const headers = { 'content-type': 'application/json', 'content-length': body?.length ?? 0 };
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      const forwarded = httpRequest(
        { host, port, path, method: request.method ?? 'GET', headers, timeout: PROXY_TIMEOUT_MS },
        resolve,
      );
      forwarded.on('timeout', () => forwarded.destroy(new Error('serving did not answer in time')));
      forwarded.on('error', (error) => reject(new PlatformError('unavailable', `serving: ${error.message}`)));
      forwarded.end(body);
    });
    const bytes = await readBody(answer, PROXIED_BYTES_MAX);
    response.writeHead(answer.statusCode ?? 502, {
      'content-type': answer.headers['content-type'] ?? 'application/json',
      'content-length': bytes.length,
    });
    response.end(bytes);
  }
}

/** The version that answered is in the model_version of the body. */
function sendInference(response: ServerResponse, decoded: InferRequest, bytes: Uint8Array): void {
  try {
    const encoded = encodeRestResponse(decodeInferResponse(bytes), decoded);
    const headers: Record<string, string | number> = {
      'content-type': encoded.headerLength === undefined ? 'application/json' : 'application/octet-stream',
      'content-length': encoded.body.length,
    };
    if (encoded.headerLength !== undefined) headers['inference-header-content-length'] = encoded.headerLength;
    response.writeHead(200, headers);
    response.end(encoded.body);
  } catch (thrown) {
    sendError(response, PlatformError.from(thrown));
  }
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
  response.writeHead(error.code === 'internal' ? REST_STATUS.internal : status, {
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

function text(header: string | string[] | undefined): string {
  return typeof header === 'string' ? header : '';
}

/** Bounded, also after decompression. What is beyond the bound is read and thrown away, so that the answer arrives. */
function readBody(message: IncomingMessage, bytesMax: number): Promise<Buffer> {
  const tooLarge = () => new PlatformError('invalid_argument', `the body has more than ${bytesMax} bytes`);
  const encoding = text(message.headers['content-encoding']);
  return new Promise((resolve, reject) => {
    const refuse = (error: unknown) => {
      message.unpipe();
      message.resume();
      reject(PlatformError.from(error, 'invalid_argument'));
    };
    message.on('aborted', () => refuse(new PlatformError('cancelled', 'the caller went away')));
    if (Number(message.headers['content-length'] ?? 0) > bytesMax) return refuse(tooLarge());
    let source: NodeJS.ReadableStream = message;
    if (encoding === 'gzip') source = message.pipe(createGunzip());
    else if (encoding === 'deflate') source = message.pipe(createInflate());
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
    source.on('error', refuse);
    source.on('end', () => resolve(Buffer.concat(parts, size)));
  });
}
