// The artifact store in a folder that all processes of the platform share. Everything is written in a staging folder of
// its own first (no two writers, of whatever process, meet there), synced, and renamed into place. Links are not
// followed.

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { copyFile, lstat, mkdir, mkdtemp, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join, resolve, sep } from 'node:path';
import { PlatformError, systemClock } from '@millrace/domain';
import { placeFile, writeStaged } from '@millrace/files';
import type { ArtifactStore, Files } from './artifact-store.js';

/** Begins with a letter or digit: staging folders and temporary files cannot be named. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._=-]{0,200}$/;
const DEPTH_MAX = 12;
/** Files of one `putFolder`. */
const FOLDER_FILES_MAX = 1000;
const STAGING = '.staging-';
/** Far longer than a write takes. */
const STAGING_MS_MAX = 86_400_000;

/** SHA-256 (hex) of bytes or text. */
export function sha256(bytes: Uint8Array | string): string {
  return createHash('sha256').update(bytes).digest('hex');
}

export class FsArtifactStore implements ArtifactStore {
  private readonly root: string;
  private swept: Promise<void> | undefined;

  /** `root` is made when the first file is written. */
  constructor(root: string) {
    this.root = resolve(root);
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
    const names = Object.keys(files);
    if (names.length > FOLDER_FILES_MAX)
      throw new PlatformError('invalid_argument', `more than ${FOLDER_FILES_MAX} files in one folder`);
    const place = this.placeOf(path);
    // Checks every name against the same rules before anything is written.
    for (const name of names) this.placeOf(`${path}/${name}`);
    const hashes: Record<string, string> = {};
    await this.staged(async (work) => {
      for (const name of names) {
        hashes[name] = await staged(join(work, 'new', name), files[name] as Files[string]);
      }
      await replaceFolder(join(work, 'new'), place, join(work, 'old'));
    });
    return hashes;
  }

  async read(path: string): Promise<Buffer> {
    return readFile(await this.localFile(path));
  }

  async localFile(path: string): Promise<string> {
    const place = this.placeOf(path);
    const info = await lstat(place).catch(() => undefined); // absent
    if (info === undefined || !info.isFile())
      throw new PlatformError('not_found', `no artifact ${path}`, { facts: { path } });
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
      .filter((entry) => entry.isFile() && NAME.test(entry.name))
      .map((entry) =>
        join(entry.parentPath, entry.name)
          .slice(root.length + 1)
          .split(sep)
          .join('/'),
      )
      .sort();
  }

  async sha256(path: string): Promise<string> {
    return hashOf(await this.localFile(path));
  }

  /** Where a path lies (or will lie) on this machine; refuses everything that could leave the store. */
  private placeOf(path: string): string {
    const names = path.split('/');
    if (names.length > DEPTH_MAX || !names.every((name) => NAME.test(name)))
      throw new PlatformError('invalid_argument', 'artifact path is not relative names joined by "/"', {
        facts: { path: path.slice(0, 200) },
      });
    return join(this.root, ...names);
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

/** The store of a home: <home>/artifacts. No other file knows that folder. */
export function openArtifactStore(home: string): ArtifactStore {
  return new FsArtifactStore(join(home, ARTIFACTS_FOLDER));
}

/** Its name within a home, for who moves a home's state as a whole. */
export const ARTIFACTS_FOLDER = 'artifacts';

async function staged(place: string, content: Files[string]): Promise<string> {
  if (typeof content === 'string' || content instanceof Uint8Array) {
    await writeStaged(place, content);
    return sha256(content);
  }
  await mkdir(dirname(place), { recursive: true });
  await copyFile(content.file, place);
  await syncFile(place);
  return hashOf(place);
}

async function hashOf(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  return hash.digest('hex');
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
