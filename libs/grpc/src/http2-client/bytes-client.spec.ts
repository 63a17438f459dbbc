// The client against a real server of ours and against one of raw HTTP/2 that misbehaves as it is told.

import {
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
  type ServerOptions,
} from 'node:http2';
import { type AddressInfo, connect, createServer as createSocketServer, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { seededRng, systemClock } from '@millrace/domain';
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
async function raw(
  handle: (stream: ServerHttp2Stream, calls: number) => void,
  settings: ServerOptions = {},
  heard: (headers: IncomingHttpHeaders) => void = () => undefined,
): Promise<number> {
  let calls = 0;
  const http2: Http2Server = createServer(settings);
  http2.on('stream', (stream, headers) => {
    stream.on('error', () => undefined);
    heard(headers);
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

/** Sockets, each as told. */
async function sockets(handle: (socket: Socket, connections: number) => void): Promise<number> {
  let connections = 0;
  const open = new Set<Socket>();
  const listening = createSocketServer((socket) => {
    open.add(socket.on('error', () => undefined));
    handle(socket, ++connections);
  });
  await new Promise<void>((ready) => listening.listen(0, '127.0.0.1', ready));
  closers.push(() => {
    for (const socket of open) socket.destroy();
    listening.close();
  });
  return (listening.address() as AddressInfo).port;
}

function answerOk(stream: ServerHttp2Stream, content: string): void {
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
  stream.end(frame(content));
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
      seen.push(call.header('authorization'), Math.round(call.deadlineAtMs - call.arrivedAtMs) <= 5_000);
      call.answer(bytes(`${text(request)} too`));
    });
    const answer = await ask(client(port), 'you', { headers: { authorization: 'Bearer t' } });
    expect([answer.status, answer.message, text(answer.response), answer.answered]).toEqual([0, '', 'you too', true]);
    expect(seen).toEqual(['Bearer t', true]);
  });

  it('goes over the connection of the call before, and over a second one beside a call that runs', async () => {
    let hold: BytesCall | undefined;
    const running = await server((call, request) => {
      if (text(request) === 'hold') hold = call;
      else call.answer(request);
    });
    const asking = client(running.port);
    for (let i = 0; i < 3; i++) await ask(asking, `${i}`);
    expect(running.connections).toBe(1);
    const held = ask(asking, 'hold');
    await ask(asking, 'beside');
    expect(running.connections).toBe(2);
    hold?.answer(bytes('done'));
    expect(text((await held).response)).toBe('done');
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
      if (calls === 1) stream.close(REFUSED_STREAM);
      else answerOk(stream, 'second');
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

describe('a stream that says nothing yet', () => {
  it('is begun all the same: the other side can speak first', async () => {
    const running = await startHttp2Server({
      port: 0,
      methods: new Map([[PATH, streaming((stream) => void stream.write(bytes('first')))]]),
    });
    closers.push(() => running.close(0));
    const got = await new Promise<string>((told) => {
      client(running.port).stream(
        { path: PATH, deadlineAtMs: Number.POSITIVE_INFINITY, headers: {} },
        { message: (message) => told(text(message)), drained: () => undefined, end: ({ message }) => told(message) },
      );
    });
    expect(got).toBe('first');
  });
});

describe('a connection', () => {
  it('gives each of many calls its own answer', async () => {
    const rng = seededRng(3);
    const { port } = await server((call, request) => {
      setTimeout(() => call.answer(request), rng.next() * 20);
    });
    const asking = client(port);
    const asked = Array.from({ length: 2_500 }, (_, i) => `${i}`);
    const answers = await Promise.all(asked.map((request) => ask(asking, request)));
    expect(answers.map(({ response }) => text(response))).toEqual(asked);
  });

  it('has no more calls at a time than the server takes, and all are answered', async () => {
    let [running, most] = [0, 0];
    const port = await raw(
      (stream) => {
        most = Math.max(most, ++running);
        stream.once('close', () => running--);
        setImmediate(() => answerOk(stream, 'yes'));
      },
      { settings: { maxConcurrentStreams: 2 } },
    );
    const asking = client(port);
    // The two connections have heard what the server takes.
    await Promise.all([ask(asking, ''), ask(asking, '')]);
    most = 0;
    const answers = await Promise.all(Array.from({ length: 40 }, () => ask(asking, '')));
    expect(answers.map(({ response }) => text(response))).toEqual(Array.from({ length: 40 }, () => 'yes'));
    expect(most).toBeLessThanOrEqual(4);
  });

  it('that the server ends loses no call that the server has not looked at, and lets the others end', async () => {
    const first: ServerHttp2Stream[] = [];
    const port = await raw((stream, calls) => {
      if (calls > 1) return answerOk(stream, 'elsewhere');
      first.push(stream);
      // Streams above 1 of this connection are not looked at.
      stream.session?.goaway(0, 1);
      setTimeout(() => answerOk(stream, 'here'), 50);
    });
    const asking = client(port);
    // Every second call goes over the same connection.
    const calls = [ask(asking, 'a'), ask(asking, 'b'), ask(asking, 'c'), ask(asking, 'd')];
    const answers = (await Promise.all(calls)).map(({ status, response }) => [status, text(response)]);
    expect(answers.filter(([, response]) => response === 'here')).toHaveLength(1);
    expect(answers.filter(([, response]) => response === 'elsewhere')).toHaveLength(3);
    expect(answers.every(([status]) => status === 0)).toBe(true);
  });

  it('tells the same headers with every call, whatever table the server keeps', async () => {
    for (const headerTableSize of [0, 4_096]) {
      const seen: unknown[] = [];
      const port = await raw(
        (stream) => {
          stream.once('data', () => undefined);
          answerOk(stream, '');
        },
        { settings: { headerTableSize } },
      );
      const asking = client(port);
      for (let i = 0; i < 6; i++) seen.push((await ask(asking, '', { headers: { number: `${i}` } })).status);
      expect(seen).toEqual([0, 0, 0, 0, 0, 0]);
    }
    const heads: string[] = [];
    const { port } = await server((call) => {
      heads.push(`${call.path} ${call.header(':authority')} ${call.header('te')} ${call.header('number')}`);
      call.answer(bytes(''));
    });
    const asking = client(port);
    for (let i = 0; i < 4; i++) await ask(asking, '', { headers: { number: `${i}` } });
    expect(heads).toEqual([0, 1, 2, 3].map((i) => `${PATH} 127.0.0.1:${port} trailers ${i}`));
  });

  it('carries metadata that no frame holds', async () => {
    const long = 'm'.repeat(40_000);
    let told: string | undefined;
    const port = await raw(
      (stream) => answerOk(stream, ''),
      { settings: { maxHeaderListSize: 100_000 } },
      (headers) => {
        told = headers.long as string;
      },
    );
    expect(await ask(client(port), '', { headers: { long } })).toMatchObject({ status: 0 });
    expect(told).toBe(long);
  });

  it('refuses metadata that would not be one line', async () => {
    const { port } = await server((call) => call.answer(bytes('')));
    const answer = await ask(client(port), '', { headers: { name: 'a\r\nb: c' } });
    expect(answer).toMatchObject({ status: 3, message: 'the metadata "name" has a line break or a NUL' });
  });

  it('carries a large request through small windows, beside other calls', async () => {
    const large = 'x'.repeat(3_000_000);
    const port = await raw((stream) => {
      let length = 0;
      stream.on('data', (chunk: Buffer) => {
        length += chunk.length;
      });
      stream.on('end', () => answerOk(stream, `${length}`));
    });
    const asking = client(port);
    const answers = await Promise.all([ask(asking, large), ask(asking, 'small'), ask(asking, large), ask(asking, '')]);
    expect(answers.map(({ response }) => text(response))).toEqual(['3000005', '10', '3000005', '5']);
  });

  it('of a server that says nothing is given up with the call that waited, and a new one is made', async () => {
    const { port } = await server((call) => call.answer(bytes('at last')));
    const silent = await sockets((socket, connections) => {
      if (connections > 2) socket.pipe(connect(port, '127.0.0.1')).pipe(socket);
    });
    const asking = client(silent);
    const late = await Promise.all([ask(asking, '', { withinMs: 150 }), ask(asking, '', { withinMs: 150 })]);
    expect(late.map(({ status }) => status)).toEqual([4, 4]);
    expect(text((await ask(asking, '')).response)).toBe('at last');
  });

  it('is there before the first call where it was asked for, or it is told why not', async () => {
    const running = await server((call) => call.answer(bytes('')));
    const asking = client(running.port);
    const ready = (of: BytesClient) => new Promise<string>((told) => of.ready(told));
    expect([await ready(asking), await ready(asking), running.connections]).toEqual(['', '', 1]);
    await running.close(0);
    expect(await ready(client(running.port))).toContain('ECONNREFUSED');
  });

  it('on which nothing is heard is given up after a time where one is said, and not where it answers PINGs', async () => {
    const deaf = await sockets((socket) => {
      // It speaks HTTP/2, and then nothing any more.
      socket.once('data', () => socket.write(Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0])));
    });
    const quiet = await startHttp2Server({
      port: 0,
      methods: new Map([[PATH, streaming(() => undefined)]]),
    });
    closers.push(() => quiet.close(0));
    const ends: BytesAnswer[] = [];
    const open = (port: number, ended: (answer: BytesAnswer) => void) => {
      const made = new BytesClient(`127.0.0.1:${port}`, systemClock, 1_000, { silenceMaxMs: 400 });
      closers.push(() => made.close());
      const nothing = () => undefined;
      const call = { path: PATH, deadlineAtMs: Number.POSITIVE_INFINITY, headers: {} };
      made.stream(call, { message: nothing, drained: nothing, end: ended });
    };
    open(quiet.port, (answer) => ends.push(answer));
    for (let i = 0; i < 2; i++) {
      const end = await new Promise<BytesAnswer>((ended) => open(deaf, ended));
      expect(end).toMatchObject({ status: 14, message: 'nothing was heard for 400 ms' });
    }
    expect([ends, quiet.connections]).toEqual([[], 1]);
  });

  it.each(Array.from({ length: 20 }, (_, seed) => seed + 1))(
    'with a server that says anything (seed %d) ends its calls, and nothing else breaks',
    async (seed) => {
      const rng = seededRng(seed);
      const port = await sockets((socket) => {
        // What begins well may end badly.
        const settings = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);
        const noise = Buffer.from(Array.from({ length: 200 }, () => Math.floor(rng.next() * 256)));
        const frames = Array.from({ length: 8 }, () => {
          const length = Math.floor(rng.next() * 12);
          const head = [0, 0, length, Math.floor(rng.next() * 10), Math.floor(rng.next() * 256), 0, 0, 0];
          return Buffer.from([...head, Math.floor(rng.next() * 4), ...noise.subarray(0, length)]);
        });
        socket.write(seed % 4 === 0 ? noise : Buffer.concat([settings, ...frames]));
      });
      const answer = await ask(client(port), 'x', { withinMs: 400 });
      expect(answer.status).not.toBe(0);
    },
  );
});

describe('a stream whose reader waits', () => {
  it('makes the server wait as well, and goes on where it stood', async () => {
    const message = Buffer.alloc(100_000, 1);
    const TOTAL = 200;
    let written = 0;
    let stalled: () => void = () => undefined;
    const stall = new Promise<void>((resolve) => {
      stalled = resolve;
    });
    const running = await startHttp2Server({
      port: 0,
      methods: new Map([
        [
          PATH,
          streaming((stream) => {
            const more = () => {
              while (written < TOTAL) {
                written += 1;
                if (!stream.write(message)) return stalled();
              }
              stream.end();
            };
            stream.onMessage = more;
            stream.onDrain = more;
          }),
        ],
      ]),
    });
    closers.push(() => running.close(0));
    let got = 0;
    const end = new Promise<BytesAnswer>((ended) => {
      const open = client(running.port).stream(
        { path: PATH, deadlineAtMs: Number.POSITIVE_INFINITY, headers: {} },
        {
          message: () => {
            got += 1;
            if (got === 1) {
              open.pause();
              void stall.then(() => setTimeout(() => open.resume(), 200));
            }
          },
          drained: () => undefined,
          end: ended,
        },
      );
      open.write(bytes(''));
    });
    await stall;
    // Its window is 4 MiB, its own buffer a little more: far less than the whole.
    expect(written).toBeLessThan(TOTAL);
    expect(await end).toMatchObject({ status: 0 });
    expect(got).toBe(TOTAL);
  });
});
