// Files that callers send to a service: announced with size and hash, taken in pieces in order, whole once the hash is
// right. The id follows from project, hash and size, so that who was interrupted announces the same file and goes on
// where it stopped, also after a restart of this process. An upload leaves when what it was sent for has it, or
// `keepMs` after its last byte. Room is what has come, and what is still to come of those in use: somebody sends or
// reads it, or did until a minute ago. Where there is none for another one, those that nobody uses leave, unfinished
// ones first, the oldest first; none where that would not be enough.
//
// A name is for people: no path is ever made of it.

import { type Clock, PlatformError } from '@millrace/domain';

/** What is kept of an upload over a restart. */
export interface StoredUpload {
  id: string;
  project: string;
  name: string;
  bytes: number;
  sha256: string;
  /** All bytes are here and have the hash. */
  whole: boolean;
}

export interface KeptUpload extends StoredUpload {
  receivedBytes: number;
  touchedAtMs: number;
}

export interface UploadFiles {
  /** What an earlier process left. */
  kept(): Promise<KeptUpload[]>;
  /** Durable when it resolves. */
  remember(upload: StoredUpload): Promise<void>;
  /** Writes from `offset` on until the pieces end; `written` is told of each, also before a failure. */
  write(
    id: string,
    offset: number,
    pieces: AsyncIterable<Uint8Array>,
    written: (piece: Uint8Array) => void,
  ): Promise<void>;
  /** Of what is there, written to the disk. */
  sha256(id: string): Promise<string>;
  /** Forgets the bytes. */
  clear(id: string): Promise<void>;
  remove(id: string): Promise<void>;
  path(id: string): string;
}

export interface UploadBounds {
  /** Of one file. */
  bytesMax: number;
  uploadsMax: number;
  /** Of all of them. */
  diskBytesMax: number;
  keepMs: number;
  /** The setting that raises `bytesMax`, for the refusal. */
  bytesMaxSetting: string;
}

interface Entry extends KeptUpload {
  /** Somebody sends. */
  busy: boolean;
  /** The hash is looked at. */
  completing: Promise<void> | null;
  /** Imports that read it. */
  held: number;
}

/** Since the last byte or announcement: the next piece, or the import, follows within seconds. */
const LEASE_MS = 60_000;
const NAME_LENGTH_MAX = 255;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they have no place in a name that terminals show.
const CONTROL = /[\u0000-\u001f\u007f]/g;

/** The last part of a path, as it may be shown. */
function displayName(name: string): string {
  const last = name.split(/[\\/]/).at(-1) ?? '';
  return last.replace(CONTROL, ' ').trim().slice(0, NAME_LENGTH_MAX) || 'file';
}

export class Uploads {
  private readonly entries = new Map<string, Entry>();
  /** Their files are being removed. */
  private readonly leaving = new Map<string, Promise<void>>();
  private restored: Promise<void> | null = null;

  constructor(
    private readonly files: UploadFiles,
    private readonly bounds: UploadBounds,
    private readonly clock: Clock,
    private readonly sha256Hex: (text: string) => string,
  ) {}

  /** Reads once what an earlier process left. */
  restore(): Promise<void> {
    this.restored ??= this.files.kept().then((kept) => {
      for (const upload of kept) this.entries.set(upload.id, { ...upload, busy: false, completing: null, held: 0 });
    });
    return this.restored;
  }

  async announce(
    project: string,
    file: { name: string; bytes: number; sha256: string },
  ): Promise<{ uploadId: string; receivedBytes: number }> {
    await this.restore();
    const { bytes, sha256 } = file;
    const id = this.sha256Hex([project, sha256, bytes].join('\u0000')).slice(0, 32);
    const name = displayName(file.name);
    await this.leaving.get(id);
    const known = this.entries.get(id);
    if (known !== undefined) {
      await this.renew(known);
      if (known.name !== name) {
        known.name = name;
        await this.files.remember(stored(known));
      }
      await this.complete(known);
      return { uploadId: id, receivedBytes: known.receivedBytes };
    }
    const entry: Entry = {
      id,
      project,
      name,
      bytes,
      sha256,
      whole: false,
      receivedBytes: 0,
      touchedAtMs: this.clock.nowMs(),
      busy: false,
      completing: null,
      held: 0,
    };
    const room = this.makeRoom(entry);
    // No wait since it was looked for: two that announce at once are one, and have no room twice.
    this.entries.set(id, entry);
    try {
      await room;
      await this.files.remember(stored(entry));
    } catch (thrown) {
      this.entries.delete(id);
      throw thrown;
    }
    return { uploadId: id, receivedBytes: 0 };
  }

  /** Takes the bytes from `offset` on; what has come before a failure stays. */
  async receive(project: string, id: string, offset: number, pieces: AsyncIterable<Uint8Array>): Promise<number> {
    await this.restore();
    const entry = this.entry(project, id);
    const isTaken = entry.busy || entry.completing !== null;
    if (isTaken || offset !== entry.receivedBytes) {
      const why = isTaken
        ? 'somebody sends it at this moment'
        : `the next byte is ${entry.receivedBytes}, not ${offset}`;
      throw new PlatformError('conflict', `upload ${id}: ${why}`, { facts: { receivedBytes: entry.receivedBytes } });
    }
    const room = this.renew(entry);
    entry.busy = true;
    try {
      await room;
      await this.files.write(id, offset, bounded(pieces, entry.bytes - offset), (piece) => {
        entry.receivedBytes += piece.length;
        entry.touchedAtMs = this.clock.nowMs();
      });
    } finally {
      entry.busy = false;
    }
    await this.complete(entry);
    return entry.receivedBytes;
  }

  /** The name of a whole upload. @throws PlatformError where there is none, or where bytes are missing */
  nameOf(project: string, id: string): string {
    const { name, bytes, receivedBytes, whole } = this.entry(project, id);
    if (whole) return name;
    throw new PlatformError('conflict', `${name} has ${receivedBytes} of ${bytes} bytes; send the rest first`, {
      retry: 'never',
      facts: { receivedBytes },
    });
  }

  /** The file of a whole upload. */
  file(id: string): { path: string; name: string; sha256: string } {
    const { name, sha256 } = this.entries.get(id) as Entry;
    return { path: this.files.path(id), name, sha256 };
  }

  /** It does not leave before `release`. */
  hold(id: string): void {
    const entry = this.entries.get(id);
    if (entry !== undefined) entry.held += 1;
  }

  /** `done`: what it was sent for has it, it may go at once. */
  async release(id: string, done: boolean): Promise<void> {
    const entry = this.entries.get(id);
    if (entry === undefined) return;
    entry.held -= 1;
    entry.touchedAtMs = this.clock.nowMs();
    if (done && entry.held === 0) await this.drop(entry);
  }

  /** Lets those leave whose time is over; gives their names. */
  async expire(): Promise<string[]> {
    await this.restore();
    const left: string[] = [];
    const beforeMs = this.clock.nowMs() - this.bounds.keepMs;
    for (const entry of [...this.entries.values()]) {
      if (!isIdle(entry) || entry.touchedAtMs >= beforeMs) continue;
      await this.drop(entry);
      left.push(entry.name);
    }
    return left;
  }

  private entry(project: string, id: string): Entry {
    const entry = this.entries.get(id);
    if (entry !== undefined && entry.project === project) return entry;
    throw new PlatformError(
      'not_found',
      `no upload ${id.slice(0, 64)}: a version has what was in it, or its time is over; announce the file again`,
    );
  }

  /** Looks at the hash once all bytes are here. @throws PlatformError where it is another; then none is here */
  private async complete(entry: Entry): Promise<void> {
    if (entry.whole || entry.busy || entry.receivedBytes < entry.bytes) return;
    entry.completing ??= this.compare(entry).finally(() => {
      entry.completing = null;
    });
    await entry.completing;
  }

  private async compare(entry: Entry): Promise<void> {
    const found = await this.files.sha256(entry.id);
    if (found === entry.sha256) {
      await this.files.remember({ ...stored(entry), whole: true });
      entry.whole = true;
      return;
    }
    await this.files.clear(entry.id);
    entry.receivedBytes = 0;
    throw new PlatformError(
      'invalid_argument',
      `the bytes of ${entry.name} have the SHA-256 ${found}, announced was ${entry.sha256}: the file changed while it was sent; send it again`,
      { facts: { receivedBytes: 0 } },
    );
  }

  /** One that is gone on with has room for the rest of it, or there is none. */
  private renew(entry: Entry): Promise<void> {
    const room = entry.whole || this.isUsed(entry) ? Promise.resolve() : this.makeRoom(entry);
    entry.touchedAtMs = this.clock.nowMs();
    return room;
  }

  /**
   * Takes its place at once, before the files of those that leave are gone.
   * @throws PlatformError 'invalid_argument' for a file too large, 'overloaded' where there is no room
   */
  private makeRoom(entry: Entry): Promise<void> {
    const { bytesMax, uploadsMax, diskBytesMax, bytesMaxSetting } = this.bounds;
    const { bytes } = entry;
    const max = Math.min(bytesMax, diskBytesMax);
    if (bytes > max) {
      throw new PlatformError(
        'invalid_argument',
        `${bytes} bytes, an upload has at most ${max}; split the file, or raise ${bytesMaxSetting}`,
        {
          facts: { bytes, bytesMax: max },
        },
      );
    }
    const others = [...this.entries.values()].filter((other) => other !== entry);
    let count = others.length;
    let taken = others.reduce((sum, other) => sum + this.claimOf(other), 0);
    const isFull = () => count >= uploadsMax || taken + bytes > diskBytesMax;
    const unused = others
      .filter((other) => !this.isUsed(other))
      .sort((a, b) => Number(a.whole) - Number(b.whole) || a.touchedAtMs - b.touchedAtMs);
    const leaving: Entry[] = [];
    for (const other of unused) {
      if (!isFull()) break;
      leaving.push(other);
      count -= 1;
      taken -= other.receivedBytes;
    }
    if (isFull()) {
      throw new PlatformError(
        'overloaded',
        `${count} uploads of ${taken} bytes are in use, at most ${uploadsMax} of ${diskBytesMax}; ` +
          `one that nobody goes on with makes room after ${this.leaseMs / 1_000} s`,
        { facts: { uploadsMax, diskBytesMax } },
      );
    }
    return Promise.all(leaving.map((other) => this.drop(other))).then(() => undefined);
  }

  private get leaseMs(): number {
    return Math.min(LEASE_MS, this.bounds.keepMs);
  }

  private isUsed(entry: Entry): boolean {
    return !isIdle(entry) || entry.touchedAtMs + this.leaseMs > this.clock.nowMs();
  }

  /** Bytes that it has, or is still to have. */
  private claimOf(entry: Entry): number {
    return this.isUsed(entry) ? entry.bytes : entry.receivedBytes;
  }

  private async drop(entry: Entry): Promise<void> {
    const { id } = entry;
    this.entries.delete(id);
    const removed = this.files.remove(id).finally(() => this.leaving.delete(id));
    this.leaving.set(id, removed);
    await removed;
  }
}

const isIdle = ({ busy, completing, held }: Entry): boolean => !busy && completing === null && held === 0;

function stored({ id, project, name, bytes, sha256, whole }: Entry): StoredUpload {
  return { id, project, name, bytes, sha256, whole };
}

/** The pieces, of which no more than `bytes` may come. */
async function* bounded(pieces: AsyncIterable<Uint8Array>, bytes: number): AsyncIterable<Uint8Array> {
  let left = bytes;
  for await (const piece of pieces) {
    if (piece.length > left)
      throw new PlatformError('invalid_argument', `more bytes than were announced: ${piece.length - left} too many`);
    left -= piece.length;
    yield piece;
  }
}
