// A copy of routes and switches in MILLRACE_HOME/router, so that a restart serves before (or without) the broker. Kafka
// stays the truth: what it says replaces this as soon as it is read. Written at most every WRITE_EVERY_MS.
//
// What a disk gives back may be anything: a part that is none is told and left out, and the router begins without it.

import { readJson, replaceJson } from '@millrace/files';
import { counter } from '@millrace/telemetry';
import { checkedSnapshot, type Snapshot } from './checked-snapshot.codec.js';

const WRITE_EVERY_MS = 200;
/** 2: targets have names and there are shadows. */
const FORMAT = 2;

export class SnapshotFile {
  private readonly unreadable = counter('millrace.router.snapshot_unreadable').bind();
  private timer: NodeJS.Timeout | null = null;
  private writing: Promise<void> = Promise.resolve();

  constructor(
    private readonly path: string,
    private readonly collect: () => Snapshot,
    private readonly onError: (error: unknown) => void,
  ) {}

  /** null = none yet. A damaged file is reported and taken as none: it is a cache. */
  async read(): Promise<Snapshot | null> {
    try {
      const read = await readJson(this.path);
      if (read.kind === 'absent') return null;
      if (read.kind === 'corrupt') throw read.error;
      return checkedSnapshot(read.value, FORMAT, (error) => this.lost(error));
    } catch (thrown) {
      this.lost(thrown);
      return null;
    }
  }

  private lost(error: unknown): void {
    this.unreadable.add(1);
    this.onError(error);
  }

  /** Something changed. */
  touch(): void {
    this.timer ??= setTimeout(() => {
      this.timer = null;
      this.writing = this.writing.then(() => this.write()).catch(this.onError);
    }, WRITE_EVERY_MS);
  }

  async flush(): Promise<void> {
    if (this.timer) {
      clearTimeout(this.timer);
      this.timer = null;
      this.writing = this.writing.then(() => this.write()).catch(this.onError);
    }
    await this.writing;
  }

  private write(): Promise<void> {
    return replaceJson(this.path, { format: FORMAT, ...this.collect() });
  }
}
