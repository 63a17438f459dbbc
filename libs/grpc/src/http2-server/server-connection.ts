// The server's side of a connection: takes new calls, refuses those that are too many, and comes to an end that loses
// none.

import type { Socket } from 'node:net';
import type { Clock } from '@millrace/domain';
import { Budget } from '../http2/abuse.js';
import { Http2Connection } from '../http2/connection.js';
import { fault } from '../http2/frame-reader.js';
import * as h2 from '../http2/frames.js';
import { type HeaderList, wellFormed } from '../http2/header-blocks.js';
import { AnswerBlocks } from './answer-blocks.js';
import type { AnswerHost, AnswerStream } from './answer-stream.js';

/** Concurrent calls of one connection; more wait in the client. */
const CONCURRENT_STREAMS_MAX = 1_024;
/** A call's bytes that may be under way before we used them; 64 KiB would make a large tensor wait for round trips. */
export const STREAM_WINDOW_BYTES = 1_048_576;
/** Beyond, the peer does not read its answers, and is not read either. */
const UNSENT_BYTES_MAX = 8_388_608;
/** Of the PING behind the announcement of an end; others carry 0. */
const END_MARK = 1;
/** Clients with short deadlines reset many calls. */
const RESETS_BURST = 10_000;
const RESETS_PER_SECOND = 1_000;

export interface ConnectionHost {
  /** A new call. `headers`: names and values in turns. */
  open(connection: ServerConnection, id: number, headers: readonly string[]): AnswerStream;
  closed(connection: ServerConnection): void;
}

export class ServerConnection extends Http2Connection<AnswerStream> implements AnswerHost {
  readonly blocks = new AnswerBlocks();
  private readonly resets: Budget;
  private lastStreamId = 0;
  private announced = false;
  private refusing = false;

  constructor(
    socket: Socket,
    private readonly host: ConnectionHost,
    clock: Clock,
  ) {
    const windows = { stream: STREAM_WINDOW_BYTES, connection: 4 * STREAM_WINDOW_BYTES };
    super(socket, clock, windows, { peerSendsPreface: true, unsentBytesMax: UNSENT_BYTES_MAX, gathersTurn: true });
    this.resets = new Budget(clock, RESETS_BURST, RESETS_PER_SECOND);
    this.greet([[h2.SETTING_MAX_CONCURRENT_STREAMS, CONCURRENT_STREAMS_MAX]]);
  }

  ended(stream: AnswerStream): void {
    // What the client still sends is not wanted; it has its answer.
    if (!stream.remoteEnded) this.control.reset(stream.id, h2.NO_ERROR);
    this.idleFrames.refill();
    this.forget(stream);
  }

  /**
   * "Begin nothing new here"; what crosses it on the way is still taken. The answer to the PING comes after all of
   * that, however slow the peer is, and then the connection finishes.
   */
  announceEnd(): void {
    if (this.over) return;
    this.control.goAway(h2.ANY_STREAM, h2.NO_ERROR);
    this.ping(END_MARK);
    this.announced = true;
  }

  protected ponged(mark: number): void {
    if (this.announced && mark === END_MARK) this.finish();
  }

  /** New streams are refused as not begun; the connection ends with its last call. */
  finish(): void {
    if (this.over || this.refusing) return;
    this.refusing = true;
    this.control.goAway(this.lastStreamId, h2.NO_ERROR);
    this.forgotten();
  }

  protected get lastOfPeer(): number {
    return this.lastStreamId;
  }

  protected wasOpened(id: number): boolean {
    return id !== 0 && id <= this.lastStreamId;
  }

  protected headers({ id, fields, whole, ends }: HeaderList): void {
    const known = this.streams.get(id);
    if (known) {
      // Trailers: nobody reads them.
      const trailers = ends && !fields.some((name, i) => i % 2 === 0 && name.startsWith(':'));
      if (known.remoteEnded) this.streamFault(id, h2.STREAM_CLOSED);
      else if (trailers) this.endRemote(known);
      else this.streamFault(id, h2.PROTOCOL_ERROR);
      return;
    }
    if (id <= this.lastStreamId) fault(h2.STREAM_CLOSED);
    this.lastStreamId = id;
    if (this.refusing || this.streams.size >= CONCURRENT_STREAMS_MAX) this.streamFault(id, h2.REFUSED_STREAM);
    else if (!whole) this.streamFault(id, h2.ENHANCE_YOUR_CALM);
    else if (!wellFormed(fields)) this.streamFault(id, h2.PROTOCOL_ERROR);
    else this.open(id, fields, ends);
  }

  private open(id: number, fields: readonly string[], ends: boolean): void {
    const stream = this.host.open(this, id, fields);
    this.streams.set(id, stream);
    stream.remoteEnded = ends;
    stream.opened();
    if (ends && !stream.over) stream.receivedAll();
  }

  protected goneAway(): void {
    // The client begins no more; its calls go on.
  }

  protected peerTableSize(bytes: number): void {
    this.blocks.peerTableSize(bytes);
  }

  protected heardSettings(): void {
    // Nobody waits for a client's.
  }

  protected peerStreamsMax(): void {
    // A server begins none.
  }

  protected abandoned(): void {
    if (!this.resets.take()) fault(h2.ENHANCE_YOUR_CALM);
  }

  protected forgotten(): void {
    if (this.refusing && !this.over && this.streams.size === 0) this.end();
  }

  protected broken(): void {
    // The close that follows says the same.
  }

  protected gone(): void {
    this.host.closed(this);
  }
}
