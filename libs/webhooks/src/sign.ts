// Standard Webhooks 1.0: the signature is HMAC-SHA256 over "<id>.<timestamp in seconds>.<body>" in base64 after
// "v1,". A secret is "whsec_" and base64 of 24 to 64 bytes, as `openssl rand -base64 32` gives them.

import { createHmac } from 'node:crypto';

const PREFIX = 'whsec_';
const SECRET_BYTES_MIN = 24;
const SECRET_BYTES_MAX = 64;

export type ReadSecret = { kind: 'ok'; key: Buffer } | { kind: 'fault'; fault: string };

/** `name`: of the environment variable, which alone is named in what goes wrong. */
export function secretOf(name: string, text: string | undefined): ReadSecret {
  if (text === undefined || text === '') return { kind: 'fault', fault: `${name} is not set for the monitor` };
  const base64 = text.startsWith(PREFIX) ? text.slice(PREFIX.length) : text;
  const key = Buffer.from(base64, 'base64');
  if (key.toString('base64').replace(/=+$/, '') !== base64.replace(/=+$/, ''))
    return { kind: 'fault', fault: `${name} is not whsec_ and base64 (whsec_$(openssl rand -base64 32))` };
  if (key.length < SECRET_BYTES_MIN || key.length > SECRET_BYTES_MAX) {
    const bounds = `${SECRET_BYTES_MIN} to ${SECRET_BYTES_MAX}`;
    return { kind: 'fault', fault: `${name} has ${key.length} bytes of secret, ${bounds} are needed` };
  }
  return { kind: 'ok', key };
}

/** Headers that a receiver checks the message by. */
export function signedHeaders(key: Buffer, id: string, atMs: number, body: string): Record<string, string> {
  const timestamp = String(Math.floor(atMs / 1_000));
  const signature = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64');
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${signature}` };
}
