// Requests that another server answers over REST as they came, serving or an upstream: bytes and the headers that mean
// something to it go through in both directions without being decoded, so that binary bodies, compression, server-sent
// events and files are the same as there.

import {
  Agent,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request as requestHttp,
  type ServerResponse,
} from 'node:http';
import { pipeline } from 'node:stream';
import { PlatformError } from '@millrace/domain';
import { guardOfSettings } from '@millrace/service';

/** Connections that are kept; more requests wait. */
const SOCKETS_MAX = 256;
/** It says nothing for so long: it is gone. */
const SILENCE_MS_MAX = 60_000;

/** Of the connection, not of the message. */
const HOP_BY_HOP: ReadonlySet<string> = new Set([
  ...['connection', 'keep-alive', 'proxy-connection', 'proxy-authenticate', 'proxy-authorization'],
  ...['te', 'trailer', 'transfer-encoding', 'upgrade', 'host', 'expect'],
  // Judged here against this endpoint's own Host, which the other server does not see.
  ...['origin', 'sec-fetch-site'],
]);

function endToEnd(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !HOP_BY_HOP.has(name)));
}

export interface Forwarded {
  path: string;
  bodyBytesMax: number;
  /** On a connection of its own: the kept one was closed as the request left. */
  fresh?: boolean;
  /** Status of the answer; 0 = none came. Called once. */
  answered?(status: number): void;
  /** Sees what passes, in both directions. */
  tap?: Tap;
}

export interface Tap {
  sent(part: Buffer): void;
  head(status: number, headers: IncomingHttpHeaders): void;
  received(part: Buffer): void;
  /** The whole answer has passed. */
  done(): void;
}

export class Forward {
  private readonly agent: Agent;
  private readonly refusalOf = guardOfSettings();

  /** `name`: of the other server, in what is said of it. */
  constructor(
    private readonly host: string,
    private readonly port: number,
    private readonly name: string,
  ) {
    this.agent = new Agent({ keepAlive: true, maxSockets: SOCKETS_MAX });
  }

  close(): void {
    this.agent.destroy();
  }

  /**
   * Resolves when the answer was passed on; rejects with unavailable before its head, with invalid_argument for a large
   * body, with permission_denied for a web page that would change something.
   */
  forward(request: IncomingMessage, response: ServerResponse, forwarded: Forwarded): Promise<void> {
    const { path, bodyBytesMax, answered, tap, fresh = false } = forwarded;
    const { host, port, agent, name } = this;
    const { method = 'GET' } = request;
    const refusal = this.refusalOf(request);
    if (refusal !== undefined) {
      answered?.(0);
      request.resume();
      return Promise.reject(new PlatformError('permission_denied', refusal));
    }
    return new Promise((resolve, reject) => {
      let settled = false;
      const refuse = (error: PlatformError) => {
        if (settled) return;
        settled = true;
        answered?.(0);
        outgoing.destroy();
        request.resume();
        reject(error);
      };
      const outgoing = requestHttp(
        {
          host,
          port,
          path,
          method,
          agent: fresh ? false : agent,
          headers: endToEnd(request.headers),
          timeout: SILENCE_MS_MAX,
        },
        (answer) => {
          if (settled) return;
          settled = true;
          answered?.(answer.statusCode ?? 0);
          response.writeHead(answer.statusCode ?? 502, endToEnd(answer.headers));
          if (tap) {
            tap.head(answer.statusCode ?? 502, answer.headers);
            answer.on('data', (part: Buffer) => tap.received(part));
          }
          // An answer that breaks off breaks off for the caller too.
          pipeline(answer, response, (broken) => {
            if (!broken) tap?.done();
            resolve();
          });
        },
      );
      outgoing.on('timeout', () => refuse(new PlatformError('unavailable', `${name} did not answer in time`)));
      let bytes = 0;
      outgoing.on('error', (error) => {
        // It closed the kept connection as the request left: a read without a body is asked again.
        const again = !fresh && outgoing.reusedSocket && bytes === 0 && method !== 'POST' && request.readableEnded;
        if (settled || !again) {
          refuse(new PlatformError('unavailable', `${name}: ${error.message}`));
          return;
        }
        settled = true;
        resolve(this.forward(request, response, { ...forwarded, fresh: true }));
      });
      response.on('close', () => outgoing.destroy());
      request.on('data', (part: Buffer) => {
        bytes += part.length;
        tap?.sent(part);
        if (bytes > bodyBytesMax) {
          refuse(new PlatformError('invalid_argument', `the body has more than ${bodyBytesMax} bytes`));
        } else if (!settled && !outgoing.write(part)) request.pause();
      });
      outgoing.on('drain', () => request.resume());
      if (request.readableEnded) outgoing.end();
      else request.on('end', () => outgoing.end());
    });
  }
}
