// Cuts a peer's bytes into frames: the preface where the peer is a client, then head by head; DATA is handed on in the
// parts in which it comes, every other frame whole. Holds at most one frame that is not DATA.

import * as h2 from './frames.js';

/** The peer broke the rules of the connection. */
export class ConnectionFault extends Error {
  constructor(readonly code: number) {
    super(`HTTP/2 error ${code}`);
  }
}

export function fault(code: number): never {
  throw new ConnectionFault(code);
}

export interface FrameSink {
  /** A DATA frame begins; `length` with its padding. */
  beginData(id: number, length: number, ends: boolean): void;
  /** A part of it; `last` = nothing of the frame is missing any more. */
  data(part: Buffer, last: boolean): void;
  /** The padding of the DATA frame that just began, one byte for its length included. */
  padding(bytes: number): void;
  frame(type: number, flags: number, id: number, payload: Buffer): void;
}

export class FrameReader {
  private held: Buffer | undefined;
  private prefaced: boolean;
  private settled = false;
  private dataLeft = 0;
  /** Stream whose header block is not complete; 0 = none. Nothing else may come before its rest. */
  private blockOf = 0;

  constructor(
    private readonly sink: FrameSink,
    peerSendsPreface: boolean,
  ) {
    this.prefaced = !peerSendsPreface;
  }

  /** Whether the peer has said what it speaks. */
  get greeted(): boolean {
    return this.settled;
  }

  /** Throws ConnectionFault, and what the sink throws. */
  push(chunk: Buffer): void {
    const bytes = this.held ? Buffer.concat([this.held, chunk]) : chunk;
    this.held = undefined;
    let at = 0;
    if (!this.prefaced) {
      const length = Math.min(bytes.length, h2.PREFACE.length);
      if (bytes.compare(h2.PREFACE, 0, length, 0, length) !== 0) fault(h2.PROTOCOL_ERROR);
      this.prefaced = length === h2.PREFACE.length;
      if (this.prefaced) at = length;
    }
    if (this.prefaced) at = this.frames(bytes, at);
    if (at < bytes.length) this.held = at === 0 ? bytes : bytes.subarray(at);
  }

  /** Returns where the bytes of an unfinished frame begin. */
  private frames(bytes: Buffer, from: number): number {
    let at = from;
    for (;;) {
      if (this.dataLeft > 0) {
        const part = Math.min(this.dataLeft, bytes.length - at);
        if (part === 0) return at;
        this.dataLeft -= part;
        this.sink.data(bytes.subarray(at, at + part), this.dataLeft === 0);
        at += part;
        continue;
      }
      if (bytes.length - at < h2.FRAME_HEAD_BYTES) return at;
      const length = ((bytes[at] as number) << 16) | ((bytes[at + 1] as number) << 8) | (bytes[at + 2] as number);
      const type = bytes[at + 3] as number;
      const flags = bytes[at + 4] as number;
      const id = h2.uint32At(bytes, at + 5) & 0x7fffffff;
      if (length > h2.FRAME_BYTES_DEFAULT) fault(h2.FRAME_SIZE_ERROR);
      this.expect(type, flags, id);
      const start = at + h2.FRAME_HEAD_BYTES;
      const ends = (flags & h2.END_STREAM) !== 0;
      if (type === h2.DATA && (flags & h2.PADDED) === 0) {
        at = start;
        this.sink.beginData(id, length, ends);
        this.dataLeft = length;
        if (length === 0) this.sink.data(bytes.subarray(at, at), true);
        continue;
      }
      if (bytes.length - start < length) return at;
      at = start + length;
      const payload = bytes.subarray(start, at);
      if (type === h2.DATA) this.paddedData(id, payload, ends);
      else this.sink.frame(type, flags, id, payload);
    }
  }

  /** The first frame is SETTINGS, and nothing comes between the parts of a header block. */
  private expect(type: number, flags: number, id: number): void {
    if (!this.settled) {
      if (type !== h2.SETTINGS || (flags & h2.ACK) !== 0) fault(h2.PROTOCOL_ERROR);
      this.settled = true;
      return;
    }
    const continues = type === h2.CONTINUATION;
    if (continues ? id !== this.blockOf || id === 0 : this.blockOf !== 0) fault(h2.PROTOCOL_ERROR);
    if (type === h2.HEADERS || continues) this.blockOf = (flags & h2.END_HEADERS) === 0 ? id : 0;
  }

  private paddedData(id: number, payload: Buffer, ends: boolean): void {
    const padding = payload[0];
    if (padding === undefined || padding >= payload.length) fault(h2.PROTOCOL_ERROR);
    this.sink.beginData(id, payload.length, ends);
    this.sink.padding(1 + padding);
    this.sink.data(payload.subarray(1, payload.length - padding), true);
  }
}
