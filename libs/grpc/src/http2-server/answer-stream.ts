// A call's stream on the side that answers: headers, messages and trailers, in as few writes as may be.

import {
  END_HEADERS,
  END_STREAM,
  FRAME_HEAD_BYTES,
  HEADERS,
  DATA as TYPE_DATA,
  writeFrameHead,
} from '../http2/frames.js';
import { Http2Stream, SMALL_BYTES, type StreamHost } from '../http2/stream.js';
import { MESSAGE_HEAD_BYTES } from '../http2/wire.js';
import type { AnswerBlocks } from './answer-blocks.js';

export interface AnswerHost extends StreamHost {
  readonly blocks: AnswerBlocks;
  /** Both sides are done, or this one is and the peer's rest is not wanted. */
  ended(stream: AnswerStream): void;
}

export abstract class AnswerStream extends Http2Stream {
  protected readonly lastDataFlags = 0;
  private respondedWith = false;
  private trailers: Buffer | undefined;

  constructor(
    protected readonly host: AnswerHost,
    id: number,
    sendWindow: number,
    receiveWindow: number,
  ) {
    super(id, sendWindow, receiveWindow);
  }

  /** Called once, when the connection knows the stream; `remoteEnded` is set where no byte will come. */
  abstract opened(): void;

  protected get responded(): boolean {
    return this.respondedWith;
  }

  resetBy(): void {
    // Whyever: nobody waits any more.
  }

  /** Headers, one message and OK in one go where the windows allow it, which they do for small answers. */
  protected sendAnswer(message: Uint8Array): void {
    const { host } = this;
    const size = MESSAGE_HEAD_BYTES + message.length;
    if (message.length > SMALL_BYTES || size > this.sendWindow || size > host.sendWindow) {
      this.queueMessage(message);
      this.sendTrailers(undefined);
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

  /** Ends the stream after what is queued: with these fields, or with OK. */
  protected sendTrailers(fields: Buffer | undefined): void {
    this.trailers = fields ?? Buffer.alloc(0);
    this.ending = true;
    this.schedule();
  }

  /** Ends the stream without a message. */
  protected sendTrailersOnly(fields: Buffer): void {
    this.writeHeaders(fields);
    this.finish();
  }

  protected writeHead(): void {
    if (!this.respondedWith) this.writeHeaders();
  }

  protected writeEnd(): void {
    const { out, blocks } = this.host;
    let block = this.trailers as Buffer;
    if (block.length === 0) {
      block = blocks.okTrailers;
      blocks.wroteOkTrailers();
    }
    let at = out.reserve(FRAME_HEAD_BYTES + block.length);
    const { slab } = out;
    at = writeFrameHead(slab, at, block.length, HEADERS, END_HEADERS | END_STREAM, this.id);
    slab.set(block, at);
    this.finish();
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

  private finish(): void {
    this.over = true;
    this.dropQueue();
    this.host.wrote();
    this.host.ended(this);
  }
}
