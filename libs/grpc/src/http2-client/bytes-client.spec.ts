// The client against a real server of ours and against one of raw HTTP/2 that misbehaves as it is told.

import { createServer, type Http2Server, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { systemClock } from '@millrace/domain';
import { type BytesCall, streaming, unary } from '../http2-server/calls.js';
import { type RunningHttp2Server, startHttp2Server } from '../http2-server/server.js';
import { type BytesAnswer, BytesClient } from './bytes-client.js';

const PATH = '/test.Bytes/Call';
const text = (bytes: Uint8Array) => Buffer.from(bytes).toString();
const bytes = (content: string) => Buffer.from(content);
const closers: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function server(handle: (call: BytesCall, request: Uint8Array) => void, port = 0): Promise<RunningHttp2Server> {
  const running = await startHttp2Server({ port, methods: new Map([[PATH, unary(handle)]]) });
  closers.push(() => running.close(0));
  return running;
}

/** Raw HTTP/2: each stream as told. */
async function raw(handle: (stream: ServerHttp2Stream, calls: number) => void): Promise<number> {
  let calls = 0;
  const http2: Http2Server = createServer();
  http2.on('stream', (stream) => {
    stream.on('error', () => undefined);
    handle(stream, ++calls);
  });
  await new Promise<void>((listening) => http2.listen(0, '127.0.0.1', listening));
  closers.push(() => void http2.close());
  return (http2.address() as AddressInfo).port;
}

function client(port: number, answerBytesMax = 1_000_000): BytesClient {
  const made = new BytesClient(`127.0.0.1:${port}`, systemClock, answerBytesMax);
  closers.push(() => made.close());
  return made;
}

function ask(of: BytesClient, request: string, { withinMs = 5_000, headers = {} } = {}): Promise<BytesAnswer> {
  const deadlineAtMs = systemClock.monotonicMs() + withinMs;
  return new Promise((done) => of.unary({ path: PATH, deadlineAtMs, headers }, bytes(request), done));
}

function frame(content: string): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(content.length, 1);
  return Buffer.concat([head, bytes(content)]);
}

describe('a unary call', () => {
  it('carries bytes, metadata and the time that is left, and brings bytes back', async () => {
    const seen: unknown[] = [];
    const { port } = await server((call, request) => {
      seen.push(call.header('authorization'), call.deadlineAtMs - call.arrivedAtMs <= 5_000);
      call.answer(bytes(`${text(request)} too`));
    });
    const answer = await ask(client(port), 'you', { headers: { authorization: 'Bearer t' } });
    expect([answer.status, answer.message, text(answer.response), answer.answered]).toEqual([0, '', 'you too', true]);
    expect(seen).toEqual(['Bearer t', true]);
  });

  it.each([
    [3, 'tensor "x" is wrong: 100 % – größer'],
    [14, 'the queue is full'],
    [16, ''],
  ])('brings status %d and its message as the other side gave them', async (status, message) => {
    const { port } = await server((call) => call.refuse(status, message));
    expect(await ask(client(port), '')).toMatchObject({ status, message, answered: true });
  });

  it('ends at its deadline, and the other side hears of it', async () => {
    let cancelled: () => void = () => undefined;
    const heard = new Promise<void>((resolve) => {
      cancelled = resolve;
    });
    const { port } = await server((call) => {
      call.onCancel = cancelled;
    });
    const answer = await ask(client(port), '', { withinMs: 100 });
    expect(answer).toMatchObject({ status: 4, answered: false });
    await heard;
  });

  it('is taken back by its caller, and is not answered any more', async () => {
    let cancelled: () => void = () => undefined;
    const heard = new Promise<void>((resolve) => {
      cancelled = resolve;
    });
    let cancel: () => void = () => undefined;
    const { port } = await server((call) => {
      call.onCancel = cancelled;
      cancel();
    });
    const answers: BytesAnswer[] = [];
    const deadlineAtMs = Number.POSITIVE_INFINITY;
    cancel = client(port).unary({ path: PATH, deadlineAtMs, headers: {} }, bytes(''), (answer) => answers.push(answer));
    await heard;
    expect(answers).toEqual([]);
  });

  it('says that nobody is there, and finds who comes back', async () => {
    const first = await server((call) => call.answer(bytes('one')));
    const { port } = first;
    const asking = client(port);
    expect(text((await ask(asking, '')).response)).toBe('one');
    await first.close(0);
    expect(await ask(asking, '')).toMatchObject({ status: 14, answered: false });
    await server((call) => call.answer(bytes('two')), port);
    expect(text((await ask(asking, '')).response)).toBe('two');
  });

  it('is asked once more where the other side refused it unbegun, and not a third time', async () => {
    const REFUSED_STREAM = 7;
    const port = await raw((stream, calls) => {
      if (calls === 1) return stream.close(REFUSED_STREAM);
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
      stream.end(frame('second'));
    });
    expect(text((await ask(client(port), '')).response)).toBe('second');
    const never = await raw((stream) => stream.close(REFUSED_STREAM));
    expect(await ask(client(never), '')).toMatchObject({ status: 14, answered: false });
  });

  it.each<[string, (stream: ServerHttp2Stream) => void, Partial<BytesAnswer>]>([
    [
      'a server that speaks no gRPC',
      (stream) => {
        stream.respond({ ':status': 404 });
        stream.end('not here');
      },
      { status: 14, message: 'HTTP 404 instead of gRPC' },
    ],
    [
      'an answer that breaks off',
      (stream) => {
        stream.respond({ ':status': 200 });
        stream.write(frame('whole').subarray(0, 7));
        stream.close(2);
      },
      { status: 14, message: 'it broke off within an answer' },
    ],
    [
      'a length that claims more than comes',
      (stream) => {
        stream.respond({ ':status': 200 }, { waitForTrailers: true });
        stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
        stream.end(frame('whole').subarray(0, 7));
      },
      { status: 13, message: 'the answer ended within a message' },
    ],
    [
      'no message',
      (stream) => stream.respond({ ':status': 200, 'grpc-status': '0' }, { endStream: true }),
      { status: 13, message: 'the call was answered with 0 messages' },
    ],
    [
      'more than the bound',
      (stream) => {
        stream.respond({ ':status': 200 });
        stream.write(frame('x'.repeat(2_000)));
      },
      { status: 8, message: 'an answer has more than 1000 bytes' },
    ],
  ])('of %s is an error that says so', async (_what, handle, expected) => {
    const port = await raw(handle);
    expect(await ask(client(port, 1_000), '')).toMatchObject({ ...expected, answered: false });
  });

  it('brings a large answer whole', async () => {
    const large = Buffer.alloc(8_000_000, 7);
    const { port } = await server((call) => call.answer(large));
    const { response } = await ask(client(port, 10_000_000), '');
    expect(large.equals(response)).toBe(true);
  });
});

describe('a stream', () => {
  it('carries messages both ways in their order, and its end', async () => {
    const running = await startHttp2Server({
      port: 0,
      methods: new Map([
        [
          PATH,
          streaming((stream) => {
            stream.onMessage = (message) => void stream.write(bytes(`${text(message)}!`));
            stream.onEnd = () => stream.refuse(9, 'enough');
          }),
        ],
      ]),
    });
    closers.push(() => running.close(0));
    const got: string[] = [];
    const end = await new Promise<BytesAnswer>((ended) => {
      const deadlineAtMs = Number.POSITIVE_INFINITY;
      const open = client(running.port).stream(
        { path: PATH, deadlineAtMs, headers: {} },
        { message: (message) => got.push(text(message)), drained: () => undefined, end: ended },
      );
      open.write(bytes('a'));
      open.write(bytes('b'));
      open.endWriting();
    });
    expect(got).toEqual(['a!', 'b!']);
    expect(end).toMatchObject({ status: 9, message: 'enough', answered: true });
  });
});
