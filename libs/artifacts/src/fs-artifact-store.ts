// The artifact store in a folder that all processes of the platform share. Everything is written in a staging folder of
// its own first (no two writers, of whatever process, meet there), synced, and renamed into place. Links are not
// followed.

import { constants } from 'node:fs';
import { access, copyFile, lstat, mkdir, mkdtemp, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join, resolve, sep } from 'node:path';
import { PlatformError, systemClock } from '@millrace/domain';
import { placeFile, writeStaged } from '@millrace/files';
import { checkFolder, isArtifactName, namesOf, notFound, otherBytes } from './artifact-path.js';
import type { ArtifactStore, Files } from './artifact-store.js';
import { sha256, sha256OfFile } from './hashes.js';

const STAGING = '.staging-';
/** Far longer than a write takes. */
const STAGING_MS_MAX = 86_400_000;

export class FsArtifactStore implements ArtifactStore {
  private readonly root: string;
  private swept: Promise<void> | undefined;

  /** `root` is made when the first file is written. */
  constructor(root: string) {
    this.root = resolve(root);
  }

  get place(): string {
    return this.root;
  }

  async put(path: string, bytes: Uint8Array | string): Promise<string> {
    const place = this.placeOf(path);
    await this.staged(async (work) => {
      await writeStaged(join(work, 'file'), bytes);
      await placeFile(join(work, 'file'), place);
    });
    return sha256(bytes);
  }

  async putFile(path: string, file: string): Promise<string> {
    const place = this.placeOf(path);
    await syncFile(file);
    try {
      await placeFile(file, place);
    } catch (error) {
      if (causeCode(error) !== 'EXDEV') throw error;
      // Of another file system.
      await this.staged(async (work) => {
        await copyFile(file, join(work, 'file'));
        await syncFile(join(work, 'file'));
        await placeFile(join(work, 'file'), place);
      });
      await rm(file, { force: true });
    }
    return this.sha256(path);
  }

  async putFolder(path: string, files: Files): Promise<Record<string, string>> {
    checkFolder(path, files);
    const place = this.placeOf(path);
    const hashes: Record<string, string> = {};
    await this.staged(async (work) => {
      for (const [name, content] of Object.entries(files))
        hashes[name] = await staged(join(work, 'new', name), content);
      await replaceFolder(join(work, 'new'), place, join(work, 'old'));
    });
    return hashes;
  }

  async read(path: string, expected?: string): Promise<Buffer> {
    const bytes = await readFile(await this.localFile(path));
    if (expected !== undefined && sha256(bytes) !== expected) throw otherBytes(path, expected, sha256(bytes));
    return bytes;
  }

  async localFile(path: string, expected?: string): Promise<string> {
    const place = this.placeOf(path);
    const info = await lstat(place).catch(() => undefined); // absent
    if (info === undefined || !info.isFile()) throw notFound(path);
    if (expected !== undefined) {
      const found = await sha256OfFile(place);
      if (found !== expected) throw otherBytes(path, expected, found);
    }
    return place;
  }

  async localFolder(path: string): Promise<string> {
    const place = this.placeOf(path);
    const info = await lstat(place).catch(() => undefined); // absent
    if (info === undefined || !info.isDirectory()) throw notFound(path);
    return place;
  }

  async list(path: string): Promise<string[]> {
    const root = this.placeOf(path);
    const entries = await readdir(root, { recursive: true, withFileTypes: true }).catch(
      (error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return [];
        throw PlatformError.from(error, 'unavailable');
      },
    );
    return entries
      .filter((entry) => entry.isFile() && isArtifactName(entry.name))
      .map((entry) =>
        join(entry.parentPath, entry.name)
          .slice(root.length + 1)
          .split(sep)
          .join('/'),
      )
      .sort();
  }

  async sha256(path: string): Promise<string> {
    return sha256OfFile(await this.localFile(path));
  }

  async remove(path: string): Promise<void> {
    const place = this.placeOf(path);
    const info = await lstat(place).catch(() => undefined); // absent
    if (info === undefined) return;
    // Gone under its name at once: nobody reads a folder that is half removed.
    await this.staged((work) => rename(place, join(work, 'removed')));
  }

  async check(): Promise<void> {
    await access(this.root, constants.R_OK | constants.W_OK).catch((error: NodeJS.ErrnoException) => {
      // It is made when the first file is written.
      if (error.code !== 'ENOENT') throw PlatformError.from(error, 'unavailable');
    });
  }

  /** Where a path lies (or will lie) on this machine. */
  private placeOf(path: string): string {
    return join(this.root, ...namesOf(path));
  }

  /** Removes what writers that were killed have left in staging; once a process, before its first write. */
  private async sweep(): Promise<void> {
    for (const name of await readdir(this.root)) {
      if (!name.startsWith(STAGING)) continue;
      const folder = join(this.root, name);
      // Another process may end, or sweep, it meanwhile.
      const found = await stat(folder).catch(() => undefined);
      if (found !== undefined && systemClock.nowMs() - found.mtimeMs > STAGING_MS_MAX)
        await rm(folder, { recursive: true, force: true });
    }
  }

  /** A folder of this call alone, on the store's file system; gone afterwards. */
  private async staged(work: (folder: string) => Promise<void>): Promise<void> {
    await mkdir(this.root, { recursive: true });
    this.swept ??= this.sweep();
    await this.swept;
    const folder = await mkdtemp(join(this.root, STAGING));
    try {
      await work(folder);
    } catch (error) {
      throw PlatformError.from(error, 'unavailable');
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }
}

async function staged(place: string, content: Files[string]): Promise<string> {
  if (typeof content === 'string' || content instanceof Uint8Array) {
    await writeStaged(place, content);
    return sha256(content);
  }
  await mkdir(dirname(place), { recursive: true });
  await copyFile(content.file, place);
  await syncFile(place);
  return sha256OfFile(place);
}

async function syncFile(path: string): Promise<void> {
  const file = await open(path, 'r');
  await file.sync().finally(() => file.close());
}

function causeCode(error: unknown): string | undefined {
  return ((error as Error).cause as NodeJS.ErrnoException | undefined)?.code;
}

async function replaceFolder(from: string, to: string, aside: string): Promise<void> {
  try {
    await placeFile(from, to);
  } catch (error) {
    const code = causeCode(error);
    if (code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error;
    await rename(to, aside);
    try {
      await placeFile(from, to);
    } catch (failure) {
      await rename(aside, to);
      throw failure;
    }
  }
}
