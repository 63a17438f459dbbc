// Gradient sockets between the ranks of one generation. A worker listens once for its whole life; for each generation
// it connects to the lower ranks and waits for the higher ones, each of which must show that generation's token
// (compared in constant time). A link reads only when someone waits for its frame, so that a fast peer is held back by
// TCP itself. Every operation has a deadline; an error or a deadline closes the whole mesh, and the job fails instead
// of hanging.

import { timingSafeEqual } from 'node:crypto';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { PlatformError } from '@millrace/domain';
import type { PeerLinks } from './all-reduce.js';
import { decodeHello, encodeFrameHeader, encodeHello, FRAME_HEADER_BYTES, HELLO_BYTES, WELCOME } from './handshake.js';

export interface PeerAddress {
  rank: number;
  host: string;
  port: number;
}

export interface MeshOptions {
  generation: number;
  rank: number;
  token: Uint8Array;
  peers: readonly PeerAddress[];
  /** For connecting all links. */
  connectMs: number;
  /** For one send or receive. */
  operationMs: number;
}

/** Between two tries to reach a peer that does not know the generation yet. */
const RETRY_MS = 25;
/** Sockets that may be in their handshake at once; more are closed. */
const HANDSHAKES_MAX = 64;

class Link {
  private failure: PlatformError | null = null;
  private waiting: {
    sequence: number;
    into: Uint8Array;
    filled: number;
    done: () => void;
    failed: (e: Error) => void;
  } | null = null;
  private readonly header = Buffer.alloc(FRAME_HEADER_BYTES);
  private headerFilled = 0;

  constructor(
    readonly socket: Socket,
    readonly rank: number,
    private readonly operationMs: number,
  ) {
    socket.setNoDelay(true);
    socket.on('error', (error) =>
      this.fail(new PlatformError('unavailable', `rank ${rank}: ${error.message}`, { cause: error })),
    );
    socket.on('close', () => this.fail(new PlatformError('unavailable', `rank ${rank} closed its gradient socket`)));
    socket.on('readable', () => this.read());
  }

  fail(error: PlatformError): void {
    if (this.failure !== null) return;
    this.failure = error;
    this.socket.destroy();
    this.waiting?.failed(error);
    this.waiting = null;
  }

  send(sequence: number, bytes: Uint8Array): Promise<void> {
    return this.within('send to', (done, failed) => {
      this.socket.write(encodeFrameHeader(sequence, bytes.length));
      this.socket.write(bytes, (error) => (error ? failed(error) : done()));
    });
  }

  receive(sequence: number, into: Uint8Array): Promise<void> {
    return this.within('receive from', (done, failed) => {
      if (this.waiting !== null) throw new Error('two receives on one link');
      this.waiting = { sequence, into, filled: 0, done, failed };
      this.read();
    });
  }

  private within(what: string, start: (done: () => void, failed: (error: Error) => void) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.failure !== null) {
        reject(this.failure);
        return;
      }
      const timer = setTimeout(() => {
        const error = new PlatformError(
          'deadline_exceeded',
          `${what} rank ${this.rank} took longer than ${this.operationMs} ms`,
        );
        this.fail(error);
        reject(error);
      }, this.operationMs);
      start(
        () => {
          clearTimeout(timer);
          resolve();
        },
        (error) => {
          clearTimeout(timer);
          reject(PlatformError.from(error, 'unavailable'));
        },
      );
    });
  }

  private read(): void {
    while (this.waiting !== null) {
      const { waiting } = this;
      if (this.headerFilled < FRAME_HEADER_BYTES) {
        const part = this.take(FRAME_HEADER_BYTES - this.headerFilled);
        if (part === null) return;
        part.copy(this.header, this.headerFilled);
        this.headerFilled += part.length;
        if (this.headerFilled < FRAME_HEADER_BYTES) continue;
        const sequence = this.header.readUInt32LE(0);
        const length = this.header.readUInt32LE(4);
        if (sequence !== waiting.sequence >>> 0 || length !== waiting.into.length) {
          const expected = `${waiting.sequence} (${waiting.into.length} bytes)`;
          this.fail(
            new PlatformError(
              'corrupt',
              `rank ${this.rank} sent frame ${sequence} (${length} bytes), expected ${expected}`,
            ),
          );
          return;
        }
      }
      if (waiting.filled < waiting.into.length) {
        const part = this.take(waiting.into.length - waiting.filled);
        if (part === null) return;
        waiting.into.set(part, waiting.filled);
        waiting.filled += part.length;
        if (waiting.filled < waiting.into.length) continue;
      }
      this.headerFilled = 0;
      this.waiting = null;
      waiting.done();
    }
  }

  /** At most `bytes` of what has arrived; null where nothing has. */
  private take(bytes: number): Buffer | null {
    const available = Math.min(bytes, this.socket.readableLength);
    return available === 0 ? null : (this.socket.read(available) as Buffer | null);
  }
}

/** All links of one generation. */
export class Mesh implements PeerLinks {
  private readonly links = new Map<number, Link>();

  constructor(private readonly options: MeshOptions) {}

  get rank(): number {
    return this.options.rank;
  }

  get worldSize(): number {
    return this.options.peers.length;
  }

  get generation(): number {
    return this.options.generation;
  }

  complete(): boolean {
    return this.links.size === this.worldSize - 1;
  }

  admits(generation: number, rank: number, token: Uint8Array): boolean {
    if (token.length !== this.options.token.length || !timingSafeEqual(token, this.options.token)) return false;
    const known = this.options.peers.some((peer) => peer.rank === rank);
    return generation === this.options.generation && known && rank > this.rank && !this.links.has(rank);
  }

  add(rank: number, socket: Socket): void {
    this.links.set(rank, new Link(socket, rank, this.options.operationMs));
  }

  /** Connects to the lower ranks and waits for the higher ones. */
  async open(): Promise<void> {
    const lower = this.options.peers.filter((peer) => peer.rank < this.rank);
    let expired = false;
    const timer = setTimeout(() => {
      expired = true;
    }, this.options.connectMs);
    try {
      for (const peer of lower) {
        for (;;) {
          if (expired)
            throw new PlatformError(
              'deadline_exceeded',
              `rank ${peer.rank} did not answer in ${this.options.connectMs} ms`,
            );
          const socket = await dial(peer, encodeHello({ ...this.options }), this.options.connectMs);
          if (socket !== null) {
            this.add(peer.rank, socket);
            break;
          }
          await pause(RETRY_MS);
        }
      }
      while (!this.complete()) {
        if (expired)
          throw new PlatformError('deadline_exceeded', `not all peers connected in ${this.options.connectMs} ms`);
        await pause(5);
      }
    } finally {
      clearTimeout(timer);
    }
  }

  send(rank: number, sequence: number, bytes: Uint8Array): Promise<void> {
    return this.link(rank).send(sequence, bytes);
  }

  receive(rank: number, sequence: number, into: Uint8Array): Promise<void> {
    return this.link(rank).receive(sequence, into);
  }

  close(reason: string): void {
    for (const link of this.links.values()) link.fail(new PlatformError('cancelled', reason));
    this.links.clear();
  }

  private link(rank: number): Link {
    const link = this.links.get(rank);
    if (link === undefined) throw new PlatformError('unavailable', `no link to rank ${rank}`);
    return link;
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** One try; null where the peer refused or is not there (yet). */
function dial(peer: PeerAddress, hello: Uint8Array, timeoutMs: number): Promise<Socket | null> {
  return new Promise((resolve) => {
    const socket = connect({ host: peer.host, port: peer.port });
    const refuse = () => {
      socket.destroy();
      resolve(null);
    };
    socket.setTimeout(timeoutMs, refuse);
    socket.once('error', refuse);
    socket.once('close', refuse);
    socket.once('connect', () => socket.write(hello));
    const answer = () => {
      const byte = socket.read(1) as Buffer | null;
      if (byte === null) return;
      socket.off('readable', answer);
      if (byte[0] !== WELCOME) {
        refuse();
        return;
      }
      socket.setTimeout(0);
      socket.off('error', refuse);
      socket.off('close', refuse);
      resolve(socket);
    };
    socket.on('readable', answer);
  });
}

/** The worker's listening gradient socket; admits peers to the mesh that is current. */
export class MeshListener {
  private current: Mesh | null = null;
  private handshakes = 0;

  private constructor(
    private readonly server: Server,
    readonly port: number,
  ) {
    server.on('connection', (socket) => this.greet(socket));
  }

  static listen(host: string, port: number): Promise<MeshListener> {
    return new Promise((resolve, reject) => {
      const server = createServer();
      server.once('error', reject);
      server.listen(port, host, () => {
        const address = server.address();
        resolve(new MeshListener(server, typeof address === 'object' && address !== null ? address.port : port));
      });
    });
  }

  /** From now on peers of this generation are admitted, and none of an earlier one. */
  serve(mesh: Mesh | null): void {
    this.current?.close('a new generation began');
    this.current = mesh;
  }

  close(): void {
    this.serve(null);
    this.server.close();
  }

  private greet(socket: Socket): void {
    if (this.handshakes >= HANDSHAKES_MAX) {
      socket.destroy();
      return;
    }
    this.handshakes++;
    let ended = false;
    const end = () => {
      if (!ended) this.handshakes--;
      ended = true;
    };
    const refuse = () => {
      end();
      socket.destroy();
    };
    socket.setTimeout(2_000, refuse);
    socket.once('error', refuse);
    socket.once('close', end);
    const hear = () => {
      const bytes = socket.read(HELLO_BYTES) as Buffer | null;
      if (bytes === null) return;
      socket.off('readable', hear);
      const hello = decodeHello(bytes);
      const mesh = this.current;
      if (hello === null || mesh === null || !mesh.admits(hello.generation, hello.rank, hello.token)) {
        refuse();
        return;
      }
      end();
      socket.setTimeout(0);
      socket.off('error', refuse);
      mesh.add(hello.rank, socket);
      socket.write(Uint8Array.of(WELCOME));
    };
    socket.on('readable', hear);
  }
}
