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

/** Cuts a byte stream into messages. Views of the chunk where a message lies in one chunk, which is the common case. */
export class Deframer {
  private parts: Uint8Array[] = [];
  private held = 0;

  constructor(private readonly bytesMax: number) {}

  /** Calls `each` for every whole message; a fault ends the stream. */
  push(chunk: Uint8Array, each: (message: WireMessage) => void): DeframeFault | null {
    let bytes = chunk;
    if (this.held > 0) {
      this.parts.push(chunk);
      this.held += chunk.length;
      if (this.held < this.wanted()) return null;
      bytes = Buffer.concat(this.parts, this.held);
      this.parts = [];
      this.held = 0;
    }
    let at = 0;
    while (bytes.length - at >= MESSAGE_HEAD_BYTES) {
      const length = lengthAt(bytes, at);
      if (length > this.bytesMax) return 'too_large';
      const end = at + MESSAGE_HEAD_BYTES + length;
      if (end > bytes.length) break;
      each({ compressed: bytes[at] === 1, bytes: bytes.subarray(at + MESSAGE_HEAD_BYTES, end) });
      at = end;
    }
    if (at < bytes.length) {
      const rest = bytes.subarray(at);
      this.parts.push(rest);
      this.held = rest.length;
    }
    return null;
  }

  /** The stream ended. */
  end(): DeframeFault | null {
    return this.held > 0 ? 'truncated' : null;
  }

  /** Bytes needed before it is worth joining the parts: so that a large message is not copied once per chunk. */
  private wanted(): number {
    const first = this.parts[0] as Uint8Array;
    return first.length >= MESSAGE_HEAD_BYTES
      ? MESSAGE_HEAD_BYTES + Math.min(lengthAt(first, 0), this.bytesMax)
      : MESSAGE_HEAD_BYTES;
  }
}

/** A message with its head, uncompressed. */
export function frame(message: Uint8Array): Buffer {
  const { length } = message;
  const out = Buffer.allocUnsafe(MESSAGE_HEAD_BYTES + length);
  out[0] = 0;
  out.writeUInt32BE(length, 1);
  out.set(message, MESSAGE_HEAD_BYTES);
  return out;
}

function lengthAt(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at + 1] as number) * 16_777_216 +
    ((bytes[at + 2] as number) << 16) +
    ((bytes[at + 3] as number) << 8) +
    (bytes[at + 4] as number)
  );
}
