// A copy of routes and switches in MILLRACE_HOME/router, so that a restart serves before (or without) the broker. Kafka
// stays the truth: what it says replaces this as soon as it is read. Written at most every WRITE_EVERY_MS.

import { PlatformError } from '@millrace/domain';
import { readJson, replaceJson } from '@millrace/files';
import type { MatchRule, Route, Switch } from '@millrace/routing';
import type { UpstreamEntry } from '../upstream/upstream-table.js';

const WRITE_EVERY_MS = 200;
/** 2: targets have names and there are shadows. */
const FORMAT = 2;

export interface Snapshot {
  routes: Route[];
  switches: { project: string; entries: Switch[] }[];
  /** Whether a project's traffic is sticky. */
  sticky: Record<string, boolean>;
  /** A project's rules about headers; absent in snapshots of earlier releases. */
  matches?: Record<string, readonly MatchRule[]>;
  /** Versions of servers that are not ours; absent in snapshots of release 0.1. */
  upstreams?: UpstreamEntry[];
}

export class SnapshotFile {
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
      const parsed = read.value as Snapshot & { format: number };
      if (parsed.format !== FORMAT || !Array.isArray(parsed.routes)) {
        throw new PlatformError('corrupt', `${this.path} is not a snapshot of format ${FORMAT}`);
      }
      return parsed;
    } catch (thrown) {
      this.onError(thrown);
      return null;
    }
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
