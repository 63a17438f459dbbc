// Large tensors between serving and an engine process go through a file in memory that both have open: one copy in and
// one out, where a socket pair takes them in pieces of 64 KiB with a wake-up for each (measured:
// services/serving/README.md). Each direction has one place in the file, used by one message at a time; a message that
// finds it taken goes over the pipe.
//
// The receiver reads a place as soon as the frame that points to it comes, and says in each of its own frames how many
// it has read (`acknowledged`); only then is the place free again.

import type { Tensor } from '@millrace/inference';

/** A message with fewer tensor bytes goes over the pipe: it fits its buffer. Measured crossover: about 64 KiB. */
export const SHARED_BYTES_MIN = 65_536;
/** Each direction's place: two of them stay well below the 64 MiB that containers give to memory files by default. */
export const SHARED_BYTES_MAX = 8_388_608;

/** The file, with this side's place to write and the other side's to read. */
export interface SharedFile {
  /** Copies the bytes into this side's place; false = no memory left. */
  write(bytes: Uint8Array, at: number): boolean;
  /** The first bytes of the other side's place, copied into memory of their own that is aligned to 8. */
  read(length: number): Uint8Array;
}

const next = (count: number): number => (count + 1) >>> 0;

export class SharedBuffer {
  /** Messages that this side has read; travels in its frames. */
  taken = 0;
  private placed = 0;
  private acknowledged = 0;
  private full = false;

  /** undefined = this system has no memory files: all goes over the pipe. */
  constructor(private readonly file: SharedFile | undefined) {}

  /** Of a frame of the other side. */
  acknowledge(count: number): void {
    this.acknowledged = count;
  }

  /** Puts the tensors one after the other, each at a multiple of 8; false = they must go over the pipe. */
  place(tensors: readonly Tensor[], dataBytes: number): boolean {
    const { file } = this;
    if (!file || this.full || dataBytes < SHARED_BYTES_MIN || dataBytes > SHARED_BYTES_MAX) return false;
    if (this.placed !== this.acknowledged) return false;
    let at = 0;
    for (const tensor of tensors) {
      if (!file.write(tensor.rawBytes(), at)) {
        // Small containers have little memory for files; the pipe always works.
        this.full = true;
        return false;
      }
      at += Math.ceil(tensor.byteLength / 8) * 8;
    }
    this.placed = next(this.placed);
    return true;
  }

  take(length: number): Uint8Array {
    this.taken = next(this.taken);
    return (this.file as SharedFile).read(length);
  }
}
