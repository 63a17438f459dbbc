// Writes the frames that are about a connection or end a stream, and carry no call's bytes.

import * as h2 from './frames.js';
import type { OutBuffer } from './out-buffer.js';

export class ControlFrames {
  constructor(
    private readonly out: OutBuffer,
    private readonly wrote: () => void,
  ) {}

  settings(values: readonly (readonly [setting: number, value: number])[]): void {
    let at = this.begin(values.length * 6, h2.SETTINGS, 0, 0);
    for (const [setting, value] of values) {
      this.out.slab.writeUInt16BE(setting, at);
      this.out.slab.writeUInt32BE(value, at + 2);
      at += 6;
    }
  }

  acknowledgeSettings(): void {
    this.begin(0, h2.SETTINGS, h2.ACK, 0);
  }

  windowUpdate(stream: number, bytes: number): void {
    const at = this.begin(4, h2.WINDOW_UPDATE, 0, stream);
    this.out.slab.writeUInt32BE(bytes, at);
  }

  goAway(lastStream: number, code: number): void {
    const at = this.begin(8, h2.GOAWAY, 0, 0);
    this.out.slab.writeUInt32BE(lastStream, at);
    this.out.slab.writeUInt32BE(code, at + 4);
  }

  reset(stream: number, code: number): void {
    const at = this.begin(4, h2.RST_STREAM, 0, stream);
    this.out.slab.writeUInt32BE(code, at);
  }

  /** `mark`: by which its answer is known. */
  ping(mark: number): void {
    const at = this.begin(8, h2.PING, 0, 0);
    this.out.slab.fill(mark, at, at + 8);
  }

  pong(payload: Uint8Array): void {
    const at = this.begin(8, h2.PING, h2.ACK, 0);
    this.out.slab.set(payload, at);
  }

  /** Writes a frame's head and returns where its payload goes. */
  private begin(length: number, type: number, flags: number, stream: number): number {
    const at = this.out.reserve(h2.FRAME_HEAD_BYTES + length);
    this.wrote();
    return h2.writeFrameHead(this.out.slab, at, length, type, flags, stream);
  }
}
