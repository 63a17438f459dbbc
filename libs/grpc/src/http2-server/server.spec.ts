// The HTTP/2 server against foreign clients: grpc-js, node:http2, and bytes written by hand.

import { connect as connectHttp2 } from 'node:http2';
import { connect, type Socket } from 'node:net';
import { Client, type ClientDuplexStream, credentials, type ServiceError, status } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Health, TrainingService } from '@millrace/contracts';
import { PlatformError } from '@millrace/domain';
import fc from 'fast-check';
import { createClient } from '../client.js';
import * as h2 from '../http2/frames.js';
import { literalField } from '../http2/hpack.js';
import { bindService } from './bindings.js';
import { type BytesStream, type Method, streaming, unary } from './calls.js';
import { type Http2ServerSettings, type RunningHttp2Server, startHttp2Server } from './server.js';

/** A gRPC message, not compressed. */
function frame(message: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

const closers: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const bytes = (value: Buffer): Buffer => value;

async function serve(
  methods: Record<string, Method>,
  settings: Partial<Http2ServerSettings> = {},
): Promise<RunningHttp2Server> {
  const named = new Map(Object.entries(methods).map(([name, method]) => [`/t.T/${name}`, method]));
  const server = await startHttp2Server({ port: 0, methods: named, ...settings });
  closers.push(() => server.close(200));
  return server;
}

const echo = unary((call, request) => call.answer(Buffer.from(request)));

function clientOf(server: RunningHttp2Server, options: Record<string, number> = {}): Client {
  const client = new Client(`127.0.0.1:${server.port}`, credentials.createInsecure(), {
    'grpc.use_local_subchannel_pool': 1,
    'grpc.max_receive_message_length': -1,
    ...options,
  });
  closers.push(() => client.close());
  return client;
}

function call(client: Client, method: string, request: Buffer, deadlineMs = 5_000): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest<Buffer, Buffer>(
      `/t.T/${method}`,
      bytes,
      bytes,
      request,
      { deadline: new Date(Date.now() + deadlineMs) } as never,
      (error: ServiceError | null, answer?: Buffer) => (error ? reject(error) : resolve(answer as Buffer)),
    );
  });
}

describe('unary calls', () => {
  it('carry messages of any size, small ones and those beyond every window', async () => {
    const client = clientOf(await serve({ Echo: echo }));
    for (const size of [0, 1, 100, 5_000, 70_000, 3_000_000]) {
      const request = Buffer.alloc(size, size % 251);
      expect((await call(client, 'Echo', request)).equals(request)).toBe(true);
    }
    const many = await Promise.all(Array.from({ length: 500 }, (_, n) => call(client, 'Echo', Buffer.from(`${n}`))));
    expect(many.map(String)).toEqual(Array.from({ length: 500 }, (_, n) => `${n}`));
  });

  it('end with the status and code of a refusal, of what a handler throws, and of a path that is not there', async () => {
    const client = clientOf(
      await serve({
        Refuse: unary((refused) => refused.refuse(status.NOT_FOUND, 'no ü 100 %', 'not_found')),
        Throw: unary(() => {
          throw new PlatformError('overloaded', 'too much');
        }),
      }),
    );
    const failure = (method: string) => call(client, method, Buffer.alloc(0)).catch((error: ServiceError) => error);
    const refused = (await failure('Refuse')) as ServiceError;
    expect([refused.code, refused.details, refused.metadata.get('millrace-code')]).toEqual([
      status.NOT_FOUND,
      'no ü 100 %',
      ['not_found'],
    ]);
    expect(await failure('Throw')).toMatchObject({ code: status.RESOURCE_EXHAUSTED, details: 'too much' });
    expect(await failure('Nothing')).toMatchObject({ code: status.UNIMPLEMENTED });
  });

  it('know their deadline and metadata, and hear when the caller went away', async () => {
    let leftMs = 0;
    let cancelled = 0;
    const server = await serve({
      Hang: unary((held) => {
        leftMs = held.deadlineAtMs - held.arrivedAtMs;
        held.onCancel = () => cancelled++;
      }),
    });
    await expect(call(clientOf(server), 'Hang', Buffer.alloc(0), 150)).rejects.toMatchObject({
      code: status.DEADLINE_EXCEEDED,
    });
    expect(leftMs).toBeGreaterThan(20);
    expect(leftMs).toBeLessThanOrEqual(150);
    await until(() => cancelled === 1);
  });

  it('may be compressed by gzip or deflate; a message beyond the bound is refused, compressed or not', async () => {
    const server = await serve({ Echo: echo }, { messageBytesMax: 100_000 });
    for (const algorithm of [1, 2]) {
      const client = clientOf(server, { 'grpc.default_compression_algorithm': algorithm });
      expect(String(await call(client, 'Echo', Buffer.from('squeezed')))).toBe('squeezed');
      await expect(call(client, 'Echo', Buffer.alloc(200_000))).rejects.toMatchObject({ code: 8 });
    }
    await expect(call(clientOf(server), 'Echo', Buffer.alloc(100_001))).rejects.toMatchObject({ code: 8 });
  });

  it('of a bound service take and give messages', async () => {
    const binding = bindService(TrainingService, {
      startTraining: async (request, context) => {
        if (request.project === '') throw new PlatformError('invalid_argument', 'no project');
        return { trainingId: `${request.project}-${request.seed}${context.header('x-none')}` };
      },
    });
    const server = await startHttp2Server({ port: 0, services: [binding] });
    closers.push(() => server.close(200));
    const client = createClient(TrainingService, `127.0.0.1:${server.port}`);
    closers.push(() => client.close());
    expect((await client.startTraining({ project: 'p', seed: 7n })).trainingId).toBe('p-7');
    await expect(client.startTraining({})).rejects.toMatchObject({ code: 'invalid_argument', reason: 'no project' });
    await expect(client.listModelVersions({ project: 'p' })).rejects.toMatchObject({ code: 'unimplemented' });
  });

  it('of a bound service may have a table of statuses of its own; the exact code goes along', async () => {
    const listModelVersions = () => {
      throw new PlatformError('corrupt', 'damaged');
    };
    const binding = bindService(TrainingService, { listModelVersions }, { statusOf: () => status.INTERNAL });
    const server = await startHttp2Server({ port: 0, services: [binding] });
    closers.push(() => server.close(200));
    const client = createClient(TrainingService, `127.0.0.1:${server.port}`);
    closers.push(() => client.close());
    await expect(client.listModelVersions({ project: 'p' })).rejects.toMatchObject({
      code: 'corrupt',
      facts: { grpcStatus: status.INTERNAL },
    });
  });
});

async function until(question: () => boolean): Promise<void> {
  const endMs = performance.now() + 60_000;
  while (!question()) {
    if (performance.now() > endMs) throw new Error('not within 60 s');
    await new Promise((resolve) => setImmediate(resolve));
  }
}

const streamEcho = streaming((stream) => {
  stream.onMessage = (message) => {
    if (!stream.write(Buffer.from(message))) stream.pause();
  };
  stream.onDrain = () => stream.resume();
  stream.onEnd = () => stream.end();
});

function openStream(client: Client, method: string): { stream: ClientDuplexStream<Buffer, Buffer>; all: Buffer[] } {
  const stream = client.makeBidiStreamRequest<Buffer, Buffer>(`/t.T/${method}`, bytes, bytes);
  const all: Buffer[] = [];
  stream.on('data', (message: Buffer) => all.push(message));
  stream.on('error', () => undefined);
  return { stream, all };
}

describe('streams', () => {
  it('carry many messages in order both ways, with back-pressure', async () => {
    const { stream, all } = openStream(clientOf(await serve({ Stream: streamEcho })), 'Stream');
    const ended = new Promise((resolve) => stream.on('status', ({ code }) => resolve(code)));
    for (let n = 0; n < 2_000; n++) stream.write(Buffer.alloc(1 + ((n * 37) % 3_000), n % 251));
    for (let n = 0; n < 8; n++) stream.write(Buffer.alloc(400_000, n));
    stream.end();
    expect(await ended).toBe(status.OK);
    expect(all).toHaveLength(2_008);
    for (const [n, message] of all.slice(0, 2_000).entries()) {
      expect(message).toHaveLength(1 + ((n * 37) % 3_000));
      expect(message[0]).toBe(n % 251);
    }
  });

  it('of a handler that paused hold the caller back, and lose nothing', async () => {
    let held: BytesStream | undefined;
    let seen = 0;
    const method = streaming((stream) => {
      held = stream;
      stream.pause();
      stream.onMessage = () => {
        seen++;
      };
      stream.onEnd = () => stream.end();
    });
    const { stream } = openStream(clientOf(await serve({ Stream: method })), 'Stream');
    const ended = new Promise((resolve) => stream.on('status', ({ code }) => resolve(code)));
    for (let n = 0; n < 300; n++) stream.write(Buffer.alloc(10_000));
    stream.end();
    await until(() => held !== undefined);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(seen).toBe(0);
    held?.resume();
    expect(await ended).toBe(status.OK);
    expect(seen).toBe(300);
  });

  it('end with a status after what was written, and tell the handler when the caller goes', async () => {
    let gone = 0;
    const server = await serve({
      Fail: streaming((stream) => {
        stream.onMessage = (message) => {
          stream.write(Buffer.from(message));
          stream.refuse(status.ABORTED, 'enough', 'conflict');
        };
      }),
      Hold: streaming((stream) => {
        stream.onMessage = (message) => stream.write(Buffer.from(message));
        stream.onCancel = () => gone++;
      }),
    });
    const failing = openStream(clientOf(server), 'Fail');
    const ended = new Promise((resolve) => failing.stream.on('status', ({ code }) => resolve(code)));
    failing.stream.write(Buffer.from('a'));
    expect(await ended).toBe(status.ABORTED);
    expect(failing.all.map(String)).toEqual(['a']);
    const held = openStream(clientOf(server), 'Hold');
    held.stream.write(Buffer.from('b'));
    await until(() => held.all.length === 1);
    held.stream.cancel();
    await until(() => gone === 1);
  });
});

describe('the server', () => {
  it('answers grpc.health.v1: Check, List and Watch, with services it does not know told apart', async () => {
    const server = await serve({ Echo: echo });
    const client = createClient(Health, `127.0.0.1:${server.port}`);
    closers.push(() => client.close());
    expect((await client.check({})).status).toBe(1);
    expect((await client.check({ service: 't.T' })).status).toBe(1);
    await expect(client.check({ service: 'x.Y' })).rejects.toMatchObject({ code: 'not_found' });
    expect(Object.keys((await client.list({})).statuses).sort()).toEqual(['', 'grpc.health.v1.Health', 't.T']);
    const states: number[] = [];
    client.watch({}).on('data', (answer) => states.push(answer.status));
    const unknown: number[] = [];
    client.watch({ service: 'x.Y' }).on('data', (answer) => unknown.push(answer.status));
    await until(() => states.length === 1 && unknown.length === 1);
    server.health.setServing(false);
    await until(() => states.length === 2);
    expect([states, unknown]).toEqual([[1, 2], [3]]);
    expect((await client.check({})).status).toBe(2);
  });

  it('closes without losing a call, and lets no connection grow older than told', async () => {
    const slow = unary((held, request) => void setTimeout(() => held.answer(Buffer.from(request)), 5));
    const server = await serve({ Slow: slow }, { connectionAgeMaxMs: 700 });
    const client = clientOf(server);
    let stop = false;
    let answered = 0;
    const loops = Array.from({ length: 8 }, async () => {
      for (; !stop; answered++) await call(client, 'Slow', Buffer.from('x'));
    });
    // Two lives of a connection.
    await new Promise((resolve) => setTimeout(resolve, 1_800));
    expect(answered).toBeGreaterThan(50);
    const closing = server.close(2_000);
    stop = true;
    await Promise.all(loops);
    await closing;
    expect(server.connections).toBe(0);
  });

  it('takes the connections that wait to be accepted before it closes, and resets none', async () => {
    const server = await serve({ Echo: echo });
    const ends = Array.from({ length: 20 }, () => {
      const socket = connect(server.port, '127.0.0.1').resume();
      return new Promise((resolve) => socket.once('error', resolve).once('end', () => resolve('told')));
    });
    await server.close(200);
    expect(await Promise.all(ends)).toEqual(Array(20).fill('told'));
  });

  it('cuts calls that outlive the grace, and names an address that is taken', async () => {
    const server = await serve({ Hang: unary(() => undefined) });
    await expect(startHttp2Server({ port: server.port })).rejects.toMatchObject({ code: 'unavailable' });
    const hanging = call(clientOf(server), 'Hang', Buffer.alloc(0));
    const failed = expect(hanging).rejects.toMatchObject({ code: expect.any(Number) });
    await until(() => server.connections === 1);
    await server.close(100);
    await failed;
  });

  it('serves a peer with a tiny window and no table', async () => {
    const server = await serve({ Echo: echo });
    const session = connectHttp2(`http://127.0.0.1:${server.port}`, {
      settings: { initialWindowSize: 3, headerTableSize: 0 },
    });
    closers.push(() => session.destroy());
    for (let n = 0; n < 3; n++) {
      const stream = session.request({
        ':method': 'POST',
        ':path': '/t.T/Echo',
        'content-type': 'application/grpc',
        te: 'trailers',
      });
      const parts: Buffer[] = [];
      let trailers: Record<string, unknown> = {};
      stream.on('data', (part: Buffer) => parts.push(part));
      stream.on('trailers', (fields) => {
        trailers = fields;
      });
      stream.end(frame(Buffer.from('by and by, three bytes at a time')));
      await new Promise((resolve) => stream.on('close', resolve));
      expect(Buffer.concat(parts).subarray(5).toString()).toBe('by and by, three bytes at a time');
      expect(trailers['grpc-status']).toBe('0');
    }
  });
});

/** A peer that writes frames by hand and collects those that come. */
class RawPeer {
  readonly goAways: number[] = [];
  readonly resets: number[] = [];
  readonly pings: Buffer[] = [];
  /** Streams that were answered to their end. */
  readonly ended: number[] = [];
  closed = false;
  private input = Buffer.alloc(0);

  private constructor(readonly socket: Socket) {
    socket.on('data', (chunk) => this.read(chunk));
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.closed = true;
    });
  }

  static async open(port: number, greet = true): Promise<RawPeer> {
    const socket = connect(port, '127.0.0.1');
    await new Promise<void>((resolve) => socket.once('connect', resolve));
    closers.push(() => void socket.destroy());
    const peer = new RawPeer(socket);
    if (greet) peer.write(GREETING);
    return peer;
  }

  write(...parts: Buffer[]): void {
    if (!this.closed) this.socket.write(Buffer.concat(parts));
  }

  private read(chunk: Buffer): void {
    this.input = Buffer.concat([this.input, chunk]);
    for (;;) {
      if (this.input.length < 9) return;
      const length = this.input.readUIntBE(0, 3);
      if (this.input.length < 9 + length) return;
      const payload = this.input.subarray(9, 9 + length);
      if (this.input[3] === h2.GOAWAY) this.goAways.push(payload.readUInt32BE(4));
      if (this.input[3] === h2.RST_STREAM) this.resets.push(payload.readUInt32BE(0));
      const flags = this.input[4] as number;
      if (this.input[3] === h2.PING && (flags & h2.ACK) === 0) this.pings.push(Buffer.from(payload));
      if (this.input[3] === h2.HEADERS && (flags & h2.END_STREAM) !== 0) this.ended.push(this.input.readUInt32BE(5));
      this.input = this.input.subarray(9 + length);
    }
  }
}

function rawFrame(type: number, flags: number, stream: number, payload: Buffer = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9);
  h2.writeFrameHead(head, 0, payload.length, type, flags, stream);
  return Buffer.concat([head, payload]);
}

const GREETING = Buffer.concat([h2.PREFACE, rawFrame(h2.SETTINGS, 0, 0)]);
/** POST http and the path, then content-type. */
const BLOCK = Buffer.concat([
  Buffer.from([0x83, 0x86]),
  literalField(':path', '/t.T/Echo'),
  literalField('content-type', 'application/grpc'),
]);
const headersFrame = (stream: number) => rawFrame(h2.HEADERS, h2.END_HEADERS, stream, BLOCK);
const dataFrame = (stream: number) => rawFrame(h2.DATA, h2.END_STREAM, stream, frame(Buffer.from('hello')));

describe('an end', () => {
  it('takes what a slow peer sent before it heard of it, and finishes when its PING is answered', async () => {
    const server = await serve({ Echo: echo });
    const peer = await RawPeer.open(server.port);
    await until(() => server.connections === 1);
    const closing = server.close(60_000);
    await until(() => peer.pings.length === 1);
    // Far later than a round trip takes.
    await new Promise((resolve) => setTimeout(resolve, 300));
    peer.write(headersFrame(1), dataFrame(1));
    await until(() => peer.ended.length === 1);
    expect([peer.ended, peer.resets, peer.goAways]).toEqual([[1], [], [h2.NO_ERROR]]);
    peer.write(rawFrame(h2.PING, h2.ACK, 0, peer.pings[0]));
    await closing;
    await until(() => peer.closed);
    expect(peer.goAways).toEqual([h2.NO_ERROR, h2.NO_ERROR]);
  });

  it('refuses as not begun what comes after that answer', async () => {
    let held: { answer(response: Buffer): void } | undefined;
    const server = await serve({
      Echo: unary((call) => {
        held = call;
      }),
    });
    const peer = await RawPeer.open(server.port);
    peer.write(headersFrame(1), dataFrame(1));
    await until(() => held !== undefined);
    const closing = server.close(60_000);
    await until(() => peer.pings.length === 1);
    peer.write(rawFrame(h2.PING, h2.ACK, 0, peer.pings[0]), headersFrame(3), dataFrame(3));
    await until(() => peer.resets.length === 1);
    expect(peer.resets).toEqual([h2.REFUSED_STREAM]);
    held?.answer(Buffer.from('late'));
    await closing;
    await until(() => peer.closed);
    expect(peer.ended).toEqual([1]);
  });
});

describe('peers that abuse it', () => {
  const forever = { Echo: unary(() => undefined) };

  it('lose the connection: resets without end, pings without end, header blocks without end, no HTTP/2', async () => {
    const server = await serve(forever);
    const resetting = await RawPeer.open(server.port);
    const cancel = Buffer.from([0, 0, 0, 8]);
    for (let id = 1; id < 60_000; id += 2) resetting.write(headersFrame(id), rawFrame(h2.RST_STREAM, 0, id, cancel));
    const pinging = await RawPeer.open(server.port);
    for (let n = 0; n < 3_000; n++) pinging.write(rawFrame(h2.PING, 0, 0, Buffer.alloc(8)));
    const continuing = await RawPeer.open(server.port);
    continuing.write(rawFrame(h2.HEADERS, 0, 1, BLOCK));
    for (let n = 0; n < 20; n++) continuing.write(rawFrame(h2.CONTINUATION, 0, 1, Buffer.alloc(10)));
    const other = await RawPeer.open(server.port, false);
    other.write(Buffer.from('GET / HTTP/1.1\r\nhost: x\r\n\r\n'));
    await until(() => resetting.closed && pinging.closed && continuing.closed && other.closed);
    expect([...resetting.goAways, ...pinging.goAways, ...continuing.goAways]).toEqual([11, 11, 11]);
    expect(server.connections).toBe(0);
  });

  it('are refused calls beyond the bound of concurrent ones, and headers beyond theirs', async () => {
    const peer = await RawPeer.open((await serve(forever)).port);
    for (let id = 1; id <= 2 * 1_024 + 1; id += 2) peer.write(headersFrame(id));
    await until(() => peer.resets.length === 1);
    expect(peer.resets).toEqual([h2.REFUSED_STREAM]);
    const large = await RawPeer.open((await serve(forever)).port);
    const parts = [BLOCK, literalField('x-large', 'y'.repeat(10_000)), literalField('x-larger', 'z'.repeat(10_000))];
    const block = Buffer.concat(parts);
    large.write(
      rawFrame(h2.HEADERS, 0, 1, block.subarray(0, 12_000)),
      rawFrame(h2.CONTINUATION, h2.END_HEADERS, 1, block.subarray(12_000)),
    );
    await until(() => large.resets.length === 1);
    expect(large.resets).toEqual([h2.ENHANCE_YOUR_CALM]);
  });

  it('that send damaged sessions are told or cut, and the server goes on', async () => {
    const server = await serve({ Echo: echo, Stream: streamEcho });
    const client = clientOf(server);
    const session = Buffer.concat([
      GREETING,
      ...[1, 3, 5].flatMap((id) => [headersFrame(id), dataFrame(id)]),
      rawFrame(h2.WINDOW_UPDATE, 0, 0, Buffer.from([0, 0, 1, 0])),
      rawFrame(h2.PING, 0, 0, Buffer.alloc(8)),
      rawFrame(h2.HEADERS, h2.END_HEADERS | h2.PADDED, 7, Buffer.concat([Buffer.from([3]), BLOCK, Buffer.alloc(3)])),
      rawFrame(h2.DATA, h2.PADDED, 7, Buffer.concat([Buffer.from([2]), frame(Buffer.from('x')), Buffer.alloc(2)])),
      rawFrame(h2.RST_STREAM, 0, 7, Buffer.from([0, 0, 0, 8])),
      rawFrame(h2.SETTINGS, 0, 0, Buffer.from([0, 4, 0, 0, 0, 9, 0, 1, 0, 0, 0, 0])),
      headersFrame(9),
      dataFrame(9),
    ]);
    const damage = fc.record({
      changes: fc.array(fc.tuple(fc.nat(session.length - 1), fc.nat(255)), { maxLength: 12 }),
      cut: fc.nat(session.length),
      step: fc.integer({ min: 1, max: 400 }),
      /** Damage after the preface only, so that most sessions get further than their first bytes. */
      spare: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(damage, async ({ changes, cut, step, spare }) => {
        const bytesSent = Buffer.from(session);
        for (const [at, value] of changes) if (!spare || at >= GREETING.length) bytesSent[at] = value;
        const peer = await RawPeer.open(server.port, false);
        const end = Math.max(cut, GREETING.length);
        for (let at = 0; at < end; at += step) peer.write(bytesSent.subarray(at, Math.min(end, at + step)));
        peer.socket.end();
        expect(String(await call(client, 'Echo', Buffer.from('alive')))).toBe('alive');
        peer.socket.destroy();
      }),
      { numRuns: 250, seed: 4 },
    );
    await until(() => server.connections === 1);
  });
});
