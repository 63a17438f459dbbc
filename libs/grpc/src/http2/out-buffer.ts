// What a connection writes in one turn of the event loop: small pieces side by side in slabs, large ones as they are,
// given to the socket together. A slab is filled before the next is made, whatever number of turns that takes.

const SLAB_BYTES = 32_768;
/** Larger pieces are not copied. */
const COPIED_BYTES_MAX = 4_096;

export class OutBuffer {
  /** Where reserve() made room. */
  slab: Buffer = Buffer.allocUnsafeSlow(SLAB_BYTES);
  private from = 0;
  private at = 0;
  private pieces: Uint8Array[] = [];
  private piecesBytes = 0;

  /** Bytes since the last take(). */
  get length(): number {
    return this.piecesBytes + this.at - this.from;
  }

  /**
   * Room for so many bytes of `slab`, at most COPIED_BYTES_MAX + a frame's head; returns where. They count as written.
   */
  reserve(bytes: number): number {
    if (this.at + bytes > this.slab.length) {
      this.seal();
      this.slab = Buffer.allocUnsafeSlow(Math.max(SLAB_BYTES, bytes));
      this.from = 0;
      this.at = 0;
    }
    const start = this.at;
    this.at += bytes;
    return start;
  }

  /** A large piece is taken over and must not change any more. */
  push(bytes: Uint8Array): void {
    if (bytes.length <= COPIED_BYTES_MAX) {
      const at = this.reserve(bytes.length);
      this.slab.set(bytes, at);
      return;
    }
    this.seal();
    this.pieces.push(bytes);
    this.piecesBytes += bytes.length;
  }

  /** Everything since the last time. */
  take(): Uint8Array[] {
    this.seal();
    const { pieces } = this;
    this.pieces = [];
    this.piecesBytes = 0;
    return pieces;
  }

  private seal(): void {
    if (this.at === this.from) return;
    this.pieces.push(this.slab.subarray(this.from, this.at));
    this.piecesBytes += this.at - this.from;
    this.from = this.at;
  }
}
