// The last known control state in a file of this replica, replaced atomically. Losing it costs nothing while the broker is up.

import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { logger } from '@millrace/telemetry';
import { type ControlSnapshot, parseSnapshot } from './control-state.js';

export class SnapshotFile {
  private readonly log = logger('snapshot');
  private pending: ControlSnapshot | undefined;
  private writing: Promise<void> | undefined;

  constructor(private readonly path: string) {}

  async read(): Promise<ControlSnapshot | undefined> {
    try {
      return parseSnapshot(await readFile(this.path, 'utf8'));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
        this.log.warn('the last known state cannot be read', {}, error);
      return undefined;
    }
  }

  /** Keeps the newest; writes that come while one runs are joined. */
  save(snapshot: ControlSnapshot): void {
    this.pending = snapshot;
    this.writing ??= this.drain();
  }

  async close(): Promise<void> {
    await this.writing;
  }

  private async drain(): Promise<void> {
    while (this.pending) {
      const snapshot = this.pending;
      this.pending = undefined;
      try {
        await mkdir(dirname(this.path), { recursive: true });
        await writeFile(`${this.path}.new`, JSON.stringify(snapshot));
        await rename(`${this.path}.new`, this.path);
      } catch (error) {
        this.log.warn('the last known state cannot be written', {}, error);
      }
    }
    this.writing = undefined;
  }
}
