// How a folder that is written as one stands in a bucket, which has no folders and renames nothing: its files as
// objects below <folder>/.files-<id>/, and one object <folder>/.folder.json that names them, with hash and size,
// written last. Who reads goes by that object, so that a folder is there as a whole or not at all, and is exchanged by
// one request. The id is that of the index itself: the same files, written again, are the same objects.

import { PlatformError } from '@millrace/domain';
import { sha256 } from '../hashes.js';

export interface IndexedFile {
  readonly sha256: string;
  readonly bytes: number;
}

export interface FolderIndex {
  /** SHA-256 of `text`. */
  readonly id: string;
  readonly text: string;
  readonly files: ReadonlyMap<string, IndexedFile>;
}

export const INDEX_FILE = '.folder.json';
const FILES_PREFIX = '.files-';
const ID_LETTERS = 16;
/** 1,000 files with paths of 12 names. */
export const INDEX_BYTES_MAX = 4_194_304;

export function folderIndex(files: ReadonlyMap<string, IndexedFile>): FolderIndex {
  const sorted = [...files].sort(([a], [b]) => (a < b ? -1 : 1));
  const text = `${JSON.stringify({ files: Object.fromEntries(sorted) }, null, 2)}\n`;
  return { id: sha256(text), text, files: new Map(sorted) };
}

export function parseIndex(text: string, path: string): FolderIndex {
  try {
    const { files } = JSON.parse(text) as { files: Record<string, IndexedFile> };
    for (const { sha256: hash, bytes } of Object.values(files))
      if (!/^[0-9a-f]{64}$/.test(hash) || !Number.isSafeInteger(bytes)) throw new TypeError('a file without its hash');
    return { id: sha256(text), text, files: new Map(Object.entries(files)) };
  } catch (cause) {
    throw new PlatformError('corrupt', `${path}/${INDEX_FILE} of the artifact store is no index of a folder`, {
      cause,
    });
  }
}

/** The name below the folder under which its files are kept. */
export function filesName({ id }: FolderIndex): string {
  return `${FILES_PREFIX}${id.slice(0, ID_LETTERS)}`;
}

export interface ListedKeys {
  /** Paths of files that were written alone. */
  readonly alone: string[];
  /** By path of the folder ("" = the listed one): whether its index is there, and files by the name they are under. */
  readonly folders: Map<string, { isIndexed: boolean; readonly kept: Map<string, string[]> }>;
}

/** What the keys below a folder are, each relative to it. */
export function sortKeys(keys: readonly string[]): ListedKeys {
  const listed: ListedKeys = { alone: [], folders: new Map() };
  const folderAt = (path: string) => {
    const folder = listed.folders.get(path) ?? { isIndexed: false, kept: new Map<string, string[]>() };
    listed.folders.set(path, folder);
    return folder;
  };
  for (const key of keys) {
    const names = key.split('/');
    const at = names.findIndex((name) => name.startsWith('.'));
    const hidden = names[at];
    if (hidden === undefined) listed.alone.push(key);
    else if (hidden === INDEX_FILE) folderAt(names.slice(0, at).join('/')).isIndexed = true;
    else if (hidden.startsWith(FILES_PREFIX)) {
      const { kept } = folderAt(names.slice(0, at).join('/'));
      kept.set(hidden, [...(kept.get(hidden) ?? []), names.slice(at + 1).join('/')]);
    }
  }
  return listed;
}
