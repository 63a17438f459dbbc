// The artifact store in a bucket, shared by machines that have nothing else in common but Kafka. A file is one object
// under its path; a folder that is written as one stands there as folder-index.ts says. Every read compares the bytes
// with the SHA-256 they were written with. Programs that read files get copies on this machine (local-cache.ts).

import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type Clock, PlatformError } from '@millrace/domain';
import { checkFolder, namesOf, notFound, otherBytes } from '../artifact-path.js';
import type { ArtifactStore, Files } from '../artifact-store.js';
import { sha256, sha256OfFile } from '../hashes.js';
import type { LocalCache } from '../local-cache.js';
import {
  type FolderIndex,
  filesName,
  folderIndex,
  INDEX_BYTES_MAX,
  INDEX_FILE,
  type IndexedFile,
  parseIndex,
  sortKeys,
} from './folder-index.js';
import { eachOf, type S3Bucket, type S3Object } from './s3-bucket.js';
import { OtherBytes } from './s3-failure.js';

const FILES_AT_ONCE = 4;
/** The name of a copied file: the same bytes under two paths are one copy. */
const COPY = 'file';
/** Far longer than an upload takes: what is older, a process that was killed has left. */
const LEFT_MS = 86_400_000;

/** Where the bytes of a path are, and which they must be. */
interface Located {
  readonly key: string;
  readonly sha256: string;
  readonly bytes: number;
}

export interface S3StoreSettings {
  /** "" or names joined by "/", with a slash at the end. */
  readonly prefix: string;
  readonly place: string;
}

export class S3ArtifactStore implements ArtifactStore {
  private swept: Promise<void> | undefined;

  constructor(
    private readonly bucket: S3Bucket,
    private readonly cache: LocalCache,
    private readonly settings: S3StoreSettings,
    private readonly clock: Clock,
  ) {}

  get place(): string {
    return this.settings.place;
  }

  async put(path: string, bytes: Uint8Array | string): Promise<string> {
    const key = this.keyOf(path);
    await this.sweepOnce();
    const buffer = typeof bytes === 'string' ? Buffer.from(bytes) : bytes;
    const hash = sha256(buffer);
    await this.bucket.put(key, buffer, hash);
    return hash;
  }

  async putFile(path: string, file: string): Promise<string> {
    const key = this.keyOf(path);
    await this.sweepOnce();
    const hash = await sha256OfFile(file);
    await this.bucket.putFile(key, file, hash);
    await rm(file, { force: true });
    return hash;
  }

  async putFolder(path: string, files: Files): Promise<Record<string, string>> {
    checkFolder(path, files);
    await this.sweepOnce();
    const indexed = new Map<string, IndexedFile>();
    for (const [name, content] of Object.entries(files)) indexed.set(name, await measured(content));
    const index = folderIndex(indexed);
    const folder = this.keyOf(path);
    const before = await this.indexOf(path);
    const was = (await this.bucket.list(`${folder}/`)).filter(({ key }) => key !== `${folder}/${INDEX_FILE}`);
    await eachOf(Object.entries(files), FILES_AT_ONCE, ([name, content]) => {
      const key = `${folder}/${filesName(index)}/${name}`;
      const hash = (indexed.get(name) as IndexedFile).sha256;
      if (typeof content === 'string') return this.bucket.put(key, Buffer.from(content), hash);
      if (content instanceof Uint8Array) return this.bucket.put(key, content, hash);
      return this.bucket.putFile(key, content.file, hash);
    });
    await this.bucket.put(`${folder}/${INDEX_FILE}`, Buffer.from(index.text), index.id);
    await this.removeReplaced(folder, was, index, before);
    return Object.fromEntries([...indexed].map(([name, file]) => [name, file.sha256]));
  }

  async read(path: string, expected?: string): Promise<Buffer> {
    return this.reading(path, expected, (object, hash) => bufferOf(object, path, hash));
  }

  async localFile(path: string, expected?: string): Promise<string> {
    namesOf(path);
    const isWhole = (hash: string) => async (folder: string) => (await hashOfCopy(join(folder, COPY))) === hash;
    if (expected !== undefined) {
      // A copy of bytes that are known is as good as the bucket's, also while that cannot be reached.
      const found = await this.cache.find(expected, isWhole(expected));
      if (found !== undefined) return join(found, COPY);
    }
    const located = await this.located(path, expected);
    const folder = await this.cache.folder({
      sha256: located.sha256,
      bytes: located.bytes,
      fill: (work) => this.download(located, path, join(work, COPY)),
      isWhole: isWhole(located.sha256),
    });
    return join(folder, COPY);
  }

  async localFolder(path: string): Promise<string> {
    const found = await this.nearestIndex(path);
    if (found === undefined) throw notFound(path);
    const { index, folder, below } = found;
    if (below !== '' && ![...index.files.keys()].some((name) => name.startsWith(`${below}/`))) throw notFound(path);
    const files = [...index.files];
    const copy = await this.cache.folder({
      sha256: index.id,
      bytes: files.reduce((sum, [, file]) => sum + file.bytes, 0),
      fill: (work) =>
        eachOf(files, FILES_AT_ONCE, async ([name, file]) => {
          const key = `${this.keyOf(folder)}/${filesName(index)}/${name}`;
          await mkdir(dirname(join(work, name)), { recursive: true });
          await this.download({ key, ...file }, `${folder}/${name}`, join(work, name));
        }),
      isWhole: async (place) => {
        for (const [name, file] of files) if ((await hashOfCopy(join(place, name))) !== file.sha256) return false;
        return true;
      },
    });
    return join(copy, below);
  }

  async list(path: string): Promise<string[]> {
    const root = `${this.keyOf(path)}/`;
    const keys = (await this.bucket.list(root)).map(({ key }) => key.slice(root.length));
    const { alone, folders } = sortKeys(keys);
    const paths = [...alone];
    for (const [folder, { isIndexed, kept }] of folders) {
      if (!isIndexed) continue;
      const below = folder === '' ? '' : `${folder}/`;
      const [only] = kept.values();
      // More than one: a folder that is being exchanged, or was when its writer was killed.
      const names =
        kept.size === 1 && only !== undefined
          ? only
          : [...((await this.indexOf(`${path}/${folder}`.replace(/\/$/, '')))?.files.keys() ?? [])];
      paths.push(...names.map((name) => `${below}${name}`));
    }
    if (keys.length === 0) {
      const found = await this.nearestIndex(path);
      const below = `${found?.below}/`;
      for (const name of found?.index.files.keys() ?? [])
        if (name.startsWith(below)) paths.push(name.slice(below.length));
    }
    return [...new Set(paths)].sort();
  }

  sha256(path: string): Promise<string> {
    return this.reading(path, undefined, async (object, hash) => {
      const found = createHash('sha256');
      for await (const chunk of object.chunks) found.update(chunk);
      return matching(found.digest('hex'), path, hash);
    });
  }

  async remove(path: string): Promise<void> {
    const key = this.keyOf(path);
    // First what makes it known: nobody finds a folder that is half removed.
    await this.bucket.remove([key, `${key}/${INDEX_FILE}`]);
    const below = (await this.bucket.list(`${key}/`)).map((object) => object.key);
    await this.bucket.remove(below.filter((name) => name.endsWith(`/${INDEX_FILE}`)));
    await this.bucket.remove(below.filter((name) => !name.endsWith(`/${INDEX_FILE}`)));
  }

  check(): Promise<void> {
    return this.bucket.check(this.settings.prefix);
  }

  private keyOf(path: string): string {
    return `${this.settings.prefix}${namesOf(path).join('/')}`;
  }

  /** The object of a path, or what the index of a folder above it names; read by `work`, which is told its hash. */
  private async reading<T>(
    path: string,
    expected: string | undefined,
    work: (object: S3Object, hash: string) => Promise<T>,
  ): Promise<T> {
    const key = this.keyOf(path);
    const checked = (hash: string): string => {
      if (expected !== undefined && expected !== hash) throw otherBytes(path, expected, hash);
      return hash;
    };
    const alone = await this.bucket.get(key, async (object) => ({
      given: await work(object, checked(writtenHash(object, path))),
    }));
    if (alone !== undefined) return alone.given;
    // Twice: the folder may be exchanged between its index and its file.
    for (let attempt = 1; attempt <= 2; attempt++) {
      const located = await this.indexed(path);
      if (located === undefined) break;
      checked(located.sha256);
      const given = await this.bucket.get(located.key, async (object) => ({
        given: await work(object, located.sha256),
      }));
      if (given !== undefined) return given.given;
    }
    throw notFound(path);
  }

  /** Like `reading`, but of the bytes only where they are. */
  private async located(path: string, expected: string | undefined): Promise<Located> {
    const key = this.keyOf(path);
    const alone = await this.bucket.get(key, async (object) => ({
      key,
      sha256: writtenHash(object, path),
      bytes: object.bytes,
    }));
    const located = alone ?? (await this.indexed(path));
    if (located === undefined) throw notFound(path);
    if (expected !== undefined && located.sha256 !== expected) throw otherBytes(path, expected, located.sha256);
    return located;
  }

  private async indexed(path: string): Promise<Located | undefined> {
    const found = await this.nearestIndex(path);
    const file = found?.index.files.get(found.below);
    if (found === undefined || file === undefined) return undefined;
    return { key: `${this.keyOf(found.folder)}/${filesName(found.index)}/${found.below}`, ...file };
  }

  /** The folder that was written as one and is, or holds, a path. */
  private async nearestIndex(path: string): Promise<{ folder: string; below: string; index: FolderIndex } | undefined> {
    const names = namesOf(path);
    for (let depth = names.length; depth > 0; depth--) {
      const folder = names.slice(0, depth).join('/');
      const index = await this.indexOf(folder);
      if (index !== undefined) return { folder, below: names.slice(depth).join('/'), index };
    }
    return undefined;
  }

  private async indexOf(folder: string): Promise<FolderIndex | undefined> {
    const path = `${folder}/${INDEX_FILE}`;
    const text = await this.bucket.get(`${this.keyOf(folder)}/${INDEX_FILE}`, (object) =>
      bufferOf(object, path, writtenHash(object, path), INDEX_BYTES_MAX),
    );
    return text === undefined ? undefined : parseIndex(text.toString('utf8'), folder);
  }

  private async download({ key, sha256: hash }: Located, path: string, file: string): Promise<void> {
    const found = await this.bucket.get(key, async (object) => {
      const digest = createHash('sha256');
      async function* hashed(): AsyncGenerator<Uint8Array> {
        for await (const chunk of object.chunks) {
          digest.update(chunk);
          yield chunk;
        }
      }
      await pipeline(Readable.from(hashed()), createWriteStream(file));
      return matching(digest.digest('hex'), path, hash);
    });
    if (found === undefined) throw notFound(path);
  }

  /** What a folder held before; what another writer puts there at the same time stays, for a day. */
  private async removeReplaced(
    folder: string,
    was: readonly { key: string; modifiedAtMs: number }[],
    index: FolderIndex,
    before: FolderIndex | undefined,
  ): Promise<void> {
    const own = `${folder}/${filesName(index)}/`;
    const replaced = before === undefined ? undefined : `${folder}/${filesName(before)}/`;
    const isOfWriter = (key: string) => key.slice(folder.length + 1).startsWith('.');
    const oldBeforeMs = this.clock.nowMs() - LEFT_MS;
    const gone = was.filter(
      ({ key, modifiedAtMs }) =>
        !key.startsWith(own) &&
        ((replaced !== undefined && key.startsWith(replaced)) || !isOfWriter(key) || modifiedAtMs < oldBeforeMs),
    );
    await this.bucket.remove(gone.map(({ key }) => key));
  }

  /** Once a process, before its first write. That it fails is told by the write that follows, if that fails as well. */
  private sweepOnce(): Promise<void> {
    this.swept ??= this.bucket.abortUploads(this.settings.prefix, this.clock.nowMs() - LEFT_MS).catch(() => undefined); // some servers cannot list them
    return this.swept;
  }
}

/** An object without a hash was not written by this store: nobody can say whether it is whole. */
function writtenHash({ sha256: hash }: S3Object, path: string): string {
  if (hash === undefined || !/^[0-9a-f]{64}$/.test(hash))
    throw new PlatformError('corrupt', `artifact ${path} has no SHA-256: it was not written by Millrace`, {
      facts: { path },
    });
  return hash;
}

function matching(found: string, path: string, expected: string): string {
  if (found !== expected) throw new OtherBytes(otherBytes(path, expected, found));
  return found;
}

async function bufferOf(
  object: S3Object,
  path: string,
  hash: string,
  bytesMax = Number.MAX_SAFE_INTEGER,
): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of object.chunks) {
    bytes += chunk.byteLength;
    if (bytes > bytesMax) throw new PlatformError('corrupt', `${path} has more than ${bytesMax} bytes`);
    chunks.push(chunk);
  }
  const whole = Buffer.concat(chunks);
  matching(sha256(whole), path, hash);
  return whole;
}

async function measured(content: Files[string]): Promise<IndexedFile> {
  if (typeof content === 'string') return measured(Buffer.from(content));
  if (content instanceof Uint8Array) return { sha256: sha256(content), bytes: content.byteLength };
  return { sha256: await sha256OfFile(content.file), bytes: (await stat(content.file)).size };
}

/** undefined where there is no such file. */
function hashOfCopy(file: string): Promise<string | undefined> {
  return sha256OfFile(file).catch(() => undefined);
}
