// The memory file of shared-buffer.ts: made by serving in /dev/shm without a name, inherited by the engine process as a
// descriptor, gone with the last of both.

import { closeSync, fstatSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { SHARED_BYTES_MAX, type SharedFile } from './shared-buffer.js';

const MEMORY_FOLDER = '/dev/shm';

/** A new nameless file; undefined where the system has none. The caller closes it. */
export function openMemoryFile(): number | undefined {
  try {
    const folder = mkdtempSync(join(MEMORY_FOLDER, 'millrace-engine-'));
    try {
      return openSync(join(folder, 'tensors'), 'wx+', 0o600);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  } catch {
    // No such folder (macOS) or no right to it: tensors go over the pipe.
    return undefined;
  }
}

export function closeMemoryFile(descriptor: number): void {
  closeSync(descriptor);
}

/** `side`: serving writes to the first place and reads the second. */
export function sharedFile(descriptor: number, side: 'serving' | 'engine'): SharedFile {
  const [own, other] = side === 'serving' ? [0, SHARED_BYTES_MAX] : [SHARED_BYTES_MAX, 0];
  return {
    write(bytes, at) {
      try {
        return writeSync(descriptor, bytes, 0, bytes.length, own + at) === bytes.length;
      } catch {
        // No memory left for files.
        return false;
      }
    },
    read(length) {
      const bytes = Buffer.allocUnsafeSlow(length);
      for (let at = 0; at < length; ) {
        const count = readSync(descriptor, bytes, at, length - at, other + at);
        if (count === 0) throw new Error(`the memory file ends at ${at} of ${length} bytes`);
        at += count;
      }
      return bytes;
    },
  };
}

export function isMemoryFile(descriptor: number): boolean {
  return fstatSync(descriptor).isFile();
}
