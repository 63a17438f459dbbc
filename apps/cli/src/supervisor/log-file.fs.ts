// One process's log on disk, bounded: at the maximum the file becomes .1, .1 becomes .2 and the oldest goes. Writes are
// synchronous appends (a page-cache copy), so that the last words of a dying process are there. What a full disk does
// not take is dropped and counted, and the log says so when there is room again.

import { closeSync, existsSync, fstatSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

export interface LogLimits {
  /** Size at which a file is put aside. */
  fileBytesMax: number;
  /** Old files kept beside the current one. */
  oldFilesMax: number;
}

const DEFAULT_LOG_LIMITS: LogLimits = { fileBytesMax: 10 * 1024 * 1024, oldFilesMax: 2 };

/** Bytes of the end of the log kept in memory for messages about a failed start. */
const TAIL_BYTES_MAX = 16 * 1024;

export class LogFile {
  /** undefined where the file could not be opened anew. */
  private handle: number | undefined;
  private size: number;
  private droppedBytes = 0;
  private tailText = '';
  private closed = false;

  constructor(
    readonly path: string,
    private readonly limits: LogLimits = DEFAULT_LOG_LIMITS,
  ) {
    mkdirSync(dirname(path), { recursive: true });
    this.handle = openSync(path, 'a');
    this.size = fstatSync(this.handle).size;
  }

  /** After `close` what still drips out of a dead process's pipe is dropped. */
  append(chunk: Uint8Array): void {
    if (this.closed) return;
    this.tailText = (this.tailText + Buffer.from(chunk).toString('utf8')).slice(-TAIL_BYTES_MAX);
    try {
      this.write(chunk);
    } catch {
      // Whoever supervises must live on; the disk is full, as a rule.
      this.droppedBytes += chunk.length;
      this.closeHandle();
    }
  }

  /** The last lines written since this object was made. */
  tail(lines: number): string {
    return this.tailText.trimEnd().split('\n').slice(-lines).join('\n');
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.closeHandle();
  }

  private write(chunk: Uint8Array): void {
    if (this.handle === undefined) {
      this.handle = openSync(this.path, 'a');
      this.size = fstatSync(this.handle).size;
    }
    if (this.size + chunk.length > this.limits.fileBytesMax && this.size > 0) this.rotate();
    const before = this.droppedBytes;
    const gap = before === 0 ? '' : `… ${before} bytes could not be written here\n`;
    const text = Buffer.concat([Buffer.from(gap), chunk]);
    const written = writeSync(this.handle, text);
    const isGapTold = written >= text.length - chunk.length;
    this.droppedBytes = isGapTold ? text.length - written : before + chunk.length;
    this.size += written;
  }

  private closeHandle(): void {
    const { handle } = this;
    this.handle = undefined;
    try {
      if (handle !== undefined) closeSync(handle);
    } catch {
      // Of a network's disk the end of a file may be what finds no room.
    }
  }

  private rotate(): void {
    this.closeHandle();
    for (let age = this.limits.oldFilesMax; age >= 1; age--) {
      const from = age === 1 ? this.path : `${this.path}.${age - 1}`;
      if (existsSync(from)) renameSync(from, `${this.path}.${age}`);
    }
    if (this.limits.oldFilesMax === 0) rmSync(this.path, { force: true });
    this.handle = openSync(this.path, 'a');
    this.size = 0;
  }
}
