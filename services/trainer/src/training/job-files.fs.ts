// Working files of training jobs: encoded data, weights, checkpoints, results, in a folder that trainer and workers
// share. No artifacts: they go with the training. Each is replaced whole and durably; what a job names with a hash is
// checked when read.

import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { resolve, sep } from 'node:path';
import { sha256 as sha256Of } from '@millrace/artifacts';
import { PlatformError } from '@millrace/domain';
import { replaceFileSync } from '@millrace/files';
import type { EncodedRows } from './batch.js';
import { decodeCheckpoint, encodeCheckpoint } from './checkpoint.js';
import { bytesOf, floatsOf } from './floats.js';
import type { DataFile } from './job.js';
import type { Checkpoint } from './train-loop.js';

const digest = (bytes: Uint8Array): Uint8Array => createHash('sha256').update(bytes).digest();

/** checkpoint-<generation>-<step>.bin: names never repeat, so that a straggler cannot change what others read. */
const CHECKPOINT_NAME = /^checkpoint-(\d+)-(\d+)\.bin$/;

export class JobFiles {
  private readonly root: string;

  constructor(home: string) {
    this.root = resolve(home, 'trainer', 'work');
  }

  /** Absolute path of a path of a job; refuses to leave the folder. */
  absolute(path: string): string {
    const full = resolve(this.root, path);
    if (full !== this.root && !full.startsWith(this.root + sep))
      throw new PlatformError('permission_denied', `path outside the working files: ${path}`);
    return full;
  }

  write(path: string, bytes: Uint8Array): void {
    replaceFileSync(this.absolute(path), bytes);
  }

  writeFloats(path: string, values: Float32Array): string {
    this.write(path, bytesOf(values));
    return sha256Of(bytesOf(values));
  }

  /** Checks the hash where one is given. */
  async readFloats(path: string, sha256?: string): Promise<Float32Array> {
    const bytes = await this.read(path, sha256);
    return floatsOf(bytes, path);
  }

  /** Writes encoded rows and labels as one data file. */
  writeData(path: string, data: EncodedRows): DataFile {
    const rows = data.labels.length;
    const all = new Float32Array(rows * (data.width + 1));
    all.set(data.values, 0);
    all.set(data.labels, rows * data.width);
    return { path, rows, width: data.width, sha256: this.writeFloats(path, all) };
  }

  async readData(file: DataFile): Promise<EncodedRows> {
    const all = await this.readFloats(file.path, file.sha256);
    const values = file.rows * file.width;
    if (all.length !== values + file.rows)
      throw new PlatformError('corrupt', `${file.path} does not hold ${file.rows} rows of ${file.width}`);
    return { width: file.width, values: all.subarray(0, values), labels: all.subarray(values) };
  }

  async readCheckpoint(path: string, sha256: string): Promise<Checkpoint> {
    return decodeCheckpoint(await this.read(path, sha256), digest);
  }

  /** Keeps the newest `keep` checkpoints of this folder. */
  writeCheckpoint(folder: string, generation: number, checkpoint: Checkpoint, keep: number): void {
    this.write(`${folder}/checkpoint-${generation}-${checkpoint.step}.bin`, encodeCheckpoint(checkpoint, digest));
    for (const old of this.checkpoints(folder).slice(keep))
      rmSync(this.absolute(`${folder}/${old.name}`), { force: true });
  }

  /** The checkpoint with the most steps that is whole, or null. */
  latestCheckpoint(folder: string): { path: string; sha256: string; step: number } | null {
    for (const { name, step } of this.checkpoints(folder)) {
      const path = `${folder}/${name}`;
      try {
        const bytes = readFileSync(this.absolute(path));
        decodeCheckpoint(bytes, digest);
        return { path, sha256: sha256Of(bytes), step };
      } catch {
        // A torn or vanished checkpoint is not worth failing a job for while an older one is whole.
      }
    }
    return null;
  }

  remove(path: string): void {
    rmSync(this.absolute(path), { recursive: true, force: true });
  }

  private checkpoints(folder: string): { name: string; step: number }[] {
    const full = this.absolute(folder);
    if (!existsSync(full)) return [];
    return readdirSync(full)
      .map((name) => ({ name, match: CHECKPOINT_NAME.exec(name) }))
      .filter((entry) => entry.match !== null)
      .map(({ name, match }) => ({ name, step: Number(match?.[2]), generation: Number(match?.[1]) }))
      .sort((a, b) => b.step - a.step || b.generation - a.generation);
  }

  private async read(path: string, sha256?: string): Promise<Buffer> {
    const bytes = await readFile(this.absolute(path)).catch((error: unknown) => {
      throw new PlatformError('unavailable', `cannot read ${path}`, { cause: error });
    });
    if (sha256 !== undefined && sha256Of(bytes) !== sha256)
      throw new PlatformError('corrupt', `${path} does not have the hash it was announced with`);
    return bytes;
  }
}
