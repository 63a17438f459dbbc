// Keeps web pages from changing anything. No port asks who is calling, and a browser on the same machine reaches them
// all: a page of any origin may send a "simple" POST without a preflight, and could load a module into serving.
// Programs are not concerned: they send neither Origin nor Sec-Fetch-Site. Predictions change nothing and pass.
//
// A page of a name that its owner points at 127.0.0.1 (DNS rebinding) is of the same origin for the browser. So what
// arrives at a loopback address must also name that address, localhost, or a name of MILLRACE_ALLOWED_HOSTS.

import { isIP } from 'node:net';
import { loadConfig } from '@millrace/config';
import { commonSettings } from '@millrace/deployment';

const READS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);
const PREDICTION = /^\/v2\/models\/[^/]+(?:\/versions\/[^/]+)?\/(?:infer|generate|generate_stream)$/;
const FOREIGN_SITES: ReadonlySet<string> = new Set(['cross-site', 'same-site']);

/** What the guard looks at; a Node request has these. */
export interface GuardedRequest {
  method?: string | undefined;
  url?: string | undefined;
  headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** `localAddress`: the address that the connection came to. */
  socket?: { localAddress?: string | undefined } | undefined;
}

/** Why the request is refused; undefined = it may go on. */
export type RequestGuard = (request: GuardedRequest) => string | undefined;

/** `allowedHosts`: names beside localhost and IP addresses under which this process is reached. */
export function requestGuard(allowedHosts: readonly string[]): RequestGuard {
  const allowed = new Set(['localhost', ...allowedHosts.map((name) => name.toLowerCase())]);
  return ({ method = 'GET', url = '/', headers, socket }) => {
    if (READS.has(method) || PREDICTION.test(url.split('?', 1)[0] as string)) return undefined;
    const host = one(headers.host).toLowerCase();
    const origin = one(headers.origin).toLowerCase();
    const site = one(headers['sec-fetch-site']).toLowerCase();
    if (FOREIGN_SITES.has(site) || (origin !== '' && !isOwn(origin, host, allowed))) {
      return 'a web page of another origin may not change anything here; call without Origin and Sec-Fetch-Site, or name its host in MILLRACE_ALLOWED_HOSTS';
    }
    if (host === '' || !isLoopback(socket?.localAddress ?? '')) return undefined;
    const name = nameOf(`http://${host}`);
    if (name !== undefined && (isIP(name) !== 0 || allowed.has(name))) return undefined;
    return 'the Host header names neither an IP address nor localhost nor a name of MILLRACE_ALLOWED_HOSTS';
  };
}

/** The guard with MILLRACE_ALLOWED_HOSTS. */
export function guardOfSettings(): RequestGuard {
  return requestGuard(loadConfig({ allowedHosts: commonSettings.allowedHosts }).allowedHosts);
}

function one(value: string | readonly string[] | undefined): string {
  return (typeof value === 'string' ? value : (value?.join(',') ?? '')).trim();
}

/** Scheme aside: a proxy before this process may speak TLS. "null", the origin of files and sandboxes, is foreign. */
function isOwn(origin: string, host: string, allowed: ReadonlySet<string>): boolean {
  const name = nameOf(origin);
  if (name === undefined) return false;
  return origin.replace(/^https?:\/\//, '') === host || (name !== 'localhost' && allowed.has(name));
}

/** Host name of an address, IPv6 without brackets; undefined = it is no address. */
function nameOf(address: string): string | undefined {
  if (!URL.canParse(address)) return undefined;
  const { hostname, username, pathname } = new URL(address);
  if (hostname === '' || username !== '' || pathname.length > 1) return undefined;
  return hostname.replace(/^\[|\]$/g, '');
}

function isLoopback(address: string): boolean {
  const plain = address.replace(/^::ffff:/i, '');
  return plain === '::1' || /^127\./.test(plain);
}
