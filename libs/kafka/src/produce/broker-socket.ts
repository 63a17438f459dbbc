// One connection to a broker: requests out, answers back in the same order. Whatever goes wrong ends the connection and
// fails what is unanswered; whether the broker took that is then unknown.

import { connect, type Socket } from 'node:net';
import { type Clock, PlatformError } from '@millrace/domain';
import { neverToItself } from '../to-itself.js';
import { type Node, type RequestKind, requestHead } from './protocol.js';

const CONNECT_MS = 3_000;
/** A broker that is stopped but holds its socket is given up after this. */
const ANSWER_MS = 15_000;
const KEEP_ALIVE_MS = 60_000;
/** Size and correlation id. */
const HEAD_BYTES = 8;
/** Nothing that a producer asks is answered with more. */
const ANSWER_BYTES_MAX = 64 * 1024 * 1024;

interface Unanswered {
  readonly correlation: number;
  readonly dueAtMs: number;
  resolve(body: Buffer): void;
  reject(error: PlatformError): void;
}

export class BrokerSocket {
  private readonly unanswered: Unanswered[] = [];
  private chunks: Buffer[] = [];
  private held = 0;
  private correlation = 0;
  private failure: PlatformError | undefined;
  private readonly watch: NodeJS.Timeout;

  private constructor(
    private readonly socket: Socket,
    private readonly name: string,
    private readonly clientId: string,
    private readonly clock: Clock,
  ) {
    socket.setNoDelay(true);
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    socket.on('data', (chunk: Buffer) => this.take(chunk));
    socket.on('error', (error) => this.fail(error.message));
    socket.on('close', () => this.fail('it closed the connection'));
    this.watch = setInterval(() => {
      const [first] = this.unanswered;
      if (first !== undefined && first.dueAtMs <= clock.monotonicMs()) this.fail(`no answer within ${ANSWER_MS} ms`);
    }, 1_000);
    this.watch.unref();
  }

  static async open(node: Node, clientId: string, clock: Clock): Promise<BrokerSocket> {
    const { host, port } = node;
    const name = `${host}:${port}`;
    const socket = neverToItself(connect({ host, port }));
    await new Promise<void>((resolve, reject) => {
      const fail = (why: string) => {
        socket.destroy();
        reject(new PlatformError('unavailable', `the broker ${name}: ${why}`));
      };
      const timer = setTimeout(() => fail(`no connection within ${CONNECT_MS} ms`), CONNECT_MS);
      socket.once('error', (error) => {
        clearTimeout(timer);
        fail(error.message);
      });
      socket.once('connect', () => {
        clearTimeout(timer);
        socket.removeAllListeners('error');
        resolve();
      });
    });
    return new BrokerSocket(socket, name, clientId, clock);
  }

  get isOpen(): boolean {
    return this.failure === undefined;
  }

  /** The answer's body. Rejects with `unavailable`. */
  request(kind: RequestKind, body: readonly Buffer[]): Promise<Buffer> {
    if (this.failure !== undefined) return Promise.reject(this.failure);
    const correlation = this.correlation;
    this.correlation = (correlation + 1) & 0x7fffffff;
    let bytes = 0;
    for (const part of body) bytes += part.length;
    return new Promise((resolve, reject) => {
      const dueAtMs = this.clock.monotonicMs() + ANSWER_MS;
      this.unanswered.push({ correlation, dueAtMs, resolve, reject });
      this.socket.cork();
      this.socket.write(requestHead(kind, correlation, this.clientId, bytes));
      for (const part of body) this.socket.write(part);
      this.socket.uncork();
    });
  }

  close(): void {
    this.fail('closed');
  }

  private take(chunk: Buffer): void {
    this.chunks.push(chunk);
    this.held += chunk.length;
    while (this.held >= HEAD_BYTES) {
      const bytes = this.chunks.length === 1 ? (this.chunks[0] as Buffer) : Buffer.concat(this.chunks);
      this.chunks = [bytes];
      const end = 4 + bytes.readInt32BE(0);
      const [first] = this.unanswered;
      if (
        end < HEAD_BYTES ||
        end > ANSWER_BYTES_MAX ||
        first === undefined ||
        bytes.readInt32BE(4) !== first.correlation
      ) {
        this.fail('it answered what was not asked');
        return;
      }
      if (bytes.length < end) return;
      this.unanswered.shift();
      this.chunks = bytes.length === end ? [] : [bytes.subarray(end)];
      this.held -= end;
      first.resolve(bytes.subarray(HEAD_BYTES, end));
    }
  }

  private fail(why: string): void {
    if (this.failure !== undefined) return;
    this.failure = new PlatformError('unavailable', `the broker ${this.name}: ${why}`);
    clearInterval(this.watch);
    this.socket.destroy();
    for (const { reject } of this.unanswered.splice(0)) reject(this.failure);
  }
}
