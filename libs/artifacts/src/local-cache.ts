// Copies of artifacts on this machine, for programs that read files: a folder a copy, named by its SHA-256 and bytes
// (<sha256>.<bytes>), within a quota that all processes of a home share. A copy is made beside its place, checked, and
// renamed into it; the first time a process is given one that was there, it is checked again. What was longest unused
// leaves first, but nothing that was given out in the last hour; where that leaves no room, the call is `overloaded`.
// Two processes that make room at once may exceed the quota by one copy.

import { mkdir, mkdtemp, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { type Clock, PlatformError } from '@millrace/domain';
import { counter, gauge } from '@millrace/telemetry';

const STAGING = '.staging-';
/** Far longer than a copy takes. */
const STAGING_MS_MAX = 86_400_000;
/** Who was given a copy may open it for as long: a training reads its files again and again. */
export const HELD_MS = 3_600_000;
/** Copies that this process need not check again; more are checked once more. */
const CHECKED_MAX = 10_000;
const ENTRY = /^([0-9a-f]{64})\.(\d{1,16})$/;

const cacheBytes = gauge('millrace.artifacts.cache_bytes');
const looked = counter('millrace.artifacts.cache_reads');
const evicted = counter('millrace.artifacts.cache_evictions').bind();

export interface Copy {
  /** Of the content; a copy's name. */
  readonly sha256: string;
  readonly bytes: number;
  /** Fills an empty folder with what has that hash, checked. */
  fill(folder: string): Promise<void>;
  /** Whether a folder that was filled earlier, by whatever process, still holds it. */
  isWhole(folder: string): Promise<boolean>;
}

interface Entry {
  readonly name: string;
  readonly bytes: number;
  readonly usedAtMs: number;
}

export class LocalCache {
  private readonly checked = new Set<string>();
  /** Copies that are being made, so that two callers do not make one twice. */
  private readonly making = new Map<string, Promise<string>>();
  private swept: Promise<void> | undefined;
  private room: Promise<void> = Promise.resolve();
  /** Of copies that have got their room and are not there yet. */
  private pendingBytes = 0;

  constructor(
    private readonly root: string,
    private readonly bytesMax: number,
    private readonly clock: Clock,
  ) {}

  /** A folder with that content; made where it is not there. */
  async folder(copy: Copy): Promise<string> {
    const name = nameOf(copy);
    const found = this.making.get(name);
    if (found !== undefined) return found;
    const made = this.found(copy, name).finally(() => this.making.delete(name));
    this.making.set(name, made);
    return made;
  }

  /** The folder of a file whose size is not known, where a copy is there. */
  async find(sha256: string, isWhole: Copy['isWhole']): Promise<string | undefined> {
    const entry = (await this.entries()).find(({ name }) => name.startsWith(sha256));
    if (entry === undefined) return undefined;
    const missing = new PlatformError('not_found', 'no copy');
    const copy = { sha256, bytes: entry.bytes, fill: () => Promise.reject(missing), isWhole };
    return this.folder(copy).catch((error: unknown) => {
      if (error === missing) return undefined;
      throw error;
    });
  }

  private async found(copy: Copy, name: string): Promise<string> {
    const place = join(this.root, name);
    if (await this.isThere(copy, name, place)) {
      looked.add(1, { outcome: 'hit' });
      return place;
    }
    await mkdir(this.root, { recursive: true });
    this.swept ??= this.sweep();
    await this.swept;
    looked.add(1, { outcome: 'miss' });
    await this.makeRoom(copy.bytes);
    try {
      await this.make(copy, place);
    } finally {
      this.pendingBytes -= copy.bytes;
    }
    this.remember(name);
    await this.touch(place);
    return place;
  }

  private async make(copy: Copy, place: string): Promise<void> {
    const work = await mkdtemp(join(this.root, STAGING));
    try {
      await copy.fill(work);
      await rename(work, place);
    } catch (error) {
      await rm(work, { recursive: true, force: true });
      // Another process made the same one meanwhile.
      if (!isTaken(error)) throw error;
    }
  }

  private async isThere(copy: Copy, name: string, place: string): Promise<boolean> {
    if (!(await this.touch(place))) return false;
    if (this.checked.has(name)) return true;
    if (await copy.isWhole(place)) {
      this.remember(name);
      return true;
    }
    // Cut by a full disk or a power failure, or changed by somebody.
    await rm(place, { recursive: true, force: true });
    return false;
  }

  private remember(name: string): void {
    if (this.checked.size >= CHECKED_MAX) this.checked.clear();
    this.checked.add(name);
  }

  /** Says that a copy is used; whether it is there. */
  private async touch(place: string): Promise<boolean> {
    const atS = this.clock.nowMs() / 1000;
    return utimes(place, atS, atS).then(
      () => true,
      () => false, // not there
    );
  }

  /** One at a time, each counting what has got its room before, so that a process alone never exceeds the quota. */
  private makeRoom(bytes: number): Promise<void> {
    const made = this.room.then(() => this.removeFor(bytes));
    this.room = made.catch(() => undefined); // the caller is told
    return made;
  }

  private async removeFor(bytes: number): Promise<void> {
    const entries = (await this.entries()).sort((a, b) => a.usedAtMs - b.usedAtMs);
    let held = entries.reduce((sum, entry) => sum + entry.bytes, this.pendingBytes);
    const nowMs = this.clock.nowMs();
    for (const entry of entries) {
      if (held + bytes <= this.bytesMax) break;
      if (nowMs - entry.usedAtMs < HELD_MS) break;
      await rm(join(this.root, entry.name), { recursive: true, force: true });
      this.checked.delete(entry.name);
      evicted.add(1);
      held -= entry.bytes;
    }
    if (held + bytes > this.bytesMax)
      throw new PlatformError(
        'overloaded',
        `no room for ${bytes} bytes in the copies of artifacts in ${this.root}: ${held} of ${this.bytesMax} bytes are ` +
          'in use; raise MILLRACE_ARTIFACTS_CACHE_BYTES_MAX',
        { retry: { afterMs: 60_000 } },
      );
    this.pendingBytes += bytes;
    cacheBytes.set(held + bytes);
  }

  private async entries(): Promise<Entry[]> {
    const names = await readdir(this.root).catch(() => []); // not made yet
    const entries: Entry[] = [];
    for (const name of names) {
      const match = ENTRY.exec(name);
      if (match === null) continue;
      const info = await stat(join(this.root, name)).catch(() => undefined); // removed meanwhile
      if (info !== undefined) entries.push({ name, bytes: Number(match[2]), usedAtMs: info.mtimeMs });
    }
    return entries;
  }

  /** Removes what processes that were killed have left; once a process, before its first copy. */
  private async sweep(): Promise<void> {
    for (const name of await readdir(this.root)) {
      if (!name.startsWith(STAGING)) continue;
      const info = await stat(join(this.root, name)).catch(() => undefined); // ended meanwhile
      if (info !== undefined && this.clock.nowMs() - info.mtimeMs > STAGING_MS_MAX)
        await rm(join(this.root, name), { recursive: true, force: true });
    }
  }
}

function nameOf({ sha256, bytes }: Copy): string {
  return `${sha256}.${bytes}`;
}

function isTaken(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOTEMPTY' || code === 'EEXIST';
}
