// The forward between two real HTTP servers: what comes through, in both directions.

import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { PlatformError } from '@millrace/domain';
import { Forward } from './forward.http.js';

const closers: (() => void)[] = [];

afterEach(() => {
  for (const close of closers.splice(0).reverse()) close();
});

async function listen(handle: (request: IncomingMessage, response: ServerResponse) => void): Promise<number> {
  const server: Server = createServer(handle);
  closers.push(
    () => server.closeAllConnections(),
    () => void server.close(),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

/** A server that forwards everything to `port`, and the statuses it heard of. */
async function forwarding(port: number, bodyBytesMax = 1_000): Promise<{ port: number; heard: number[] }> {
  const heard: number[] = [];
  const forward = new Forward('127.0.0.1', port, 'serving');
  closers.push(() => forward.close());
  const answered = (status: number) => heard.push(status);
  const own = await listen((incoming, response) => {
    forward.forward(incoming, response, { path: '/there', bodyBytesMax, answered }).catch((thrown: unknown) => {
      response.statusCode = 500;
      response.end(PlatformError.from(thrown).code);
    });
  });
  return { port: own, heard };
}

interface Answer {
  status: number;
  headers: Record<string, unknown>;
  parts: string[];
}

function ask(port: number, body: Buffer, headers: Record<string, string> = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ port, host: '127.0.0.1', path: '/here', method: 'POST', headers }, (answer) => {
      const parts: string[] = [];
      answer.on('data', (part: Buffer) => parts.push(part.toString()));
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, parts }));
      answer.on('error', reject);
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

describe('forward', () => {
  it('passes bytes, status and end-to-end headers on, and streams answers as they come', async () => {
    let seen: [unknown, unknown, string] | undefined;
    let release: (() => void) | undefined;
    const serving = await listen((incoming, response) => {
      incoming.on('data', (part: Buffer) => {
        seen = [incoming.url, incoming.headers['inference-header-content-length'], part.toString()];
        response.writeHead(201, { 'content-type': 'text/event-stream', connection: 'close' });
        response.write('data: 1\n\n');
        release = () => response.end('data: 2\n\n');
      });
    });
    const { port, heard } = await forwarding(serving);
    const answering = ask(port, Buffer.from('raw'), { 'inference-header-content-length': '0' });
    while (release === undefined) await new Promise((resolve) => setImmediate(resolve));
    release();
    const answer = await answering;
    expect(seen).toEqual(['/there', '0', 'raw']);
    expect([answer.status, answer.headers['content-type'], answer.parts.join('')]).toEqual([
      201,
      'text/event-stream',
      'data: 1\n\ndata: 2\n\n',
    ]);
    expect(heard).toEqual([201]);
  });

  it('refuses a body beyond the bound, and says unavailable where nobody answers', async () => {
    const { port, heard } = await forwarding(await listen((incoming) => void incoming.resume()));
    expect((await ask(port, Buffer.alloc(5_000))).parts).toEqual(['invalid_argument']);
    const away = await forwarding(1);
    expect((await ask(away.port, Buffer.from('x'))).parts).toEqual(['unavailable']);
    expect([heard, away.heard]).toEqual([[0], [0]]);
  });

  it('passes nothing of a foreign web page on, and keeps what it has judged from serving', async () => {
    const seen: unknown[] = [];
    const serving = await listen((incoming, response) => {
      seen.push([incoming.headers.origin, incoming.headers['sec-fetch-site']]);
      response.end();
    });
    const { port, heard } = await forwarding(serving);
    const foreign = await ask(port, Buffer.from('{}'), {
      origin: 'https://evil.example',
      'content-type': 'text/plain',
    });
    expect(foreign.parts).toEqual(['permission_denied']);
    expect((await ask(port, Buffer.from('{}'), { host: `evil.example:${port}` })).parts).toEqual(['permission_denied']);
    const own = { origin: `http://127.0.0.1:${port}`, 'sec-fetch-site': 'same-origin' };
    expect((await ask(port, Buffer.from('{}'), own)).status).toBe(200);
    expect([seen, heard]).toEqual([[[undefined, undefined]], [0, 0, 200]]);
  });
});
