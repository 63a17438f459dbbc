import { describe, expect, it } from '@jest/globals';
import { systemClock } from '@millrace/domain';
import { Webhook } from 'standardwebhooks';
import { secretOf, signedHeaders } from './sign.js';

const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;

function keyOf(text: string): Buffer {
  const read = secretOf('WEBHOOK_SECRET_X', text);
  if (read.kind !== 'ok') throw new Error(read.fault);
  return read.key;
}

describe('a signed message', () => {
  const body = '{"type":"dev.millrace.drift.detected.v1","data":{"message":"München"}}';
  const headers = () => signedHeaders(keyOf(SECRET), 'p/1/x', systemClock.nowMs(), body);

  it('is taken by the library of Standard Webhooks', () => {
    expect(new Webhook(SECRET).verify(body, headers())).toEqual(JSON.parse(body));
  });

  it.each<[string, (given: { body: string; headers: Record<string, string> }) => void]>([
    ['another body', (given) => (given.body = given.body.replace('drift', 'drifx'))],
    ['another id', (given) => (given.headers['webhook-id'] = 'p/2/x')],
    [
      'another time',
      (given) => (given.headers['webhook-timestamp'] = String(Math.floor(systemClock.nowMs() / 1_000) - 1)),
    ],
  ])('is not taken with %s', (_name, change) => {
    const given = { body, headers: headers() };
    change(given);
    expect(() => new Webhook(SECRET).verify(given.body, given.headers)).toThrow('No matching signature');
  });
});

describe('a secret', () => {
  it('may leave its prefix out', () => {
    expect(keyOf(SECRET.slice('whsec_'.length))).toEqual(keyOf(SECRET));
  });

  it.each([
    [undefined, 'is not set'],
    ['', 'is not set'],
    ['whsec_!!!', 'is not whsec_ and base64'],
    ['correct horse battery staple', 'is not whsec_ and base64'],
    ['whsec_c2hvcnQ=', 'has 5 bytes of secret'],
    [`whsec_${Buffer.alloc(65).toString('base64')}`, 'has 65 bytes of secret'],
  ])('%s is refused by the name of its variable alone', (text, fault) => {
    const read = secretOf('WEBHOOK_SECRET_X', text);
    expect(read).toMatchObject({ kind: 'fault', fault: expect.stringContaining(`WEBHOOK_SECRET_X ${fault}`) });
    if (text) expect(JSON.stringify(read)).not.toContain(text);
  });
});
