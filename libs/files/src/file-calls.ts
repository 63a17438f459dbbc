// The calls to the file system that writing a file durably takes, as a port: once as promises, once blocking. Tests put
// a failure, or a record of the order, between the caller and the real ones.

import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { type FileHandle, mkdir, open, rename, rm } from 'node:fs/promises';

/** What a call gives back: itself where it blocks, a promise where it does not. */
type Given<T> = T | Promise<T>;

export interface FileCalls<Handle = unknown> {
  /** Makes a folder and those above it; returns the topmost one that was not there. */
  makeFolder(path: string): Given<string | undefined>;
  open(path: string, mode: 'r' | 'w'): Given<Handle>;
  write(file: Handle, bytes: Uint8Array | string): Given<void>;
  sync(file: Handle): Given<void>;
  close(file: Handle): Given<void>;
  rename(from: string, to: string): Given<void>;
  /** Nothing where it is not there. */
  remove(path: string): Given<void>;
}

export const PROMISED_CALLS: FileCalls<FileHandle> = {
  makeFolder: (path) => mkdir(path, { recursive: true }),
  open: (path, mode) => open(path, mode),
  write: (file, bytes) => file.writeFile(bytes),
  sync: (file) => file.sync(),
  close: (file) => file.close(),
  rename,
  remove: (path) => rm(path, { force: true }),
};

export const BLOCKING_CALLS: FileCalls<number> = {
  makeFolder: (path) => mkdirSync(path, { recursive: true }),
  open: (path, mode) => openSync(path, mode),
  write: (file, bytes) => writeFileSync(file, bytes),
  sync: fsyncSync,
  close: closeSync,
  rename: renameSync,
  remove: (path) => rmSync(path, { force: true }),
};
