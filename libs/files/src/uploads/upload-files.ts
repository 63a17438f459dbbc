// Uploads on the disk: "<id>.json" with what is known of one, "<id>.part" with its bytes. Ids are hexadecimal digits;
// nothing else becomes a path. The hash grows with the pieces, so that the last one of a large file waits for nothing;
// what an earlier process left is read once, in slices between which others have their turn, while the next pieces
// come. Bytes are synced before their hash counts.

import { createHash, type Hash } from 'node:crypto';
import { type FileHandle, mkdir, open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { assert, PlatformError } from '@millrace/domain';
import { readJsonFolderSync, replaceJson } from '../json-file.js';
import { removeFile } from '../replace-file.js';
import type { KeptUpload, StoredUpload, UploadFiles } from './uploads.js';

const ID = /^[0-9a-f]{32}$/;
/** Hashed in a fraction of a millisecond: nobody notices the wait. */
const SLICE_BYTES = 262_144;

interface Hashed {
  hash: Hash;
  /** From the file's beginning on. */
  bytes: number;
  /** Reads what is on the disk and not in the hash yet; pieces that come meanwhile are its, too. */
  reading: Promise<void> | null;
}

export class FolderUploads implements UploadFiles {
  private readonly hashed = new Map<string, Hashed>();

  constructor(private readonly folder: string) {}

  async kept(): Promise<KeptUpload[]> {
    const kept: KeptUpload[] = [];
    for (const { name, read } of readJsonFolderSync(this.folder)) {
      // Damaged: its file is sent again; bytes without a description are overwritten then.
      if (read.kind !== 'ok' || !ID.test(name)) continue;
      const upload = read.value as StoredUpload;
      const found = await stat(this.path(upload.id)).catch(() => null);
      const size = found?.size ?? 0;
      if (size > upload.bytes) await this.clear(upload.id);
      const receivedBytes = size > upload.bytes ? 0 : size;
      const whole = upload.whole && receivedBytes === upload.bytes;
      kept.push({ ...upload, whole, receivedBytes, touchedAtMs: found?.mtimeMs ?? 0 });
    }
    return kept;
  }

  remember(upload: StoredUpload): Promise<void> {
    return replaceJson(join(this.folder, `${idOf(upload.id)}.json`), upload);
  }

  async write(
    id: string,
    offset: number,
    pieces: AsyncIterable<Uint8Array>,
    written: (piece: Uint8Array) => void,
  ): Promise<void> {
    await mkdir(this.folder, { recursive: true });
    // From its beginning on a file may be there that belongs to no upload any more.
    const file = await open(this.path(id), offset === 0 ? 'w' : 'r+');
    if (offset === 0) this.hashed.delete(id);
    const hashed = this.hashOf(id);
    try {
      let at = offset;
      for await (const piece of pieces) {
        for (let done = 0; done < piece.length; ) {
          const { bytesWritten } = await file.write(piece, done, piece.length - done, at + done);
          done += bytesWritten;
        }
        if (hashed.bytes === at && hashed.reading === null) {
          hashed.hash.update(piece);
          hashed.bytes += piece.length;
        } else this.read(id, hashed, () => at);
        at += piece.length;
        written(piece);
      }
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code !== 'ENOSPC') throw thrown;
      throw new PlatformError('overloaded', 'the disk for uploads is full', { cause: thrown });
    } finally {
      await file.close();
    }
  }

  async sha256(id: string): Promise<string> {
    const file = await open(this.path(id), 'r+');
    try {
      await file.sync();
      const { size } = await file.stat();
      const hashed = this.hashOf(id);
      await hashed.reading;
      if (hashed.bytes < size) await readInto(hashed, file, () => size);
      return hashed.hash.digest('hex');
    } finally {
      this.hashed.delete(id);
      await file.close();
    }
  }

  async clear(id: string): Promise<void> {
    this.hashed.delete(id);
    await removeFile(this.path(id));
  }

  async remove(id: string): Promise<void> {
    this.hashed.delete(id);
    // The description last: bytes without one would stay for ever.
    await removeFile(this.path(id));
    await removeFile(join(this.folder, `${idOf(id)}.json`));
  }

  private hashOf(id: string): Hashed {
    const hashed = this.hashed.get(id) ?? { hash: createHash('sha256'), bytes: 0, reading: null };
    this.hashed.set(id, hashed);
    return hashed;
  }

  /** In the background, up to where `end` is by then. */
  private read(id: string, hashed: Hashed, end: () => number): void {
    const reading = async (): Promise<void> => {
      const file = await open(this.path(id), 'r');
      try {
        await readInto(hashed, file, end);
      } finally {
        await file.close();
      }
    };
    hashed.reading ??= reading()
      // The rest is read when the hash is asked for, or that fails with the reason.
      .catch(() => undefined)
      .finally(() => {
        hashed.reading = null;
      });
  }

  path(id: string): string {
    return join(this.folder, `${idOf(id)}.part`);
  }
}

async function readInto(hashed: Hashed, file: FileHandle, end: () => number): Promise<void> {
  const slice = Buffer.allocUnsafe(SLICE_BYTES);
  while (hashed.bytes < end()) {
    const wanted = Math.min(SLICE_BYTES, end() - hashed.bytes);
    const { bytesRead } = await file.read(slice, 0, wanted, hashed.bytes);
    if (bytesRead === 0) throw new PlatformError('corrupt', `the upload ends after ${hashed.bytes} bytes`);
    hashed.hash.update(slice.subarray(0, bytesRead));
    hashed.bytes += bytesRead;
  }
}

function idOf(id: string): string {
  assert(ID.test(id), 'an upload has 32 hexadecimal digits');
  return id;
}
