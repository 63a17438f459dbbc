// The last known control state in a file of this replica. Losing it costs nothing while the broker is up.

import { readJson, replaceJson } from '@millrace/files';
import { logger } from '@millrace/telemetry';
import { type ControlSnapshot, checkSnapshot } from './control-state.js';

export class SnapshotFile {
  private readonly log = logger('snapshot');
  private pending: ControlSnapshot | undefined;
  private writing: Promise<void> | undefined;

  constructor(private readonly path: string) {}

  async read(): Promise<ControlSnapshot | undefined> {
    try {
      const read = await readJson(this.path);
      if (read.kind === 'absent') return undefined;
      if (read.kind === 'corrupt') throw read.error;
      return checkSnapshot(read.value);
    } catch (error) {
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
        await replaceJson(this.path, snapshot);
      } catch (error) {
        this.log.warn('the last known state cannot be written', {}, error);
      }
    }
    this.writing = undefined;
  }
}
