// One stream of a connection: what it may still send, what waits for the peer's windows, and how fast it may be
// written. What opens and ends it is the business of the side that extends it, and so are the bytes that come.

import { FRAME_HEAD_BYTES, DATA as TYPE_DATA, writeFrameHead } from './frames.js';
import type { OutBuffer } from './out-buffer.js';
import { MESSAGE_HEAD_BYTES } from './wire.js';

/** What a stream needs of its connection. */
export interface StreamHost {
  readonly out: OutBuffer;
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
}

/** Messages up to this size are written in one piece. */
export const SMALL_BYTES = 4_096 - 128;
/** Unsent bytes of a stream beyond which it says that the peer does not keep up. */
const UNSENT_BYTES_HIGH = 262_144;

export abstract class Http2Stream {
  /** The peer sends no more. */
  remoteEnded = false;
  /** Nothing is sent any more, and what comes is not wanted. */
  over = false;
  /** Bytes that the peer may send before it is credited. */
  receiveWindow: number;
  /** Used bytes that were not credited yet. */
  uncredited = 0;
  /** Received bytes that are not used yet. */
  unused = 0;
  /** Nothing is queued after what is there. */
  protected ending = false;
  protected queuedBytes = 0;
  private queue: Uint8Array[] = [];
  private queuedAt = 0;
  private scheduled = false;
  private wantsDrain = false;

  constructor(
    public id: number,
    /** Bytes of DATA that the peer takes on this stream. */
    public sendWindow: number,
    receiveWindow: number,
  ) {
    this.receiveWindow = receiveWindow;
  }

  protected abstract readonly host: StreamHost;

  /** A part of a message, a view of what the socket gave. */
  abstract received(bytes: Buffer): void;
  /** The peer's last byte was received. */
  abstract receivedAll(): void;
  /** The peer reset it; gone() follows. */
  abstract resetBy(code: number): void;
  /** Reset by either side, or the connection is gone. Not called after the stream ended by itself. */
  abstract gone(): void;
  /** The connection let go of the stream, however it ended. */
  abstract forgotten(): void;
  /** After writeMessage() said false: there is room again. */
  protected abstract roomAgain(): void;
  /** Writes the headers unless they are written. */
  protected abstract writeHead(): void;
  /** Flags of a DATA frame after which nothing is queued, and the stream is ending. */
  protected abstract readonly lastDataFlags: number;
  /** All DATA is written: ends this side. `withData`: the last frame had `lastDataFlags`, just now. */
  protected abstract writeEnd(withData: boolean): void;

  /** The socket has sent what it held; also called when the peer's windows took some of what was queued. */
  drained(): void {
    if (!this.wantsDrain || this.unsent() >= UNSENT_BYTES_HIGH / 2) return;
    this.wantsDrain = false;
    this.roomAgain();
  }

  /** Messages of one turn leave together. False = the peer does not keep up; the bytes are kept all the same. */
  protected writeMessage(message: Uint8Array): boolean {
    this.queueMessage(message);
    this.schedule();
    this.wantsDrain ||= this.unsent() >= UNSENT_BYTES_HIGH;
    return !this.wantsDrain;
  }

  protected schedule(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    this.host.wrote(this);
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

  /** Nothing that was queued is sent any more. */
  protected dropQueue(): void {
    this.queue = [];
    this.queuedAt = 0;
    this.queuedBytes = 0;
  }

  /** Called once in a turn where something was queued, and when a window opened: sends what the windows allow. */
  pump(): void {
    this.scheduled = false;
    if (this.over) return;
    const { host } = this;
    if (this.queuedBytes > 0 || this.ending) this.writeHead();
    const before = this.queuedBytes;
    while (this.queuedBytes > 0) {
      const room = Math.min(this.sendWindow, host.sendWindow, host.peerFrameBytesMax, this.queuedBytes);
      if (room <= 0) {
        host.waitForWindow(this);
        break;
      }
      this.writeData(room);
    }
    if (this.queuedBytes === 0 && this.ending) this.writeEnd(before > 0);
    if (this.queuedBytes < before && !this.over) this.drained();
  }

  private unsent(): number {
    return this.queuedBytes + this.host.unsentBytes;
  }

  private writeData(length: number): void {
    const { out } = this.host;
    const at = out.reserve(FRAME_HEAD_BYTES);
    const flags = this.ending && length === this.queuedBytes ? this.lastDataFlags : 0;
    writeFrameHead(out.slab, at, length, TYPE_DATA, flags, this.id);
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
    if (this.queuedAt === this.queue.length) this.dropQueue();
  }
}
