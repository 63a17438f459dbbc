// HPACK (RFC 7541): a decoder of header blocks with its dynamic table, and the two ways in which this server writes
// fields: its few fixed ones by index once the peer's table holds them, all others as literals that are never indexed.

import { decodeHuffman } from './huffman.js';

const STATIC: readonly (readonly [name: string, value: string])[] = [
  [':authority', ''],
  [':method', 'GET'],
  [':method', 'POST'],
  [':path', '/'],
  [':path', '/index.html'],
  [':scheme', 'http'],
  [':scheme', 'https'],
  [':status', '200'],
  [':status', '204'],
  [':status', '206'],
  [':status', '304'],
  [':status', '400'],
  [':status', '404'],
  [':status', '500'],
  ['accept-charset', ''],
  ['accept-encoding', 'gzip, deflate'],
  ['accept-language', ''],
  ['accept-ranges', ''],
  ['accept', ''],
  ['access-control-allow-origin', ''],
  ['age', ''],
  ['allow', ''],
  ['authorization', ''],
  ['cache-control', ''],
  ['content-disposition', ''],
  ['content-encoding', ''],
  ['content-language', ''],
  ['content-length', ''],
  ['content-location', ''],
  ['content-range', ''],
  ['content-type', ''],
  ['cookie', ''],
  ['date', ''],
  ['etag', ''],
  ['expect', ''],
  ['expires', ''],
  ['from', ''],
  ['host', ''],
  ['if-match', ''],
  ['if-modified-since', ''],
  ['if-none-match', ''],
  ['if-range', ''],
  ['if-unmodified-since', ''],
  ['last-modified', ''],
  ['link', ''],
  ['location', ''],
  ['max-forwards', ''],
  ['proxy-authenticate', ''],
  ['proxy-authorization', ''],
  ['range', ''],
  ['referer', ''],
  ['refresh', ''],
  ['retry-after', ''],
  ['server', ''],
  ['set-cookie', ''],
  ['strict-transport-security', ''],
  ['transfer-encoding', ''],
  ['user-agent', ''],
  ['vary', ''],
  ['via', ''],
  ['www-authenticate', ''],
];

/** Of our dynamic table: HTTP/2's default, which we do not change. */
const TABLE_BYTES_MAX = 4096;
/** What an entry costs beside its bytes. */
const ENTRY_BYTES = 32;
/** Entries that make the array be moved up: far above what TABLE_BYTES_MAX holds (128). */
const GONE_MAX = 512;

/** A header block that cannot be decoded: the connection is lost, since both tables have parted. */
export class HpackError extends Error {}

export class HpackDecoder {
  /** Newest last; name and value in turns. */
  private table: string[] = [];
  /** Index in `table` of the oldest entry that still counts. */
  private oldest = 0;
  private tableBytes = 0;
  private tableBytesMax = TABLE_BYTES_MAX;
  private bytes: Buffer = Buffer.alloc(0);
  private at = 0;
  private end = 0;

  /** Appends names and values in turns; false = the list is larger than `listBytesMax` and only partly there. */
  decode(block: Buffer, listBytesMax: number, into: string[]): boolean {
    this.bytes = block;
    this.at = 0;
    this.end = block.length;
    let size = 0;
    let mayResize = true;
    while (this.at < this.end) {
      const byte = block[this.at] as number;
      if (byte >= 0x20 && byte < 0x40) {
        if (!mayResize) throw new HpackError('a table size update within a block');
        this.resize(this.integer(5));
        continue;
      }
      mayResize = false;
      let name: string;
      let value: string;
      if (byte >= 0x80) {
        const index = this.integer(7);
        name = this.nameAt(index);
        value = this.valueAt(index);
      } else {
        const index = this.integer(byte >= 0x40 ? 6 : 4);
        name = index === 0 ? this.text() : this.nameAt(index);
        value = this.text();
        if (byte >= 0x40) this.insert(name, value);
      }
      size += name.length + value.length + ENTRY_BYTES;
      if (size <= listBytesMax) into.push(name, value);
    }
    return size <= listBytesMax;
  }

  private nameAt(index: number): string {
    const entry = STATIC[index - 1];
    return entry === undefined ? (this.table[this.place(index)] as string) : entry[0];
  }

  private valueAt(index: number): string {
    const entry = STATIC[index - 1];
    return entry === undefined ? (this.table[this.place(index) + 1] as string) : entry[1];
  }

  private place(index: number): number {
    const place = this.table.length - 2 * (index - STATIC.length);
    if (index === 0 || place < this.oldest) throw new HpackError(`index ${index} is not in the table`);
    return place;
  }

  private insert(name: string, value: string): void {
    this.table.push(name, value);
    this.tableBytes += name.length + value.length + ENTRY_BYTES;
    this.evict();
  }

  private resize(bytesMax: number): void {
    if (bytesMax > TABLE_BYTES_MAX) throw new HpackError(`a table of ${bytesMax} bytes`);
    this.tableBytesMax = bytesMax;
    this.evict();
  }

  private evict(): void {
    const { table } = this;
    while (this.tableBytes > this.tableBytesMax) {
      const [name, value] = [table[this.oldest] as string, table[this.oldest + 1] as string];
      this.tableBytes -= name.length + value.length + ENTRY_BYTES;
      // An entry that is gone must not keep its text alive.
      table[this.oldest] = '';
      table[this.oldest + 1] = '';
      this.oldest += 2;
    }
    if (this.oldest < 2 * GONE_MAX) return;
    this.table = table.slice(this.oldest);
    this.oldest = 0;
  }

  private integer(prefixBits: number): number {
    const mask = (1 << prefixBits) - 1;
    let value = (this.bytes[this.at++] as number) & mask;
    if (value < mask) return value;
    for (let shift = 0; shift <= 21; shift += 7) {
      if (this.at === this.end) break;
      const byte = this.bytes[this.at++] as number;
      value += (byte & 127) << shift;
      if (byte < 128) return value;
    }
    throw new HpackError('an integer is cut or too large');
  }

  private text(): string {
    if (this.at === this.end) throw new HpackError('a block is cut');
    const huffman = (this.bytes[this.at] as number) >= 0x80;
    const length = this.integer(7);
    const start = this.at;
    const end = start + length;
    if (end > this.end) throw new HpackError('a text runs past its block');
    this.at = end;
    if (!huffman) return this.bytes.toString('latin1', start, end);
    const text = decodeHuffman(this.bytes, start, end);
    if (text === undefined) throw new HpackError('a text is not in Huffman code');
    return text;
  }
}

/** A literal that is never indexed, names and values in ASCII. */
export function literalField(name: string, value: string): Buffer {
  return Buffer.concat([Buffer.from([0x10]), literalText(name), literalText(value)]);
}

function literalText(text: string): Buffer {
  const length = Buffer.byteLength(text, 'latin1');
  if (length < 127) return Buffer.from(`${String.fromCharCode(length)}${text}`, 'latin1');
  const head = [127];
  let rest = length - 127;
  for (; rest > 127; rest >>>= 7) head.push((rest & 127) | 128);
  head.push(rest);
  return Buffer.concat([Buffer.from(head), Buffer.from(text, 'latin1')]);
}

const STATUS_200 = Buffer.from([0x88]);
/** Literal with incremental indexing, name 31 of the static table. */
const CONTENT_TYPE_LEARN = Buffer.concat([Buffer.from([0x5f]), literalText('application/grpc')]);
const STATUS_OK_LEARN = Buffer.concat([Buffer.from([0x40]), literalText('grpc-status'), literalText('0')]);
const FIRST_INDEX = STATIC.length + 1;

/**
 * Header blocks of answers. The first answer of a connection puts content-type and grpc-status 0 into the peer's table,
 * in this order, and nothing else is ever put there, so that their places are known. A peer that changes its table
 * smaller gets literals from then on.
 */
export class AnswerBlocks {
  headers: Buffer = Buffer.concat([STATUS_200, CONTENT_TYPE_LEARN]);
  okTrailers: Buffer = STATUS_OK_LEARN;
  private state: 'new' | 'headers learnt' | 'learnt' | 'literal' = 'new';

  /** The block `headers` was written. */
  wroteHeaders(): void {
    if (this.state !== 'new') return;
    this.state = 'headers learnt';
    this.headers = Buffer.from([0x88, 0x80 | FIRST_INDEX]);
  }

  /** The block `okTrailers` was written, after `headers`; the entry before it moved one place up. */
  wroteOkTrailers(): void {
    if (this.state !== 'headers learnt') return;
    this.state = 'learnt';
    this.headers = Buffer.from([0x88, 0x80 | (FIRST_INDEX + 1)]);
    this.okTrailers = Buffer.from([0x80 | FIRST_INDEX]);
  }

  /** SETTINGS_HEADER_TABLE_SIZE of the peer. A smaller table is answered by "size 0" in the next block. */
  peerTableSize(bytes: number): void {
    if (bytes >= TABLE_BYTES_MAX) return;
    this.state = 'literal';
    this.headers = Buffer.concat([Buffer.from([0x20]), STATUS_200, literalField('content-type', 'application/grpc')]);
    this.okTrailers = literalField('grpc-status', '0');
  }
}
