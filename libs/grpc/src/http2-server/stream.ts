// One stream of a connection: what it may still send, what waits for the peer's windows, and how it ends. Bytes that
// came are handed to the exchange that extends it.

import { END_HEADERS, END_STREAM, FRAME_HEAD_BYTES, HEADERS, DATA as TYPE_DATA, writeFrameHead } from './frames.js';
import type { AnswerBlocks } from './hpack.js';
import type { OutBuffer } from './out-buffer.js';
import { MESSAGE_HEAD_BYTES } from './wire.js';

/** What a stream needs of its connection. */
export interface StreamHost {
  readonly out: OutBuffer;
  readonly blocks: AnswerBlocks;
  /** Bytes of DATA that the peer takes on the connection. */
  sendWindow: number;
  readonly peerFrameBytesMax: number;
  /** Bytes given to the socket that it has not sent. */
  readonly unsentBytes: number;
  /**
   * Something was written to `out`, or the stream has something to send: before this turn ends it goes to the socket.
   */
  wrote(stream?: Http2Stream): void;
  /** Waits for the connection's window. */
  waitForWindow(stream: Http2Stream): void;
  /** These bytes of the stream were used: the peer may send as many more. */
  credit(stream: Http2Stream, bytes: number): void;
  /** Both sides are done, or this one is and the peer's rest is not wanted. */
  ended(stream: Http2Stream): void;
}

/** Answers up to this size are written in one piece. */
const SMALL_BYTES = 4_096 - 128;

export abstract class Http2Stream {
  /** The peer sends no more. */
  remoteEnded = false;
  /** We send no more. */
  localEnded = false;
  /** Bytes that the peer may send before it is credited. */
  receiveWindow: number;
  /** Used bytes that were not credited yet. */
  uncredited = 0;
  /** Received bytes that are not used yet. */
  unused = 0;
  private respondedWith = false;
  private queue: Uint8Array[] = [];
  private queuedAt = 0;
  private trailers: Buffer | undefined;
  protected queuedBytes = 0;

  constructor(
    protected readonly host: StreamHost,
    readonly id: number,
    /** Bytes of DATA that the peer takes on this stream. */
    public sendWindow: number,
    receiveWindow: number,
  ) {
    this.receiveWindow = receiveWindow;
  }

  /** Called once, when the connection knows the stream; `remoteEnded` is set where no byte will come. */
  abstract opened(): void;
  /** A part of a message, a view of what the socket gave. */
  abstract received(bytes: Buffer): void;
  /** The peer's last byte was received. */
  abstract receivedAll(): void;
  /** Reset by the peer, or the connection is gone; nothing can be sent. Not called after the stream ended by itself. */
  abstract gone(): void;
  /** The connection let go of the stream, however it ended. */
  abstract forgotten(): void;
  /** The socket has sent what it held; also called when the peer's windows took some of what was queued. */
  abstract drained(): void;

  protected get responded(): boolean {
    return this.respondedWith;
  }

  /** Headers, one message and OK in one go where the windows allow it, which they do for small answers. */
  protected sendAnswer(message: Uint8Array): void {
    const { host } = this;
    const size = MESSAGE_HEAD_BYTES + message.length;
    if (message.length > SMALL_BYTES || size > this.sendWindow || size > host.sendWindow) {
      this.queueMessage(message);
      this.sendTrailers(undefined);
      host.wrote(this);
      return;
    }
    const { headers } = host.blocks;
    if (!this.respondedWith) host.blocks.wroteHeaders();
    const trailers = host.blocks.okTrailers;
    host.blocks.wroteOkTrailers();
    let at = host.out.reserve(3 * FRAME_HEAD_BYTES + headers.length + size + trailers.length);
    const { slab } = host.out;
    at = writeFrameHead(slab, at, headers.length, HEADERS, END_HEADERS, this.id);
    for (let i = 0; i < headers.length; i++) slab[at++] = headers[i] as number;
    at = writeFrameHead(slab, at, size, TYPE_DATA, 0, this.id);
    slab[at] = 0;
    slab.writeUInt32BE(message.length, at + 1);
    slab.set(message, at + MESSAGE_HEAD_BYTES);
    at = writeFrameHead(slab, at + size, trailers.length, HEADERS, END_HEADERS | END_STREAM, this.id);
    for (let i = 0; i < trailers.length; i++) slab[at++] = trailers[i] as number;
    this.sendWindow -= size;
    host.sendWindow -= size;
    this.respondedWith = true;
    this.finish();
  }

  /** Sent with the others of this turn, see pump(). */
  protected queueMessage(message: Uint8Array): void {
    const { length } = message;
    const small = length <= SMALL_BYTES;
    const head = Buffer.allocUnsafe(small ? MESSAGE_HEAD_BYTES + length : MESSAGE_HEAD_BYTES);
    head[0] = 0;
    head.writeUInt32BE(length, 1);
    if (small) {
      head.set(message, MESSAGE_HEAD_BYTES);
      this.queue.push(head);
    } else this.queue.push(head, message);
    this.queuedBytes += MESSAGE_HEAD_BYTES + length;
  }

  /** Ends the stream after what is queued: with these fields, or with OK. */
  protected sendTrailers(fields: Buffer | undefined): void {
    this.trailers = fields ?? Buffer.alloc(0);
    this.host.wrote(this);
  }

  /** Ends the stream without a message. */
  protected sendTrailersOnly(fields: Buffer): void {
    this.writeHeaders(fields);
    this.finish();
  }

  /** Called once in a turn where something was queued, and when a window opened: sends what the windows allow. */
  pump(): void {
    if (this.localEnded) return;
    const { host } = this;
    if (!this.respondedWith && (this.queuedBytes > 0 || this.trailers)) this.writeHeaders();
    const before = this.queuedBytes;
    while (this.queuedBytes > 0) {
      const room = Math.min(this.sendWindow, host.sendWindow, host.peerFrameBytesMax, this.queuedBytes);
      if (room <= 0) {
        host.waitForWindow(this);
        break;
      }
      this.writeData(room);
    }
    if (this.queuedBytes === 0 && this.trailers) this.writeTrailers(this.trailers);
    if (this.queuedBytes < before && !this.localEnded) this.drained();
  }

  private writeHeaders(fields?: Buffer): void {
    const { out, blocks } = this.host;
    const { headers } = blocks;
    blocks.wroteHeaders();
    const flags = fields ? END_HEADERS | END_STREAM : END_HEADERS;
    const length = headers.length + (fields?.length ?? 0);
    let at = out.reserve(FRAME_HEAD_BYTES + length);
    const { slab } = out;
    at = writeFrameHead(slab, at, length, HEADERS, flags, this.id);
    slab.set(headers, at);
    if (fields) slab.set(fields, at + headers.length);
    this.respondedWith = true;
    this.host.wrote();
  }

  private writeData(length: number): void {
    const { out } = this.host;
    const at = out.reserve(FRAME_HEAD_BYTES);
    writeFrameHead(out.slab, at, length, TYPE_DATA, 0, this.id);
    this.sendWindow -= length;
    this.host.sendWindow -= length;
    this.queuedBytes -= length;
    let left = length;
    while (left > 0) {
      const piece = this.queue[this.queuedAt] as Uint8Array;
      if (piece.length <= left) {
        out.push(piece);
        left -= piece.length;
        this.queuedAt++;
      } else {
        out.push(piece.subarray(0, left));
        this.queue[this.queuedAt] = piece.subarray(left);
        left = 0;
      }
    }
    if (this.queuedAt === this.queue.length) {
      this.queue = [];
      this.queuedAt = 0;
    }
  }

  private writeTrailers(fields: Buffer): void {
    const { out, blocks } = this.host;
    let block = fields;
    if (fields.length === 0) {
      block = blocks.okTrailers;
      blocks.wroteOkTrailers();
    }
    let at = out.reserve(FRAME_HEAD_BYTES + block.length);
    const { slab } = out;
    at = writeFrameHead(slab, at, block.length, HEADERS, END_HEADERS | END_STREAM, this.id);
    slab.set(block, at);
    this.finish();
  }

  private finish(): void {
    this.localEnded = true;
    this.queue = [];
    this.host.wrote();
    this.host.ended(this);
  }
}
