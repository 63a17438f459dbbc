// The client's side of a connection: opens a stream for each call as far as the server takes them, keeps the others
// waiting, and hears from the server when it is to begin no more.

import { connect } from 'node:net';
import { status as STATUS } from '@grpc/grpc-js';
import type { Clock } from '@millrace/domain';
import { Http2Connection } from '../http2/connection.js';
import { fault } from '../http2/frame-reader.js';
import * as h2 from '../http2/frames.js';
import type { HeaderList } from '../http2/header-blocks.js';
import { failed } from './answers.js';
import type { CallHost, CallStream } from './call-stream.js';
import { RequestBlocks } from './request-blocks.js';

/** A loopback or a rack answers in a millisecond, another continent in 300; after this nobody is there. */
const GREETING_MS_MAX = 2_000;
/** Of one stream; the default of 64 KiB is a round trip per 64 KiB of an answer. */
const WINDOW_BYTES = 4_194_304;
/** Until the server says what it takes. */
const STREAMS_AT_FIRST = 100;
/** Silence is looked for so often within the time that it may last; the last look would come after it. */
const LOOKS = 4;
/** The last number of a stream; the next call goes over a new connection. */
const STREAM_ID_MAX = 2 ** 31 - 1;

export class ClientConnection extends Http2Connection<CallStream> implements CallHost {
  readonly blocks: RequestBlocks;
  failure = 'the connection broke';
  private readonly waitingCalls = new Set<CallStream>();
  private readonly greeting: NodeJS.Timeout;
  private readonly listening: NodeJS.Timeout | undefined;
  private waitsForGreeting: ((failure: string) => void)[] = [];
  private streamsMax = STREAMS_AT_FIRST;
  private nextId = 1;
  private beginsNoMore = false;

  /** `address`: host:port. `silenceMaxMs`: see BytesClientOptions. */
  constructor(address: string, clock: Clock, silenceMaxMs?: number) {
    const { hostname, port } = new URL(`http://${address}`);
    const socket = connect({ host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || 80) });
    const windows = { stream: WINDOW_BYTES, connection: 4 * WINDOW_BYTES };
    // What is not sent is bounded by whoever calls; and two peers that both stop reading would wait for each other.
    const unsentBytesMax = Number.POSITIVE_INFINITY;
    super(socket, clock, windows, { peerSendsPreface: false, unsentBytesMax, gathersTurn: false });
    this.blocks = new RequestBlocks(address);
    this.out.push(h2.PREFACE);
    this.greet([[h2.SETTING_ENABLE_PUSH, 0]]);
    this.greeting = setTimeout(() => {
      if (this.greeted) return;
      this.failure = `no connection within ${GREETING_MS_MAX} ms`;
      this.destroy();
    }, GREETING_MS_MAX);
    if (silenceMaxMs !== undefined) this.listening = this.listenFor(silenceMaxMs);
  }

  /** Tells once: '' when the server has said what it speaks, else why it has not. */
  whenGreeted(told: (failure: string) => void): void {
    if (this.greeted) told('');
    else this.waitsForGreeting.push(told);
  }

  /** While calls run: a PING where nothing came since the last look, and the end where nothing came after it. */
  private listenFor(silenceMaxMs: number): NodeJS.Timeout {
    let heard = this.reads;
    let silentLooks = 0;
    return setInterval(() => {
      silentLooks = this.reads === heard && this.streams.size > 0 ? silentLooks + 1 : 0;
      heard = this.reads;
      if (silentLooks === 1) this.ping();
      if (silentLooks < LOOKS - 1) return;
      this.failure = `nothing was heard for ${silenceMaxMs} ms`;
      this.destroy();
    }, silenceMaxMs / LOOKS);
  }

  private tellGreeted(failure: string): void {
    const waiting = this.waitsForGreeting;
    this.waitsForGreeting = [];
    for (const told of waiting) told(failure);
  }

  /** Whether a new call can begin here. */
  get isOpen(): boolean {
    return !this.over && !this.beginsNoMore && this.nextId <= STREAM_ID_MAX;
  }

  /** Calls that run or wait for their stream. */
  get calls(): number {
    return this.streams.size + this.waitingCalls.size;
  }

  begin(call: CallStream): void {
    if (this.streams.size >= this.streamsMax) this.waitingCalls.add(call);
    else this.open(call);
  }

  ended(call: CallStream, code: number): void {
    if (this.waitingCalls.delete(call) || !this.streams.has(call.id)) return;
    if (!call.remoteEnded || !call.sentAll) this.control.reset(call.id, code);
    this.idleFrames.refill();
    this.forget(call);
  }

  private open(call: CallStream): void {
    call.id = this.nextId;
    call.sendWindow = this.peerStreamWindow;
    call.receiveWindow = WINDOW_BYTES;
    this.nextId += 2;
    this.streams.set(call.id, call);
    this.wrote(call);
  }

  private openWaiting(): void {
    for (const call of this.waitingCalls) {
      if (this.streams.size >= this.streamsMax || !this.isOpen) return;
      this.waitingCalls.delete(call);
      this.open(call);
    }
  }

  protected get lastOfPeer(): number {
    return 0;
  }

  protected wasOpened(id: number): boolean {
    return id % 2 === 1 && id < this.nextId;
  }

  protected headers({ id, fields, whole, ends }: HeaderList): void {
    if (!this.wasOpened(id)) fault(h2.PROTOCOL_ERROR);
    const call = this.streams.get(id);
    // Of a call that is over: it was on its way when the call ended.
    if (!call) return;
    if (call.remoteEnded) this.streamFault(id, h2.STREAM_CLOSED);
    else if (!whole) call.giveUp(failed(STATUS.RESOURCE_EXHAUSTED, 'the headers of an answer are too large'));
    else {
      call.answered(fields, ends);
      if (ends) this.endRemote(call);
    }
  }

  protected goneAway(payload: Buffer): void {
    const last = h2.uint32At(payload, 0) & 0x7fffffff;
    this.beginsNoMore = true;
    this.failure = 'the server ended the connection';
    const unbegun = [...this.waitingCalls, ...this.streams.values().filter(({ id }) => id > last)];
    this.waitingCalls.clear();
    for (const call of unbegun) {
      call.refusedUnbegun();
      this.forget(call);
    }
    this.forgotten();
  }

  protected peerTableSize(bytes: number): void {
    this.blocks.peerTableSize(bytes);
  }

  protected ponged(): void {
    // That something was heard is what counts.
  }

  protected heardSettings(): void {
    this.tellGreeted('');
  }

  protected peerStreamsMax(streams: number): void {
    this.streamsMax = streams;
    this.openWaiting();
  }

  protected abandoned(): void {
    // Each is the end of a call that this side began.
  }

  protected forgotten(): void {
    if (this.isOpen || this.over || this.streams.size > 0) this.openWaiting();
    else {
      this.end();
      this.socket.destroySoon();
    }
  }

  protected broken(error: Error): void {
    this.failure = error.message;
  }

  protected gone(): void {
    clearTimeout(this.greeting);
    clearInterval(this.listening);
    this.tellGreeted(this.failure);
    const calls = [...this.waitingCalls];
    this.waitingCalls.clear();
    for (const call of calls) call.gone();
  }
}
