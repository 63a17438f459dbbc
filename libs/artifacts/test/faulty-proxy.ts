// A proxy before an S3 server that does to single requests what networks and servers do: no answer, an error, a body
// that is cut, shortened, changed or slow.

import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export type Fault =
  | { readonly kind: 'status'; readonly status: number; readonly code: string }
  /** The connection ends while the request is read, or in the middle of the answer's body. */
  | { readonly kind: 'cut'; readonly what: 'request' | 'answer' }
  /** A whole answer, of fewer bytes. */
  | { readonly kind: 'shorten' }
  | { readonly kind: 'change' }
  /** The connection stays, nothing comes (any more). */
  | { readonly kind: 'stall'; readonly what: 'request' | 'answer' };

export interface Seen {
  readonly method: string;
  /** Path with query. */
  readonly url: string;
}

export class FaultyProxy {
  readonly seen: Seen[] = [];
  /** What happens to a request; undefined: it passes. */
  fault: (request: Seen) => Fault | undefined = () => undefined;
  private readonly server = createServer((incoming, answer) => this.pass(incoming, answer));

  private constructor(private readonly upstream: URL) {}

  static async before(endpoint: string): Promise<FaultyProxy> {
    const proxy = new FaultyProxy(new URL(endpoint));
    await new Promise<void>((resolve) => proxy.server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** The first so many requests that `matches` meet `fault`. */
  first(count: number, matches: (request: Seen) => boolean, fault: Fault): void {
    let left = count;
    this.fault = (seen) => (left > 0 && matches(seen) && left-- > 0 ? fault : undefined);
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private pass(incoming: IncomingMessage, answer: ServerResponse): void {
    const seen = { method: incoming.method ?? '', url: incoming.url ?? '' };
    this.seen.push(seen);
    const fault = this.fault(seen);
    if (fault?.kind === 'status') {
      incoming.resume().once('end', () => {
        answer.writeHead(fault.status, { 'content-type': 'application/xml' });
        answer.end(`<?xml version="1.0"?><Error><Code>${fault.code}</Code><Message>as the test says</Message></Error>`);
      });
      return;
    }
    if (fault !== undefined && 'what' in fault && fault.what === 'request') {
      if (fault.kind === 'cut')
        incoming.once('data', () => incoming.socket.destroy()).once('end', () => incoming.socket.destroy());
      return;
    }
    const { hostname, port } = this.upstream;
    const { method, url: path, headers } = incoming;
    const forwarded = request({ hostname, port, method, path, headers }, (given) => {
      if (fault === undefined) {
        answer.writeHead(given.statusCode ?? 500, given.headers);
        given.pipe(answer);
      } else void alter(given, answer, fault);
    });
    forwarded.once('error', () => incoming.socket.destroy());
    incoming.pipe(forwarded);
  }
}

async function alter(given: IncomingMessage, answer: ServerResponse, fault: Fault): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of given) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks);
  const half = body.subarray(0, body.length >> 1);
  const { statusCode = 500, headers } = given;
  if (fault.kind === 'shorten') {
    answer.writeHead(statusCode, { ...headers, 'content-length': half.length }).end(half);
  } else if (fault.kind === 'change') {
    body[body.length >> 1] = (body[body.length >> 1] ?? 0) ^ 1;
    answer.writeHead(statusCode, headers).end(body);
  } else {
    answer.writeHead(statusCode, headers);
    answer.write(half, () => {
      if (fault.kind === 'cut') answer.destroy();
    });
  }
}
