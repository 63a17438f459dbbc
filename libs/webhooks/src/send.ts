// One delivery: a signed POST to an address that was looked at when the connection was made. The name is resolved
// once, by the connection itself, and refused there: a name that changes its address between a check and the
// connection (DNS rebinding) gains nothing. No redirect is followed, no connection is used twice, no proxy of the
// environment is asked. Of the answer only status and Retry-After are read; its body is counted, thrown away and
// shown to nobody.

import { lookup as dnsLookup, type LookupAddress } from 'node:dns';
import { type ClientRequest, request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import type { AddressGuard } from './address-guard.js';

/** From the first look-up to the last byte of the answer. */
const TIMEOUT_MS = 10_000;
/** Of an answer, before the connection is cut: a receiver says its word in the status. */
export const ANSWER_BYTES_MAX = 65_536;
const ANSWER_HEADER_BYTES_MAX = 16_384;

/** What became of one try. */
export type Sent =
  | { kind: 'answered'; status: number; retryAfter: string | undefined }
  /** Nothing was sent. */
  | { kind: 'refused'; reason: string }
  | { kind: 'failed'; reason: string };

export interface Delivery {
  url: string;
  headers: Readonly<Record<string, string>>;
  body: string;
}

/** As node:dns' lookup with `all`; a parameter, so that a test can be a name server that lies. */
export type Resolve = (
  host: string,
  done: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

export interface SenderOptions {
  guard: AddressGuard;
  resolve?: Resolve;
  timeoutMs?: number;
}

/** One that is not told apart from the others in what the project's owner sees. */
class Refused extends Error {}

const systemResolve: Resolve = (host, done) => dnsLookup(host, { all: true, verbatim: true }, done);

export class Sender {
  private readonly guard: AddressGuard;
  private readonly resolve: Resolve;
  private readonly timeoutMs: number;

  constructor({ guard, resolve = systemResolve, timeoutMs = TIMEOUT_MS }: SenderOptions) {
    this.guard = guard;
    this.resolve = resolve;
    this.timeoutMs = timeoutMs;
  }

  /** Never rejects. */
  send({ url: text, headers, body }: Delivery): Promise<Sent> {
    const url = URL.canParse(text) ? new URL(text) : undefined;
    const fault = url === undefined ? 'it is no URL' : urlFault(url);
    if (url === undefined || fault !== undefined) return Promise.resolve({ kind: 'refused', reason: fault ?? '' });
    // The parser has made "0x7f.1", "2130706433" and "[::ffff:7f00:1]" what they are.
    const host = url.hostname.replace(/^\[|\]$/g, '');
    const named = this.guard.isNamed(host);
    // Where the host is an address nothing is looked up, so that the look-up below would not see it.
    const refusal = isIP(host) === 0 || named ? undefined : this.guard.refusal(host);
    if (refusal !== undefined) return Promise.resolve({ kind: 'refused', reason: `${host}: ${refusal}` });
    return new Promise((done) => {
      const bytes = Buffer.from(body);
      const options: RequestOptions = {
        method: 'POST',
        headers: { ...headers, host: url.host, 'content-length': bytes.length },
        // No agent: no connection is kept, and none of the environment's proxies is asked.
        agent: false,
        lookup: this.guardedLookup(named),
        maxHeaderSize: ANSWER_HEADER_BYTES_MAX,
      };
      const request = (url.protocol === 'https:' ? httpsRequest : httpRequest)(url, options);
      const settle = (sent: Sent) => {
        clearTimeout(timer);
        done(sent);
      };
      const timer = setTimeout(() => {
        const late = new Error(`no answer in ${this.timeoutMs} ms`);
        request.destroy(late);
        // One that is destroyed already tells nobody again.
        settle(toldOf(late));
      }, this.timeoutMs);
      request.on('response', (response) => readAnswer(request, response, settle));
      // Another protocol is none of ours; Node says so by this event alone.
      request.on('upgrade', (response, socket) => {
        socket.destroy();
        settle({ kind: 'answered', status: response.statusCode ?? 101, retryAfter: undefined });
      });
      request.on('error', (error) => {
        request.destroy();
        settle(toldOf(error));
      });
      request.end(bytes);
    });
  }

  /** One address that is refused refuses the name: which of them the connection would take is not ours to choose. */
  private guardedLookup(named: boolean): LookupFunction {
    return (host, options, done) => {
      this.resolve(host, (error, addresses) => {
        if (error !== null) return done(error, []);
        const refused = named ? undefined : addresses.find(({ address }) => this.guard.refusal(address) !== undefined);
        if (refused !== undefined || addresses.length === 0) {
          const why = refused === undefined ? 'it has no address' : this.guard.refusal(refused.address);
          return done(new Refused(`${host}: ${why}`), []);
        }
        const [first] = addresses as [LookupAddress, ...LookupAddress[]];
        return options.all === true ? done(null, addresses) : done(null, first.address, first.family);
      });
    };
  }
}

/** What no project file and no code may send to, whatever the operator allows. */
function urlFault(url: URL): string | undefined {
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return `${url.protocol} is neither http nor https`;
  if (url.username !== '' || url.password !== '') return 'a user name or password does not belong into it';
  return url.hostname === '' ? 'it names no host' : undefined;
}

function readAnswer(request: ClientRequest, response: IncomingMessage, settle: (sent: Sent) => void): void {
  const { statusCode: status = 0, headers } = response;
  const answered: Sent = { kind: 'answered', status, retryAfter: headers['retry-after'] };
  let bytes = 0;
  response.on('data', (part: Buffer) => {
    bytes += part.length;
    if (bytes <= ANSWER_BYTES_MAX) return;
    // The status was said; who sends without end is cut off.
    settle(answered);
    request.destroy();
  });
  response.on('end', () => settle(answered));
  // What came of the body before it broke does not matter.
  response.on('error', () => settle(answered));
}

/** Codes of the system say what happened and nothing of what a peer has said. */
function toldOf(error: Error & { code?: string }): Sent {
  if (error instanceof Refused) return { kind: 'refused', reason: error.message };
  return {
    kind: 'failed',
    reason: error.code ?? (error.message.startsWith('no answer in') ? error.message : 'failed'),
  };
}
