// One HTTP/2 connection of gRPC, straight on its socket (RFC 9113, prior knowledge; no push, no priorities), whichever
// side it is: keeps the windows, hands headers and DATA to streams, writes what a turn produced in one go. What the
// sides do not share is in http2-server/server-connection.ts and http2-client/client-connection.ts.
// A fault of a stream resets the stream, a fault of the connection ends it with GOAWAY. Memory is bounded: the peer's
// unread bytes by windows, its unfinished header block by a bound of its own (header-blocks.ts), what it does not read
// by `unsentBytesMax` (then nothing more is read from it).

import type { Socket } from 'node:net';
import { type Clock, RisingMap } from '@millrace/domain';
import { Budget } from './abuse.js';
import { ControlFrames } from './control-frames.js';
import { ConnectionFault, FrameReader, type FrameSink, fault } from './frame-reader.js';
import * as h2 from './frames.js';
import { HEADER_LIST_BYTES_MAX, HeaderBlocks, type HeaderList } from './header-blocks.js';
import { HpackError } from './hpack.js';
import { OutBuffer } from './out-buffer.js';
import type { Http2Stream, StreamHost } from './stream.js';

/**
 * PING, SETTINGS, empty DATA, frames for nobody. Peers that measure bandwidth ping once a round trip, but beside
 * calls.
 */
const IDLE_FRAMES_BURST = 1_000;
const IDLE_FRAMES_PER_SECOND = 10;

export interface ConnectionWindows {
  /** Bytes of a call that may be under way before they are used. */
  readonly stream: number;
  readonly connection: number;
}

export interface ConnectionOptions {
  readonly peerSendsPreface: boolean;
  readonly unsentBytesMax: number;
  /**
   * What is written waits until everything that was read in this turn has been handled: answers that come over several
   * sockets leave in one write a connection. Else it leaves with the callback that wrote it, for whoever gathers by
   * himself.
   */
  readonly gathersTurn: boolean;
}

export abstract class Http2Connection<S extends Http2Stream> implements StreamHost, FrameSink {
  readonly out = new OutBuffer();
  sendWindow = h2.WINDOW_BYTES_DEFAULT;
  peerFrameBytesMax = h2.FRAME_BYTES_DEFAULT;
  peerStreamWindow = h2.WINDOW_BYTES_DEFAULT;
  /** Grows with every read: whoever watches for silence looks whether it did. */
  reads = 0;
  protected readonly streams = new RisingMap<S>();
  protected readonly control = new ControlFrames(this.out, () => this.wroteControl());
  protected readonly idleFrames: Budget;
  protected over = false;
  private readonly reader: FrameReader;
  private readonly headerBlocks = new HeaderBlocks();
  private readonly dirty: Http2Stream[] = [];
  private waiting = new Set<Http2Stream>();
  private receiveWindow: number;
  private uncredited = 0;
  private flushing = false;
  private controlWaits = false;
  /** DATA frame being received: its stream (undefined = gone), and whether it is the stream's last. */
  private dataStream: S | undefined;
  private dataEnds = false;

  protected constructor(
    protected readonly socket: Socket,
    clock: Clock,
    private readonly windows: ConnectionWindows,
    private readonly options: ConnectionOptions,
  ) {
    this.reader = new FrameReader(this, options.peerSendsPreface);
    this.idleFrames = new Budget(clock, IDLE_FRAMES_BURST, IDLE_FRAMES_PER_SECOND);
    this.receiveWindow = windows.connection;
    socket.setNoDelay(true);
    socket.on('data', (chunk) => this.receive(chunk));
    socket.on('drain', () => this.drained());
    socket.on('error', (error) => this.broken(error));
    socket.on('close', () => this.closed());
  }

  /** The first frames of this side. */
  protected greet(settings: readonly (readonly [setting: number, value: number])[]): void {
    this.control.settings([
      ...settings,
      [h2.SETTING_INITIAL_WINDOW_SIZE, this.windows.stream],
      [h2.SETTING_MAX_HEADER_LIST_SIZE, HEADER_LIST_BYTES_MAX],
    ]);
    this.control.windowUpdate(0, this.windows.connection - h2.WINDOW_BYTES_DEFAULT);
  }

  /** Whether a stream of this number was ever opened. */
  protected abstract wasOpened(id: number): boolean;
  protected abstract headers(list: HeaderList): void;
  protected abstract goneAway(payload: Buffer): void;
  /** The peer has answered a PING, and so has taken in what was sent before it. */
  protected abstract ponged(mark: number): void;
  /** SETTINGS_HEADER_TABLE_SIZE of the peer. */
  protected abstract peerTableSize(bytes: number): void;
  /** SETTINGS of the peer were taken in. */
  protected abstract heardSettings(): void;
  /** SETTINGS_MAX_CONCURRENT_STREAMS of the peer. */
  protected abstract peerStreamsMax(streams: number): void;
  /** Either side reset a stream, which was let go of. */
  protected abstract abandoned(): void;
  /** A stream was let go of. */
  protected abstract forgotten(): void;
  protected abstract broken(error: Error): void;
  /** Nothing comes or goes any more; streams were told. */
  protected abstract gone(): void;
  /** The last stream that the peer opened, for GOAWAY. */
  protected abstract readonly lastOfPeer: number;

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
    if (this.options.gathersTurn) setImmediate(this.flush);
    // Not queueMicrotask, which wraps each call in a resource of its own.
    else process.nextTick(this.flush);
  }

  /**
   * What is about the connection leaves with the next call's bytes, or a turn after everything that was read in this
   * one has been handled: the call behind a peer's PING is on its way to another connection before the PING is
   * answered.
   */
  private wroteControl(): void {
    if (this.controlWaits || this.flushing) return;
    this.controlWaits = true;
    setImmediate(this.nextTurn);
  }

  private readonly nextTurn = (): void => {
    setImmediate(this.flushControl);
  };

  private readonly flushControl = (): void => {
    this.controlWaits = false;
    if (!this.flushing) this.flush();
  };

  waitForWindow(stream: Http2Stream): void {
    this.waiting.add(stream);
  }

  credit(stream: Http2Stream, bytes: number): void {
    // Let go of meanwhile, and credited then.
    if (stream.unused === 0) return;
    this.creditConnection(bytes);
    stream.unused -= bytes;
    stream.uncredited += bytes;
    if (stream.uncredited < this.windows.stream / 2 || stream.remoteEnded || stream.over) return;
    this.control.windowUpdate(stream.id, stream.uncredited);
    stream.receiveWindow += stream.uncredited;
    stream.uncredited = 0;
  }

  ping(mark = 0): void {
    this.control.ping(mark);
  }

  destroy(): void {
    // The close comes in a later turn: nothing new begins until then.
    this.over = true;
    this.socket.destroy();
  }

  /** The connection cannot go on. */
  protected fail(code: number): void {
    if (this.over) return;
    this.broken(new ConnectionFault(code));
    this.control.goAway(this.lastOfPeer, code);
    this.flush();
    this.over = true;
    this.socket.end();
    // Nobody waits for a peer that broke the rules to close its side.
    this.socket.destroySoon();
  }

  private closed(): void {
    this.over = true;
    const streams = this.streams.values();
    this.streams.clear();
    this.waiting.clear();
    for (const stream of streams) {
      this.lose(stream);
      stream.forgotten();
    }
    this.gone();
  }

  private lose(stream: S): void {
    stream.over = true;
    stream.gone();
  }

  protected forget(stream: S): void {
    this.streams.delete(stream.id);
    this.waiting.delete(stream);
    // What it left unused must not stay missing from the connection's window.
    if (stream.unused > 0) this.creditConnection(stream.unused);
    stream.unused = 0;
    stream.forgotten();
    this.forgotten();
  }

  /** Sends what is written and closes this side. */
  protected end(): void {
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
    if (socket.writableLength > this.options.unsentBytesMax) socket.pause();
  };

  private drained(): void {
    this.socket.resume();
    for (const stream of this.streams.values()) stream.drained();
  }

  private creditConnection(bytes: number): void {
    this.uncredited += bytes;
    if (this.uncredited < this.windows.connection / 2) return;
    this.control.windowUpdate(0, this.uncredited);
    this.receiveWindow += this.uncredited;
    this.uncredited = 0;
  }

  private receive(chunk: Buffer): void {
    if (this.over) return;
    this.reads++;
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
        this.list(this.headerBlocks.begin(flags, id, payload));
        break;
      case h2.CONTINUATION:
        this.list(this.headerBlocks.take(flags, payload));
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
        if (id !== 0) fault(h2.PROTOCOL_ERROR);
        if (payload.length < 8) fault(h2.FRAME_SIZE_ERROR);
        this.idleFrame();
        this.goneAway(payload);
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

  private list(list: HeaderList | undefined): void {
    if (list) this.headers(list);
  }

  protected streamFault(id: number, code: number): void {
    this.control.reset(id, code);
    this.abandon(id);
  }

  /** Either side reset the stream. */
  protected abandon(id: number): void {
    const stream = this.streams.get(id);
    if (stream) {
      this.streams.delete(id);
      this.lose(stream);
      this.forget(stream);
    }
    this.abandoned();
  }

  /** Counts the frame against the windows, padding and all. */
  beginData(id: number, length: number, ends: boolean): void {
    if (!this.wasOpened(id)) fault(h2.PROTOCOL_ERROR);
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
    if (stream.over) this.credit(stream, part.length);
    else if (part.length > 0) stream.received(part);
    if (last && this.dataEnds) this.endRemote(stream);
  }

  padding(bytes: number): void {
    const { dataStream: stream } = this;
    if (!stream) return;
    stream.unused += bytes;
    this.credit(stream, bytes);
  }

  protected endRemote(stream: S): void {
    stream.remoteEnded = true;
    if (!stream.over) stream.receivedAll();
  }

  private resetByPeer(id: number, payload: Buffer): void {
    if (payload.length !== 4) fault(h2.FRAME_SIZE_ERROR);
    if (!this.wasOpened(id)) fault(h2.PROTOCOL_ERROR);
    this.streams.get(id)?.resetBy(h2.uint32At(payload, 0));
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
    this.heardSettings();
  }

  private setting(setting: number, value: number): void {
    switch (setting) {
      case h2.SETTING_HEADER_TABLE_SIZE:
        this.peerTableSize(value);
        return;
      case h2.SETTING_MAX_CONCURRENT_STREAMS:
        this.peerStreamsMax(value);
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
    if (flags & h2.ACK) {
      this.ponged(payload[0] as number);
      return;
    }
    this.idleFrame();
    this.control.pong(payload);
  }

  private windowUpdated(id: number, payload: Buffer): void {
    if (payload.length !== 4) fault(h2.FRAME_SIZE_ERROR);
    if (id !== 0 && !this.wasOpened(id)) fault(h2.PROTOCOL_ERROR);
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
