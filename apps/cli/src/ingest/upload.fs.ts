// Sends a file's contents to a service: hashed, announced, then piece by piece from where an earlier try stopped. A
// piece that fails is tried again after the service was asked how far it is.

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { basename } from 'node:path';
import { PlatformError } from '@millrace/domain';
import { missingFile } from '@millrace/files';
import type { ControlClient } from '../client/control.http.js';

/** Large enough that a request costs nothing beside its bytes, small enough that progress is seen. */
const PIECE_BYTES = 8_388_608;
const READ_BYTES = 1_048_576;
/** In a row, each after a longer pause; a restart of ingest takes a few seconds. */
const TRIES_MAX = 8;
const PAUSE_MS = 250;

/** Of the service that takes the file. */
export type UploadCalls = Pick<ControlClient, 'startUpload' | 'sendUpload'>;

export interface UploadProgress {
  hashed(bytes: number, of: number): void;
  sent(bytes: number, of: number): void;
}

/** @returns the upload's id @throws PlatformError that says what is wrong with the file */
export async function uploadFile(
  control: UploadCalls,
  project: string,
  path: string,
  progress: UploadProgress,
): Promise<string> {
  const file = await opened(path);
  try {
    const { size: bytes } = await file.stat();
    if (bytes === 0)
      throw new PlatformError('invalid_argument', `${path} is empty: a header line and rows are expected`);
    const announced = {
      name: basename(path),
      bytes,
      sha256: await hashOf(path, (done) => progress.hashed(done, bytes)),
    };
    const buffer = Buffer.alloc(Math.min(PIECE_BYTES, bytes));
    const piece = async (offset: number) => {
      const { bytesRead } = await file.read(buffer, 0, buffer.length, offset);
      return buffer.subarray(0, bytesRead);
    };
    return await sent(control, project, announced, piece, (done) => progress.sent(done, bytes));
  } finally {
    await file.close();
  }
}

/** The same with a text that is at hand. */
export function uploadText(control: UploadCalls, project: string, name: string, text: string): Promise<string> {
  const bytes = Buffer.from(text);
  const announced = { name, bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') };
  const piece = async (offset: number) => bytes.subarray(offset, offset + PIECE_BYTES);
  return sent(control, project, announced, piece, () => undefined);
}

async function sent(
  control: UploadCalls,
  project: string,
  announced: { name: string; bytes: number; sha256: string },
  piece: (offset: number) => Promise<Uint8Array>,
  progress: (bytes: number) => void,
): Promise<string> {
  let { uploadId, receivedBytes } = await control.startUpload(project, announced);
  progress(receivedBytes);
  for (let failures = 0; receivedBytes < announced.bytes; ) {
    const bytes = await piece(receivedBytes);
    if (bytes.length === 0) throw new PlatformError('conflict', `${announced.name} became shorter while it was sent`);
    try {
      ({ receivedBytes } = await control.sendUpload(project, uploadId, receivedBytes, bytes));
      failures = 0;
    } catch (thrown) {
      const { code } = PlatformError.from(thrown);
      if (!['conflict', 'unavailable', 'cancelled', 'not_found'].includes(code) || ++failures >= TRIES_MAX)
        throw thrown;
      await new Promise((wake) => setTimeout(wake, PAUSE_MS * 2 ** (failures - 1)));
      ({ uploadId, receivedBytes } = await again(control, project, announced, failures));
    }
    progress(receivedBytes);
  }
  return uploadId;
}

/** How far the service is; that it does not answer counts as one more failure of the piece. */
async function again(
  control: UploadCalls,
  project: string,
  announced: { name: string; bytes: number; sha256: string },
  failures: number,
): Promise<{ uploadId: string; receivedBytes: number }> {
  for (let tries = failures; ; tries++) {
    try {
      return await control.startUpload(project, announced);
    } catch (thrown) {
      if (PlatformError.from(thrown).code !== 'unavailable' || tries >= TRIES_MAX) throw thrown;
      await new Promise((wake) => setTimeout(wake, PAUSE_MS * 2 ** tries));
    }
  }
}

async function opened(path: string) {
  try {
    const file = await open(path, 'r');
    if ((await file.stat()).isFile()) return file;
    await file.close();
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') throw missingFile(path);
    const why = `cannot read ${path}: ${(thrown as Error).message}`;
    throw new PlatformError('invalid_argument', why, { cause: thrown });
  }
  throw new PlatformError('invalid_argument', `${path} is a folder; name a CSV, NDJSON or Parquet file`);
}

async function hashOf(path: string, progress: (bytes: number) => void): Promise<string> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const piece of createReadStream(path, { highWaterMark: READ_BYTES })) {
    hash.update(piece as Buffer);
    bytes += (piece as Buffer).length;
    progress(bytes);
  }
  return hash.digest('hex');
}
