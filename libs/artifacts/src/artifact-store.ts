// A store of immutable files under one folder (<MILLRACE_HOME>/artifacts): dataset Parquet files and model packages. A file
// appears whole or not at all: written beside its place, synced, renamed. Paths are relative, with "/" and plain names; "..",
// absolute paths and links are refused.

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { copyFile, lstat, mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join, resolve, sep } from 'node:path';
import { PlatformError } from '@millrace/domain';

const NAME = /^[A-Za-z0-9][A-Za-z0-9._=-]{0,200}$/;
const DEPTH_MAX = 12;
/** Files of one `putFolder`. */
const FOLDER_FILES_MAX = 1000;

let sequence = 0;

/** SHA-256 (hex) of bytes or text. */
export function sha256(bytes: Uint8Array | string): string {
  return createHash('sha256').update(bytes).digest('hex');
}

export class ArtifactStore {
  readonly root: string;

  /** `root` is made when the first file is written. */
  constructor(root: string) {
    this.root = resolve(root);
  }

  /** Where a file lies (or will lie) on this machine; refuses everything that could leave the store. */
  localPath(relative: string): string {
    const names = relative.split('/');
    if (names.length > DEPTH_MAX || !names.every((name) => NAME.test(name)))
      throw new PlatformError('invalid_argument', 'artifact path is not relative names joined by "/"', {
        facts: { path: relative.slice(0, 200) },
      });
    const path = join(this.root, ...names);
    if (!path.startsWith(this.root + sep))
      throw new PlatformError('invalid_argument', 'artifact path leaves the store');
    return path;
  }

  /** Writes one file; overwrites an earlier one of the same path. Returns its SHA-256. */
  async put(relative: string, bytes: Uint8Array | string): Promise<string> {
    const path = this.localPath(relative);
    await mkdir(dirname(path), { recursive: true });
    const temporary = this.temporaryBeside(path);
    try {
      const file = await open(temporary, 'wx');
      try {
        await file.writeFile(bytes);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(temporary, path);
    } catch (error) {
      await rm(temporary, { force: true });
      throw PlatformError.from(error, 'unavailable');
    }
    await syncFolder(dirname(path));
    return sha256(bytes);
  }

  /** Moves a file that another program wrote (DuckDB's Parquet) into the store; it must lie on the same file system or is copied. */
  async adopt(relative: string, existingPath: string): Promise<string> {
    const path = this.localPath(relative);
    await mkdir(dirname(path), { recursive: true });
    const file = await open(existingPath, 'r');
    await file.sync().finally(() => file.close());
    try {
      await rename(existingPath, path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EXDEV') throw PlatformError.from(error, 'unavailable');
      const temporary = this.temporaryBeside(path);
      await copyFile(existingPath, temporary);
      await rename(temporary, path);
      await rm(existingPath, { force: true });
    }
    await syncFolder(dirname(path));
    return this.sha256(relative);
  }

  /**
   * Writes a folder of files as one: all below a temporary folder first, then renamed. A folder that is there already is
   * replaced. Returns each file's SHA-256 by its path within the folder.
   */
  async putFolder(
    relative: string,
    files: Readonly<Record<string, Uint8Array | string>>,
  ): Promise<Record<string, string>> {
    const names = Object.keys(files);
    if (names.length > FOLDER_FILES_MAX)
      throw new PlatformError('invalid_argument', `more than ${FOLDER_FILES_MAX} files in one folder`);
    const path = this.localPath(relative);
    // Checks every name against the same rules before anything is written.
    for (const name of names) this.localPath(`${relative}/${name}`);
    await mkdir(dirname(path), { recursive: true });
    const temporary = this.temporaryBeside(path);
    const hashes: Record<string, string> = {};
    try {
      for (const name of names) {
        const target = join(temporary, name);
        await mkdir(dirname(target), { recursive: true });
        const bytes = files[name] as Uint8Array | string;
        const file = await open(target, 'wx');
        await file
          .writeFile(bytes)
          .then(() => file.sync())
          .finally(() => file.close());
        hashes[name] = sha256(bytes);
      }
      await replaceFolder(temporary, path, this.temporaryBeside(path));
    } catch (error) {
      await rm(temporary, { recursive: true, force: true });
      throw PlatformError.from(error, 'unavailable');
    }
    await syncFolder(dirname(path));
    return hashes;
  }

  /** Bytes of a file; `not_found` where there is none. */
  async read(relative: string): Promise<Buffer> {
    const path = this.localPath(relative);
    await this.requireFile(path, relative);
    return readFile(path);
  }

  async exists(relative: string): Promise<boolean> {
    const info = await lstat(this.localPath(relative)).catch(() => undefined); // absent
    return info !== undefined;
  }

  /** Paths of all files below a folder, relative to it, sorted; none where the folder is absent. */
  async list(relative: string): Promise<string[]> {
    const root = this.localPath(relative);
    const entries = await readdir(root, { recursive: true, withFileTypes: true }).catch(
      (error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return [];
        throw PlatformError.from(error, 'unavailable');
      },
    );
    return entries
      .filter((entry) => entry.isFile())
      .map((entry) =>
        join(entry.parentPath, entry.name)
          .slice(root.length + 1)
          .split(sep)
          .join('/'),
      )
      .sort();
  }

  /** SHA-256 (hex) of a file, read in a stream. */
  async sha256(relative: string): Promise<string> {
    const path = this.localPath(relative);
    await this.requireFile(path, relative);
    const hash = createHash('sha256');
    for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
    return hash.digest('hex');
  }

  private async requireFile(path: string, relative: string): Promise<void> {
    const info = await lstat(path).catch(() => undefined); // absent
    if (info === undefined || !info.isFile())
      throw new PlatformError('not_found', `no artifact ${relative}`, { facts: { path: relative } });
  }

  private temporaryBeside(path: string): string {
    return `${path}.tmp-${process.pid}-${sequence++}`;
  }
}

async function replaceFolder(from: string, to: string, aside: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error;
    await rename(to, aside);
    await rename(from, to);
    await rm(aside, { recursive: true, force: true });
  }
}

/** Makes the rename itself durable. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  await folder.sync().finally(() => folder.close());
}
