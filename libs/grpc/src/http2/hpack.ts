// HPACK (RFC 7541): a decoder of header blocks with its dynamic table, and how fields are written: a side's few fixed
// ones by index once the peer's table holds them (answer-blocks.ts, request-blocks.ts), all others as literals that are
// never indexed.

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

/** Of a dynamic table: HTTP/2's default, which we do not change. */
export const TABLE_BYTES_MAX = 4096;
/** What an entry costs beside its bytes. */
export const ENTRY_BYTES = 32;
/** Of the first entry of the dynamic table. */
export const FIRST_INDEX = STATIC.length + 1;
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

/** The value of a field in a list of names and values in turns, '' where there is none. */
export function fieldOf(fields: readonly string[], name: string): string {
  for (let i = 0; i < fields.length; i += 2) if (fields[i] === name) return fields[i + 1] as string;
  return '';
}

/** A literal that is never indexed, names and values in ASCII. */
export function literalField(name: string, value: string): Buffer {
  return Buffer.concat([Buffer.from([0x10]), literalText(name), literalText(value)]);
}

export function literalText(text: string): Buffer {
  const { length } = text;
  if (length < 127) return Buffer.from(`${String.fromCharCode(length)}${text}`, 'latin1');
  const head = [127];
  let rest = length - 127;
  for (; rest > 127; rest >>>= 7) head.push((rest & 127) | 128);
  head.push(rest);
  return Buffer.concat([Buffer.from(head), Buffer.from(text, 'latin1')]);
}
