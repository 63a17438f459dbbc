// What somebody who may edit a project file could try to reach through webhooks, attack by attack. Every server here
// is on loopback and counts who came; that nobody did is half of each test, the other half that the same URL is
// reached where the operator allows it.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { AddressGuard } from '../src/address-guard.js';
import { ANSWER_BYTES_MAX, type Resolve, Sender, type Sent } from '../src/send.js';

let server: Server;
let port: number;
let answer: (request: IncomingMessage, response: ServerResponse) => void;
const visits: string[] = [];

beforeAll(async () => {
  server = createServer((request, response) => {
    visits.push(`${request.method} ${request.url}`);
    request.resume();
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  ({ port } = server.address() as AddressInfo);
});

beforeEach(() => {
  visits.length = 0;
  answer = (_request, response) => response.writeHead(204).end();
});

afterAll(() => {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(resolve));
});

/** A name server that says these addresses in turn, the last one for ever. */
function says(...answers: (readonly string[])[]): Resolve {
  let asked = 0;
  return (_host, done) => {
    const addresses = answers[Math.min(asked++, answers.length - 1)] as readonly string[];
    done(
      null,
      addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
    );
  };
}

const post = (url: string, resolve?: Resolve, allow: readonly string[] = [], timeoutMs?: number): Promise<Sent> =>
  new Sender({
    guard: new AddressGuard(allow),
    ...(resolve ? { resolve } : {}),
    ...(timeoutMs ? { timeoutMs } : {}),
  }).send({ url, headers: { 'content-type': 'application/json' }, body: '{}' });

const LOOPBACK = ['127.0.0.0/8'];

describe('a webhook is not sent', () => {
  it.each([
    ['loopback', 'http://127.0.0.1:PORT/'],
    ['loopback by another of its addresses', 'http://127.8.8.8:PORT/'],
    ['loopback in one number', 'http://2130706433:PORT/'],
    ['loopback in hexadecimal', 'http://0x7f000001:PORT/'],
    ['loopback in octal', 'http://0177.0.0.1:PORT/'],
    ['loopback with parts left out', 'http://127.1:PORT/'],
    ['loopback in full-width digits', 'http://１２７.0.0.1:PORT/'],
    ['loopback of IPv6', 'http://[::1]:PORT/'],
    ['loopback of IPv4 written as IPv6', 'http://[::ffff:127.0.0.1]:PORT/'],
    ['loopback of IPv4 written as IPv6 in hexadecimal', 'http://[::ffff:7f00:1]:PORT/'],
    ['IPv4 within IPv6, as it was once written', 'http://[::127.0.0.1]:PORT/'],
    ['IPv4 through NAT64', 'http://[64:ff9b::7f00:1]:PORT/'],
    ['IPv4 through 6to4', 'http://[2002:7f00:1::]:PORT/'],
    ['IPv4 through Teredo', 'http://[2001:0:7f00:1::]:PORT/'],
    ['every address of the machine', 'http://0.0.0.0:PORT/'],
    ['this network', 'http://0.1.2.3:PORT/'],
    ['the unspecified address', 'http://[::]:PORT/'],
    ['the metadata service of a cloud', 'http://169.254.169.254/latest/meta-data/'],
    ['the metadata service by IPv6', 'http://[fd00:ec2::254]/latest/meta-data/'],
    ['a private network', 'http://10.0.0.1/'],
    ['another private network', 'http://172.16.0.1/'],
    ['a third private network', 'http://192.168.0.1/'],
    ['the network of a provider', 'http://100.64.0.1/'],
    ['a unique local address', 'http://[fc00::1]/'],
    ['a link-local address', 'http://[fe80::1]/'],
    ['multicast', 'http://224.0.0.1/'],
    ['broadcast', 'http://255.255.255.255/'],
  ])('to %s', async (_name, url) => {
    const sent = await post(url.replace('PORT', String(port)));
    expect(sent).toEqual({ kind: 'refused', reason: expect.stringContaining('not an address of the public Internet') });
    expect(visits).toEqual([]);
  });

  it.each([
    ['localhost', ['127.0.0.1']],
    ['internal.example', ['10.1.2.3']],
    ['metadata.example', ['169.254.169.254']],
    ['six.example', ['::ffff:127.0.0.1']],
    ['mixed.example', ['93.184.216.34', '127.0.0.1']],
    ['mixed-the-other-way.example', ['127.0.0.1', '93.184.216.34']],
    ['nobody.example', []],
  ])('to the name %s that means %j', async (host, addresses) => {
    const sent = await post(`http://${host}:${port}/`, says(addresses));
    expect(sent.kind).toBe('refused');
    expect(visits).toEqual([]);
  });

  it('to a name whose address changes between a look and the connection (DNS rebinding)', async () => {
    const resolve = says(['127.0.0.1']);
    let asked = 0;
    const counted: Resolve = (host, done) => {
      asked += 1;
      resolve(host, done);
    };
    expect(await post(`http://rebinding.example:${port}/`, counted)).toMatchObject({ kind: 'refused' });
    // One look-up a try: the address that was judged is the one that is connected to.
    expect(asked).toBe(1);
    const again = says(['127.0.0.1'], ['10.0.0.1']);
    expect(await post(`http://allowed.example:${port}/`, again, LOOPBACK)).toMatchObject({ status: 204 });
    expect(await post(`http://allowed.example:${port}/`, again, LOOPBACK)).toMatchObject({ kind: 'refused' });
    expect(visits).toEqual(['POST /']);
  });

  it.each(['file:///etc/passwd', 'gopher://127.0.0.1:6379/_FLUSHALL', 'ftp://127.0.0.1/', 'data:,x', 'javascript:1'])(
    'by another protocol: %s',
    async (url) => {
      expect(await post(url, says(['127.0.0.1']), LOOPBACK)).toMatchObject({
        kind: 'refused',
        reason: expect.stringContaining('neither http nor https'),
      });
    },
  );

  it('with a user and a password, nor to what is no URL', async () => {
    expect(await post(`http://a:b@127.0.0.1:${port}/`, undefined, LOOPBACK)).toMatchObject({ kind: 'refused' });
    expect(await post('127.0.0.1', undefined, LOOPBACK)).toMatchObject({ kind: 'refused' });
    expect(visits).toEqual([]);
  });

  it('where a redirect leads', async () => {
    answer = (_request, response) => response.writeHead(307, { location: `http://127.0.0.1:${port}/secret` }).end();
    const sent = await post(`http://127.0.0.1:${port}/hook`, undefined, LOOPBACK);
    expect(sent).toMatchObject({ kind: 'answered', status: 307 });
    expect(visits).toEqual(['POST /hook']);
  });
});

describe('a receiver that the operator has named', () => {
  it.each([
    ['by its address', ['127.0.0.1'], '127.0.0.1'],
    ['by a range', ['127.0.0.0/8'], '127.0.0.1'],
    ['by its name', ['hooks.internal'], 'hooks.internal'],
    ['by its name in other letters', ['Hooks.Internal'], 'hooks.internal'],
  ])('is reached %s', async (_how, allow, host) => {
    expect(await post(`http://${host}:${port}/`, says(['127.0.0.1']), allow)).toMatchObject({ status: 204 });
    expect(visits).toEqual(['POST /']);
  });

  it('opens no other name and no other range', async () => {
    const other = await post(`http://other.internal:${port}/`, says(['127.0.0.1']), ['hooks.internal', '127.1.0.0/16']);
    expect([other.kind, visits]).toEqual(['refused', []]);
  });
});

describe('an answer', () => {
  it('is nobody’s to read: only its status and Retry-After come back', async () => {
    answer = (_request, response) => response.writeHead(503, { 'retry-after': '7', 'x-secret': 's' }).end('secret');
    const sent = await post(`http://127.0.0.1:${port}/`, undefined, LOOPBACK);
    expect(sent).toEqual({ kind: 'answered', status: 503, retryAfter: '7' });
  });

  it('without an end is cut off', async () => {
    let sentBytes = 0;
    let closed: (value: unknown) => void = () => undefined;
    const cut = new Promise((resolve) => {
      closed = resolve;
    });
    answer = (_request, response) => {
      response.writeHead(200);
      const more = () => {
        while (!response.destroyed && sentBytes < 1_000 * ANSWER_BYTES_MAX) {
          sentBytes += ANSWER_BYTES_MAX;
          if (!response.write(Buffer.alloc(ANSWER_BYTES_MAX))) return;
        }
      };
      response.on('drain', more);
      response.on('close', closed);
      more();
    };
    expect(await post(`http://127.0.0.1:${port}/`, undefined, LOOPBACK)).toMatchObject({ status: 200 });
    await cut;
    expect(sentBytes).toBeLessThan(1_000 * ANSWER_BYTES_MAX);
  });

  it('that never comes is waited for so long', async () => {
    answer = () => undefined;
    const sent = await post(`http://127.0.0.1:${port}/`, undefined, LOOPBACK, 200);
    expect(sent).toEqual({ kind: 'failed', reason: 'no answer in 200 ms' });
  });

  it('of another protocol (101) is an answer like any other, and holds no place', async () => {
    const other = createTcpServer((socket) =>
      socket
        .on('error', () => undefined)
        .once('data', () =>
          socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n'),
        ),
    );
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port: there } = other.address() as AddressInfo;
    const sent = await post(`http://127.0.0.1:${there}/`, undefined, LOOPBACK, 5_000);
    expect(sent).toMatchObject({ kind: 'answered', status: 101 });
    await new Promise((resolve) => other.close(resolve));
  });

  it('of what is no HTTP says no word of it', async () => {
    const banner = createTcpServer((socket) =>
      socket
        .on('error', () => undefined)
        .resume()
        .end('SSH-2.0-secret\r\n'),
    );
    await new Promise<void>((resolve) => banner.listen(0, '127.0.0.1', resolve));
    const { port: other } = banner.address() as AddressInfo;
    const sent = await post(`http://127.0.0.1:${other}/`, undefined, LOOPBACK);
    expect(sent).toEqual({ kind: 'failed', reason: expect.not.stringContaining('secret') });
    await new Promise((resolve) => banner.close(resolve));
  });
});
