// gRPC's own framing over HTTP/2 (grpc/grpc PROTOCOL-HTTP2.md), without HTTP/2:
//   message  = compressed-flag (1 byte) length (4 bytes, big endian) bytes
//   timeout  = 1-8 digits and one of H M S m u n
//   message in trailers: percent-encoded outside %x20-7E, and "%"

export const MESSAGE_HEAD_BYTES = 5;

const TIMEOUT = /^([0-9]{1,8})([HMSmun])$/;
const UNIT_MS: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1_000, m: 1, u: 1e-3, n: 1e-6 };

/** Milliseconds; Infinity where there is none, NaN where it is malformed. */
export function timeoutMs(header: string | undefined): number {
  if (header === undefined) return Number.POSITIVE_INFINITY;
  const match = TIMEOUT.exec(header);
  return match === null ? Number.NaN : Number(match[1]) * (UNIT_MS[match[2] as string] as number);
}

export function encodeStatusMessage(message: string): string {
  let plain = true;
  for (let i = 0; i < message.length && plain; i++) {
    const unit = message.charCodeAt(i);
    plain = unit >= 0x20 && unit <= 0x7e && unit !== 0x25;
  }
  if (plain) return message;
  let encoded = '';
  for (const byte of new TextEncoder().encode(message)) {
    encoded +=
      byte >= 0x20 && byte <= 0x7e && byte !== 0x25
        ? String.fromCharCode(byte)
        : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return encoded;
}

export type WireMessage = { compressed: boolean; bytes: Uint8Array };

export type DeframeFault = 'too_large' | 'truncated';

/** Memory for a message that comes in parts is taken in steps: what its head claims need never come. */
const FIRST_STEP_BYTES = 4_194_304;

/** Cuts a byte stream into messages: views of the chunk where a message lies in one chunk, which is the common case. */
export class Deframer {
  /** Of a head that came in parts, which is rare. */
  private head: Uint8Array | undefined;
  private headFilled = 0;
  private length = 0;
  private compressed = false;
  private message: Buffer | undefined;
  private filled = 0;

  constructor(private readonly bytesMax: number) {}

  /** Memory of the unfinished message. */
  get held(): number {
    return this.headFilled + (this.message?.length ?? 0);
  }

  /** Calls `each` for every whole message; a fault ends the stream. */
  push(chunk: Uint8Array, each: (message: WireMessage) => void): DeframeFault | null {
    let at = 0;
    while (at < chunk.length) {
      if (this.message) {
        at += this.fill(chunk, at);
        if (this.filled < this.length) return null;
        const bytes = this.message;
        this.message = undefined;
        each({ compressed: this.compressed, bytes });
        continue;
      }
      if (this.headFilled > 0 || chunk.length - at < MESSAGE_HEAD_BYTES) {
        this.head ??= new Uint8Array(MESSAGE_HEAD_BYTES);
        while (at < chunk.length && this.headFilled < MESSAGE_HEAD_BYTES)
          this.head[this.headFilled++] = chunk[at++] as number;
        if (this.headFilled < MESSAGE_HEAD_BYTES) return null;
        this.headFilled = 0;
        this.length = lengthAt(this.head, 0);
        this.compressed = this.head[0] === 1;
      } else {
        this.length = lengthAt(chunk, at);
        this.compressed = chunk[at] === 1;
        at += MESSAGE_HEAD_BYTES;
      }
      const { length } = this;
      if (length > this.bytesMax) return 'too_large';
      if (chunk.length - at < length) {
        this.message = Buffer.allocUnsafeSlow(Math.min(length, FIRST_STEP_BYTES));
        this.filled = 0;
        continue;
      }
      each({ compressed: this.compressed, bytes: chunk.subarray(at, at + length) });
      at += length;
    }
    return null;
  }

  /** The stream ended. */
  end(): DeframeFault | null {
    return this.headFilled > 0 || this.message ? 'truncated' : null;
  }

  private fill(chunk: Uint8Array, at: number): number {
    const part = Math.min(this.length - this.filled, chunk.length - at);
    let message = this.message as Buffer;
    if (this.filled + part > message.length) {
      const larger = Buffer.allocUnsafeSlow(Math.min(this.length, Math.max(this.filled + part, 2 * message.length)));
      larger.set(message.subarray(0, this.filled));
      message = larger;
      this.message = larger;
    }
    message.set(part === chunk.length ? chunk : chunk.subarray(at, at + part), this.filled);
    this.filled += part;
    return part;
  }
}

function lengthAt(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at + 1] as number) * 16_777_216 +
    ((bytes[at + 2] as number) << 16) +
    ((bytes[at + 3] as number) << 8) +
    (bytes[at + 4] as number)
  );
}
