// Header blocks of a connection: HEADERS and its CONTINUATIONs put together, decoded, and held against the rules for
// requests (RFC 9113, 8.2 and 8.3).

import { fault } from './frame-reader.js';
import * as h2 from './frames.js';
import { HpackDecoder } from './hpack.js';

const LIST_BYTES_MAX = 16_384;
/** Compressed; above the list's bound, so that a list a little too large costs a call and not the connection. */
const BLOCK_BYTES_MAX = 32_768;
/** Parts count too: empty ones cost nothing but time. */
const PARTS_MAX = 8;

export { LIST_BYTES_MAX as HEADER_LIST_BYTES_MAX };

export interface HeaderList {
  readonly id: number;
  /** Names and values in turns. */
  readonly fields: readonly string[];
  /** False = larger than HEADER_LIST_BYTES_MAX, and only partly there. */
  readonly whole: boolean;
  /** Nothing follows on the stream. */
  readonly ends: boolean;
}

export class HeaderBlocks {
  private readonly decoder = new HpackDecoder();
  private id = 0;
  private ends = false;
  private parts: Buffer[] = [];
  private bytes = 0;

  /** Payload of HEADERS; undefined = more is to come. Throws ConnectionFault and HpackError. */
  begin(flags: number, id: number, payload: Buffer): HeaderList | undefined {
    let from = 0;
    let padding = 0;
    if (flags & h2.PADDED) padding = payload[from++] ?? payload.length;
    if (flags & h2.WITH_PRIORITY) {
      // A stream that depends on itself.
      const self = payload.length >= from + 5 && (h2.uint32At(payload, from) & 0x7fffffff) === id;
      if (self) fault(h2.PROTOCOL_ERROR);
      from += 5;
    }
    if (id % 2 === 0 || from + padding > payload.length) fault(h2.PROTOCOL_ERROR);
    this.id = id;
    this.ends = (flags & h2.END_STREAM) !== 0;
    return this.take(flags, payload.subarray(from, payload.length - padding));
  }

  /** Payload of HEADERS without its padding, or of CONTINUATION. */
  take(flags: number, part: Buffer): HeaderList | undefined {
    this.bytes += part.length;
    if (this.bytes > BLOCK_BYTES_MAX || this.parts.length >= PARTS_MAX) fault(h2.ENHANCE_YOUR_CALM);
    if ((flags & h2.END_HEADERS) === 0) {
      this.parts.push(part);
      return undefined;
    }
    const block = this.parts.length === 0 ? part : Buffer.concat([...this.parts, part]);
    this.parts = [];
    this.bytes = 0;
    const fields: string[] = [];
    const whole = this.decoder.decode(block, LIST_BYTES_MAX, fields);
    return { id: this.id, fields, whole, ends: this.ends };
  }
}

const PSEUDO: readonly string[] = [':method', ':path', ':scheme', ':authority'];

/** Of a connection, which HTTP/2 has not. */
const FORBIDDEN: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
]);

/** Whether these are the fields of a request. */
export function wellFormed(fields: readonly string[]): boolean {
  let pseudo = 0;
  let regular = false;
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] as string;
    if (name.charCodeAt(0) === 58) {
      const bit = PSEUDO.indexOf(name);
      if (regular || bit < 0 || pseudo & (1 << bit) || (bit === 1 && fields[i + 1] === '')) return false;
      pseudo |= 1 << bit;
      continue;
    }
    regular = true;
    if (name === '' || FORBIDDEN.has(name) || (name === 'te' && fields[i + 1] !== 'trailers')) return false;
    for (let c = 0; c < name.length; c++) {
      const code = name.charCodeAt(c);
      if (code <= 32 || code >= 127 || (code >= 65 && code <= 90)) return false;
    }
  }
  // :method, :path and :scheme.
  return (pseudo & 7) === 7;
}
