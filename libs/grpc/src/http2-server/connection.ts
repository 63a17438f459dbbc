// One HTTP/2 connection of a gRPC server, straight on its socket (RFC 9113, prior knowledge; no push, no priorities):
// keeps the windows, hands headers and DATA to streams, writes what a turn produced in one go.
// A fault of a stream resets the stream, a fault of the connection ends it with GOAWAY. Memory is bounded: the peer's
// unread bytes by windows, its unfinished header block by a bound of its own (header-blocks.ts), what it does not read
// by UNSENT_BYTES_MAX (then nothing more is read from it).

import type { Socket } from 'node:net';
import type { Clock } from '@millrace/domain';
import { Budget } from './abuse.js';
import { ControlFrames } from './control-frames.js';
import { ConnectionFault, FrameReader, type FrameSink, fault } from './frame-reader.js';
import * as h2 from './frames.js';
import { HEADER_LIST_BYTES_MAX, HeaderBlocks, type HeaderList, wellFormed } from './header-blocks.js';
import { AnswerBlocks, HpackError } from './hpack.js';
import { OutBuffer } from './out-buffer.js';
import type { Http2Stream, StreamHost } from './stream.js';

/** Concurrent calls of one connection; more wait in the client. */
const CONCURRENT_STREAMS_MAX = 1_024;
/** A call's bytes that may be under way before we used them; 64 KiB would make a large tensor wait for round trips. */
export const STREAM_WINDOW_BYTES = 1_048_576;
const CONNECTION_WINDOW_BYTES = 4 * STREAM_WINDOW_BYTES;
/** Beyond, the peer does not read its answers, and is not read either. */
const UNSENT_BYTES_MAX = 8_388_608;
/** Clients with short deadlines reset many calls. */
const RESETS_BURST = 10_000;
const RESETS_PER_SECOND = 1_000;
/**
 * PING, SETTINGS, empty DATA, frames for nobody. Clients that measure bandwidth ping once a round trip, but beside
 * calls.
 */
const IDLE_FRAMES_BURST = 1_000;
const IDLE_FRAMES_PER_SECOND = 10;

const SETTINGS = [
  [h2.SETTING_MAX_CONCURRENT_STREAMS, CONCURRENT_STREAMS_MAX],
  [h2.SETTING_INITIAL_WINDOW_SIZE, STREAM_WINDOW_BYTES],
  [h2.SETTING_MAX_HEADER_LIST_SIZE, HEADER_LIST_BYTES_MAX],
] as const;

export interface ConnectionHost {
  /** A new call. `headers`: names and values in turns. */
  open(connection: Connection, id: number, headers: readonly string[]): Http2Stream;
  closed(connection: Connection): void;
}

export class Connection implements StreamHost, FrameSink {
  readonly out = new OutBuffer();
  readonly blocks = new AnswerBlocks();
  sendWindow = h2.WINDOW_BYTES_DEFAULT;
  peerFrameBytesMax = h2.FRAME_BYTES_DEFAULT;
  peerStreamWindow = h2.WINDOW_BYTES_DEFAULT;
  /** Set with every read; the server's sweep clears it. */
  heard = true;
  private readonly streams = new Map<number, Http2Stream>();
  private readonly control = new ControlFrames(this.out, () => this.wrote());
  private readonly reader = new FrameReader(this);
  private readonly headerBlocks = new HeaderBlocks();
  private readonly resets: Budget;
  private readonly idleFrames: Budget;
  private readonly dirty: Http2Stream[] = [];
  private waiting = new Set<Http2Stream>();
  private lastStreamId = 0;
  private receiveWindow = CONNECTION_WINDOW_BYTES;
  private uncredited = 0;
  private flushing = false;
  private refusing = false;
  private over = false;
  /** DATA frame being received: its stream (undefined = gone), and whether it is the stream's last. */
  private dataStream: Http2Stream | undefined;
  private dataEnds = false;

  constructor(
    private readonly socket: Socket,
    private readonly host: ConnectionHost,
    clock: Clock,
  ) {
    this.resets = new Budget(clock, RESETS_BURST, RESETS_PER_SECOND);
    this.idleFrames = new Budget(clock, IDLE_FRAMES_BURST, IDLE_FRAMES_PER_SECOND);
    socket.setNoDelay(true);
    socket.on('data', (chunk) => this.receive(chunk));
    socket.on('drain', () => this.drained());
    // The close that follows says the same.
    socket.on('error', () => undefined);
    socket.on('close', () => this.closed());
    this.control.settings(SETTINGS);
    this.control.windowUpdate(0, CONNECTION_WINDOW_BYTES - h2.WINDOW_BYTES_DEFAULT);
  }

  /** Calls that are not over. */
  get active(): number {
    return this.streams.size;
  }

  /** Whether the peer has said what it speaks. */
  get greeted(): boolean {
    return this.reader.greeted;
  }

  get unsentBytes(): number {
    return this.socket.writableLength + this.out.length;
  }

  wrote(stream?: Http2Stream): void {
    if (stream) this.dirty.push(stream);
    if (this.flushing) return;
    this.flushing = true;
    queueMicrotask(this.flush);
  }

  waitForWindow(stream: Http2Stream): void {
    this.waiting.add(stream);
  }

  credit(stream: Http2Stream, bytes: number): void {
    // Let go of meanwhile, and credited then.
    if (stream.unused === 0) return;
    this.creditConnection(bytes);
    stream.unused -= bytes;
    stream.uncredited += bytes;
    if (stream.uncredited < STREAM_WINDOW_BYTES / 2 || stream.remoteEnded || stream.localEnded) return;
    this.control.windowUpdate(stream.id, stream.uncredited);
    stream.receiveWindow += stream.uncredited;
    stream.uncredited = 0;
  }

  ended(stream: Http2Stream): void {
    // What the client still sends is not wanted; it has its answer.
    if (!stream.remoteEnded) this.control.reset(stream.id, h2.NO_ERROR);
    this.idleFrames.refill();
    this.forget(stream);
  }

  ping(): void {
    this.control.ping();
  }

  /** "Begin nothing new here"; what crosses it on the way is still taken. */
  announceEnd(): void {
    if (!this.over) this.control.goAway(h2.ANY_STREAM, h2.NO_ERROR);
  }

  /** New streams are refused as not begun; the connection ends with its last call. */
  finish(): void {
    if (this.over || this.refusing) return;
    this.refusing = true;
    this.control.goAway(this.lastStreamId, h2.NO_ERROR);
    this.endIfDone();
  }

  destroy(): void {
    this.socket.destroy();
  }

  /** The connection cannot go on. */
  private fail(code: number): void {
    if (this.over) return;
    this.control.goAway(this.lastStreamId, code);
    this.flush();
    this.over = true;
    this.socket.end();
    // Nobody waits for a peer that broke the rules to close its side.
    this.socket.destroySoon();
  }

  private closed(): void {
    this.over = true;
    const streams = [...this.streams.values()];
    this.streams.clear();
    this.waiting.clear();
    for (const stream of streams) {
      this.lose(stream);
      stream.forgotten();
    }
    this.host.closed(this);
  }

  private lose(stream: Http2Stream): void {
    stream.localEnded = true;
    stream.gone();
  }

  private forget(stream: Http2Stream): void {
    this.streams.delete(stream.id);
    this.waiting.delete(stream);
    // What it left unused must not stay missing from the connection's window.
    if (stream.unused > 0) this.creditConnection(stream.unused);
    stream.unused = 0;
    stream.forgotten();
    this.endIfDone();
  }

  private endIfDone(): void {
    if (!this.refusing || this.over || this.streams.size > 0) return;
    this.flush();
    this.over = true;
    this.socket.end();
  }

  private readonly flush = (): void => {
    this.flushing = true;
    for (let i = 0; i < this.dirty.length; i++) (this.dirty[i] as Http2Stream).pump();
    this.dirty.length = 0;
    this.flushing = false;
    if (this.out.length === 0) return;
    const pieces = this.out.take();
    const { socket } = this;
    if (socket.destroyed || socket.writableEnded) return;
    if (pieces.length === 1) socket.write(pieces[0] as Uint8Array);
    else {
      socket.cork();
      for (const piece of pieces) socket.write(piece);
      socket.uncork();
    }
    if (socket.writableLength > UNSENT_BYTES_MAX) socket.pause();
  };

  private drained(): void {
    this.socket.resume();
    for (const stream of [...this.streams.values()]) stream.drained();
  }

  private creditConnection(bytes: number): void {
    this.uncredited += bytes;
    if (this.uncredited < CONNECTION_WINDOW_BYTES / 2) return;
    this.control.windowUpdate(0, this.uncredited);
    this.receiveWindow += this.uncredited;
    this.uncredited = 0;
  }

  private receive(chunk: Buffer): void {
    if (this.over) return;
    this.heard = true;
    try {
      this.reader.push(chunk);
    } catch (thrown) {
      if (!(thrown instanceof ConnectionFault) && !(thrown instanceof HpackError)) throw thrown;
      this.fail(thrown instanceof ConnectionFault ? thrown.code : h2.COMPRESSION_ERROR);
    }
  }

  frame(type: number, flags: number, id: number, payload: Buffer): void {
    switch (type) {
      case h2.HEADERS:
        this.headers(this.headerBlocks.begin(flags, id, payload));
        break;
      case h2.CONTINUATION:
        this.headers(this.headerBlocks.take(flags, payload));
        break;
      case h2.RST_STREAM:
        this.resetByPeer(id, payload);
        break;
      case h2.SETTINGS:
        this.settings(flags, id, payload);
        break;
      case h2.PING:
        this.pinged(flags, id, payload);
        break;
      case h2.WINDOW_UPDATE:
        this.windowUpdated(id, payload);
        break;
      case h2.PRIORITY:
        if (id === 0) fault(h2.PROTOCOL_ERROR);
        if (payload.length !== 5) this.streamFault(id, h2.FRAME_SIZE_ERROR);
        else this.idleFrame();
        break;
      case h2.GOAWAY:
        // The client begins no more; its calls go on.
        if (id !== 0) fault(h2.PROTOCOL_ERROR);
        this.idleFrame();
        break;
      case h2.PUSH_PROMISE:
        fault(h2.PROTOCOL_ERROR);
        break;
      default:
        this.idleFrame();
    }
  }

  private idleFrame(): void {
    if (!this.idleFrames.take()) fault(h2.ENHANCE_YOUR_CALM);
  }

  private streamFault(id: number, code: number): void {
    this.control.reset(id, code);
    this.abandon(id);
  }

  /** Either side reset the stream. */
  private abandon(id: number): void {
    const stream = this.streams.get(id);
    if (stream) {
      this.streams.delete(id);
      this.lose(stream);
      this.forget(stream);
    }
    if (!this.resets.take()) fault(h2.ENHANCE_YOUR_CALM);
  }

  /** Counts the frame against the windows, padding and all. */
  beginData(id: number, length: number, ends: boolean): void {
    if (id === 0 || id > this.lastStreamId) fault(h2.PROTOCOL_ERROR);
    this.receiveWindow -= length;
    if (this.receiveWindow < 0) fault(h2.FLOW_CONTROL_ERROR);
    if (length === 0 && !ends) this.idleFrame();
    let stream = this.streams.get(id);
    if (stream) {
      if (length > 0) this.idleFrames.refill();
      stream.receiveWindow -= length;
      if (stream.remoteEnded || stream.receiveWindow < 0) {
        this.streamFault(id, stream.remoteEnded ? h2.STREAM_CLOSED : h2.FLOW_CONTROL_ERROR);
        stream = undefined;
      }
      // Of a stream that is over: it was on its way when the stream ended.
    } else if (length > 0) this.creditConnection(length);
    else this.idleFrame();
    this.dataStream = stream;
    this.dataEnds = ends;
  }

  data(part: Buffer, last: boolean): void {
    const { dataStream: stream } = this;
    if (!stream) return;
    // The connection may be idle for long: it must not keep the last call's memory.
    if (last) this.dataStream = undefined;
    stream.unused += part.length;
    if (stream.localEnded) this.credit(stream, part.length);
    else if (part.length > 0) stream.received(part);
    if (last && this.dataEnds) this.endRemote(stream);
  }

  padding(bytes: number): void {
    const { dataStream: stream } = this;
    if (!stream) return;
    stream.unused += bytes;
    this.credit(stream, bytes);
  }

  private endRemote(stream: Http2Stream): void {
    stream.remoteEnded = true;
    if (!stream.localEnded) stream.receivedAll();
  }

  private headers(list: HeaderList | undefined): void {
    if (!list) return;
    const { id, fields, whole, ends } = list;
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
    if (ends && !stream.localEnded) stream.receivedAll();
  }

  private resetByPeer(id: number, payload: Buffer): void {
    if (payload.length !== 4) fault(h2.FRAME_SIZE_ERROR);
    if (id === 0 || id > this.lastStreamId) fault(h2.PROTOCOL_ERROR);
    this.abandon(id);
  }

  private settings(flags: number, id: number, payload: Buffer): void {
    if (id !== 0) fault(h2.PROTOCOL_ERROR);
    if (flags & h2.ACK) {
      if (payload.length > 0) fault(h2.FRAME_SIZE_ERROR);
      return;
    }
    if (payload.length % 6 !== 0) fault(h2.FRAME_SIZE_ERROR);
    this.idleFrame();
    for (let at = 0; at < payload.length; at += 6) this.setting(payload.readUInt16BE(at), payload.readUInt32BE(at + 2));
    this.control.acknowledgeSettings();
  }

  private setting(setting: number, value: number): void {
    switch (setting) {
      case h2.SETTING_HEADER_TABLE_SIZE:
        this.blocks.peerTableSize(value);
        return;
      case h2.SETTING_ENABLE_PUSH:
        if (value > 1) fault(h2.PROTOCOL_ERROR);
        return;
      case h2.SETTING_MAX_FRAME_SIZE:
        if (value < h2.FRAME_BYTES_DEFAULT || value > h2.FRAME_BYTES_MAX) fault(h2.PROTOCOL_ERROR);
        this.peerFrameBytesMax = value;
        return;
      case h2.SETTING_INITIAL_WINDOW_SIZE: {
        if (value > h2.WINDOW_BYTES_MAX) fault(h2.FLOW_CONTROL_ERROR);
        const change = value - this.peerStreamWindow;
        this.peerStreamWindow = value;
        for (const stream of this.streams.values()) {
          stream.sendWindow += change;
          if (stream.sendWindow > h2.WINDOW_BYTES_MAX) fault(h2.FLOW_CONTROL_ERROR);
          this.wrote(stream);
        }
        return;
      }
      default:
    }
  }

  private pinged(flags: number, id: number, payload: Buffer): void {
    if (id !== 0) fault(h2.PROTOCOL_ERROR);
    if (payload.length !== 8) fault(h2.FRAME_SIZE_ERROR);
    if (flags & h2.ACK) return;
    this.idleFrame();
    this.control.pong(payload);
  }

  private windowUpdated(id: number, payload: Buffer): void {
    if (payload.length !== 4) fault(h2.FRAME_SIZE_ERROR);
    if (id > this.lastStreamId) fault(h2.PROTOCOL_ERROR);
    const bytes = h2.uint32At(payload, 0) & 0x7fffffff;
    if (id === 0) {
      this.sendWindow += bytes;
      if (bytes === 0) fault(h2.PROTOCOL_ERROR);
      if (this.sendWindow > h2.WINDOW_BYTES_MAX) fault(h2.FLOW_CONTROL_ERROR);
      const { waiting } = this;
      if (waiting.size === 0) return;
      this.waiting = new Set();
      for (const stream of waiting) this.wrote(stream);
      return;
    }
    const stream = this.streams.get(id);
    if (!stream) return;
    stream.sendWindow += bytes;
    if (bytes === 0) this.streamFault(id, h2.PROTOCOL_ERROR);
    else if (stream.sendWindow > h2.WINDOW_BYTES_MAX) this.streamFault(id, h2.FLOW_CONTROL_ERROR);
    else this.wrote(stream);
  }
}
