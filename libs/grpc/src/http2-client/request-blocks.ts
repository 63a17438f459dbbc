// Header blocks of calls: what every call has, and the paths that are called, by index once the peer's table holds
// them; the time that is left and the metadata as literals that are never indexed, for they may be secrets.

import { ENTRY_BYTES, FIRST_INDEX, literalField, literalText, TABLE_BYTES_MAX } from '../http2/hpack.js';

/** :method POST, :scheme http */
const METHOD_AND_SCHEME = Buffer.from([0x83, 0x86]);
const EMPTY_TABLE = Buffer.from([0x20]);
/** An index below this is one byte; a service has far fewer methods. */
const ENTRIES_MAX = 127 - FIRST_INDEX;

/** What travels in a header block beside what every call has. */
export interface CallFields {
  /** /package.Service/Method */
  readonly path: string;
  /** As gRPC writes it; '' = none. */
  readonly timeout: string;
  /** By lower-case names. */
  readonly metadata: Readonly<Record<string, string>>;
}

export class RequestBlocks {
  /** How many entries were put into the peer's table before this one, by name and value. */
  private readonly learnt = new Map<string, number>();
  private learntBytes = 0;
  private isLiteral = false;
  /** What all calls of a path begin with, and of how many entries it knows. */
  private readonly heads = new Map<string, { entries: number; head: Buffer }>();

  constructor(private readonly authority: string) {}

  /** Blocks must be sent in the order in which they are made. */
  next({ path, timeout, metadata }: CallFields): Buffer {
    const parts = [this.head(path)];
    if (timeout !== '') parts.push(literalField('grpc-timeout', timeout));
    for (const name in metadata) parts.push(literalField(name, metadata[name] as string));
    return parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts);
  }

  /** SETTINGS_HEADER_TABLE_SIZE of the peer. A smaller table is answered by "size 0" in the next block. */
  peerTableSize(bytes: number): void {
    if (bytes >= TABLE_BYTES_MAX) return;
    this.isLiteral = true;
    this.heads.clear();
  }

  private head(path: string): Buffer {
    const known = this.heads.get(path);
    if (known?.entries === this.learnt.size) return known.head;
    const before = this.learnt.size;
    const fields = [
      METHOD_AND_SCHEME,
      this.field(':path', path),
      this.field(':authority', this.authority),
      this.field('content-type', 'application/grpc'),
      this.field('te', 'trailers'),
    ];
    const head = Buffer.concat(this.isLiteral ? [EMPTY_TABLE, ...fields] : fields);
    // One that teaches the peer's table something is sent once.
    if (this.learnt.size === before) this.heads.set(path, { entries: before, head });
    if (this.heads.size > ENTRIES_MAX) this.heads.clear();
    return head;
  }

  private field(name: string, value: string): Buffer {
    const key = `${name}\0${value}`;
    const before = this.learnt.get(key);
    if (this.isLiteral) return literalField(name, value);
    if (before !== undefined) return Buffer.from([0x80 | (FIRST_INDEX + this.learnt.size - 1 - before)]);
    const bytes = this.learntBytes + name.length + value.length + ENTRY_BYTES;
    if (this.learnt.size >= ENTRIES_MAX || bytes > TABLE_BYTES_MAX) return literalField(name, value);
    this.learnt.set(key, this.learnt.size);
    this.learntBytes = bytes;
    return Buffer.concat([Buffer.from([0x40]), literalText(name), literalText(value)]);
  }
}
