// Uploads on the disk: "<id>.json" with what is known of one, "<id>.part" with its bytes. Ids are hexadecimal digits;
// nothing else becomes a path. Bytes are synced once, before their hash is looked at: what a power failure takes before
// that shows in the hash.

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { assert, PlatformError } from '@millrace/domain';
import { readJsonFolderSync, replaceJson } from '../json-file.js';
import { removeFile } from '../replace-file.js';
import type { KeptUpload, StoredUpload, UploadFiles } from './uploads.js';

const ID = /^[0-9a-f]{32}$/;
const PIECE_BYTES = 1_048_576;

export class FolderUploads implements UploadFiles {
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
    try {
      let at = offset;
      for await (const piece of pieces) {
        for (let done = 0; done < piece.length; ) {
          const { bytesWritten } = await file.write(piece, done, piece.length - done, at + done);
          done += bytesWritten;
        }
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
    } finally {
      await file.close();
    }
    const hash = createHash('sha256');
    for await (const piece of createReadStream(this.path(id), { highWaterMark: PIECE_BYTES }))
      hash.update(piece as Buffer);
    return hash.digest('hex');
  }

  async clear(id: string): Promise<void> {
    await removeFile(this.path(id));
  }

  async remove(id: string): Promise<void> {
    // The description last: bytes without one would stay for ever.
    await removeFile(this.path(id));
    await removeFile(join(this.folder, `${idOf(id)}.json`));
  }

  path(id: string): string {
    return join(this.folder, `${idOf(id)}.part`);
  }
}

function idOf(id: string): string {
  assert(ID.test(id), 'an upload has 32 hexadecimal digits');
  return id;
}
