// A call's stream on the side that asks: the call's headers, its messages, and what the server answers.

import { status as STATUS } from '@grpc/grpc-js';
import {
  CANCEL,
  CONTINUATION,
  END_HEADERS,
  END_STREAM,
  FRAME_HEAD_BYTES,
  HEADERS,
  NO_ERROR,
  REFUSED_STREAM,
  DATA as TYPE_DATA,
  writeFrameHead,
} from '../http2/frames.js';
import { fieldOf } from '../http2/hpack.js';
import { PacedBytes } from '../http2/paced-bytes.js';
import { Http2Stream, type StreamHost } from '../http2/stream.js';
import { Deframer, type WireMessage } from '../http2/wire.js';
import { answerOf, type BytesAnswer, type BytesStreamEvents, failed } from './answers.js';
import type { CallFields, RequestBlocks } from './request-blocks.js';

export interface CallHost extends StreamHost {
  readonly blocks: RequestBlocks;
  /** Why the connection is gone. */
  readonly failure: string;
  /** Grows with whatever is heard. */
  readonly reads: number;
  /** Behind a silent network only a new connection helps. */
  destroy(): void;
  /** The call has its answer; what the server still sends, and what it still takes, is not wanted. */
  ended(stream: CallStream, code: number): void;
}

export interface CallEvents extends Omit<BytesStreamEvents, 'end'> {
  /** `unbegun`: the other side says that it has not looked at the call. */
  end(answer: BytesAnswer, unbegun: boolean): void;
}

export interface CallBounds {
  /** Of one message of the answer. */
  readonly bytesMax: number;
  /** Infinity = none. */
  readonly leftMs: number;
  /** The server hears of the call before its first message. */
  readonly beginsAtOnce: boolean;
}

/** The connection gives them when it opens the stream. */
const NO_NUMBER_YET = 0;
const NO_WINDOW_YET = 0;

export class CallStream extends Http2Stream {
  protected readonly lastDataFlags = END_STREAM;
  /** Everything of the call is written. */
  sentAll = false;
  private wroteHead = false;
  private isUnbegun = false;
  /** Names and values of what the server has told: headers, then trailers. */
  private told: readonly string[] | undefined;
  private readonly deframer: Deframer;
  private readonly deadline: NodeJS.Timeout | undefined;
  private readonly bytes = new PacedBytes(
    (bytes) => this.use(bytes),
    () => this.allUsed(),
  );

  constructor(
    protected readonly host: CallHost,
    private readonly fields: CallFields,
    private readonly events: CallEvents,
    private readonly bounds: CallBounds,
  ) {
    super(NO_NUMBER_YET, NO_WINDOW_YET, NO_WINDOW_YET);
    this.deframer = new Deframer(bounds.bytesMax);
    if (bounds.leftMs === Number.POSITIVE_INFINITY) return;
    const { reads } = host;
    this.deadline = setTimeout(() => {
      this.giveUp(failed(STATUS.DEADLINE_EXCEEDED, 'the deadline passed before the answer'));
      if (host.reads === reads) host.destroy();
    }, bounds.leftMs);
  }

  /** A message of the call. False = the server does not keep up. */
  write(message: Uint8Array): boolean {
    return this.over || this.ending || this.writeMessage(message);
  }

  /** No message follows. */
  endWriting(): void {
    this.ending = true;
    if (!this.over) this.schedule();
  }

  pause(): void {
    this.bytes.pause();
  }

  resume(): void {
    this.bytes.resume();
  }

  /** Nobody waits any more; nothing is told. */
  cancel(): void {
    if (!this.over) this.finish(CANCEL);
  }

  /** The answer is not awaited any more. */
  giveUp(answer: BytesAnswer): void {
    if (this.over) return;
    this.finish(CANCEL);
    this.events.end(answer, false);
  }

  /** HEADERS of the server: the answer's head, or its trailers. */
  answered(fields: readonly string[], ends: boolean): void {
    const http = fieldOf(fields, ':status');
    // 1xx says that the answer is still to come.
    if (http.startsWith('1') && !ends) return;
    // A server that speaks HTTP but no gRPC answers with a status of HTTP.
    if (http !== '' && http !== '200') this.giveUp(failed(STATUS.UNAVAILABLE, `HTTP ${http} instead of gRPC`));
    else this.told = fields;
  }

  received(bytes: Buffer): void {
    this.bytes.push(bytes);
  }

  receivedAll(): void {
    this.bytes.end();
  }

  resetBy(code: number): void {
    this.isUnbegun = code === REFUSED_STREAM;
  }

  /** The server will not look at it: it may be asked elsewhere. */
  refusedUnbegun(): void {
    this.isUnbegun = true;
    this.gone();
  }

  gone(): void {
    this.letGo();
    const reason = this.told === undefined ? this.host.failure : 'it broke off within an answer';
    this.events.end(failed(STATUS.UNAVAILABLE, reason), this.isUnbegun);
  }

  forgotten(): void {
    // Whoever asked has heard of it.
  }

  protected roomAgain(): void {
    this.events.drained();
  }

  protected writeHead(): void {
    if (this.wroteHead) return;
    this.wroteHead = true;
    const { out, blocks, peerFrameBytesMax } = this.host;
    const block = blocks.next(this.fields);
    let type = HEADERS;
    for (let from = 0; from < block.length; from += peerFrameBytesMax) {
      const to = Math.min(block.length, from + peerFrameBytesMax);
      const at = out.reserve(FRAME_HEAD_BYTES + to - from);
      const flags = to === block.length ? END_HEADERS : 0;
      block.copy(out.slab, writeFrameHead(out.slab, at, to - from, type, flags, this.id), from, to);
      type = CONTINUATION;
    }
    this.host.wrote();
  }

  protected writeEnd(withData: boolean): void {
    if (this.sentAll) return;
    this.sentAll = true;
    if (withData) return;
    const { out } = this.host;
    writeFrameHead(out.slab, out.reserve(FRAME_HEAD_BYTES), 0, TYPE_DATA, END_STREAM, this.id);
    this.host.wrote();
  }

  /** What waits for its stream is sent when the connection opens it. */
  override pump(): void {
    if (this.id === NO_NUMBER_YET) return;
    if (this.bounds.beginsAtOnce && !this.over) this.writeHead();
    super.pump();
  }

  private use(bytes: Buffer): void {
    if (this.over) return;
    if (this.deframer.push(bytes, this.take) !== null)
      this.giveUp(failed(STATUS.RESOURCE_EXHAUSTED, `an answer has more than ${this.bounds.bytesMax} bytes`));
    this.host.credit(this, bytes.length);
  }

  private readonly take = ({ compressed, bytes }: WireMessage): void => {
    if (this.over) return;
    if (compressed) this.giveUp(failed(STATUS.INTERNAL, 'the answer is compressed, which was not asked for'));
    else this.events.message(bytes);
  };

  private allUsed(): void {
    if (this.over) return;
    const told = this.told ?? [];
    const status = fieldOf(told, 'grpc-status');
    this.finish(NO_ERROR);
    if (status === '') this.events.end(failed(STATUS.UNAVAILABLE, 'it broke off within an answer'), false);
    else if (this.deframer.end() !== null)
      this.events.end(failed(STATUS.INTERNAL, 'the answer ended within a message'), false);
    else this.events.end(answerOf(status, fieldOf(told, 'grpc-message')), false);
  }

  private finish(code: number): void {
    this.letGo();
    this.host.ended(this, code);
  }

  private letGo(): void {
    clearTimeout(this.deadline);
    this.over = true;
    this.bytes.clear();
    this.dropQueue();
  }
}
