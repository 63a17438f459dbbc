// Takes away what the owners of deleted projects have left on progress.v1 and in segments: how far spans were closed,
// and labels that wait. What partitions have of them their readers take away.

import type { ClosingProgress, OpenSpanProgress } from '@millrace/contracts';
import { PlatformError } from '@millrace/domain';
import type { ProjectRegistry } from '../projects/project-registry.js';
import type { OpenSpans } from './open-spans.js';
import { progressKey } from './progress-entry.js';
import type { ProgressLog } from './progress-log.js';
import { filesOfSpan, type SegmentFiles } from './segment.js';

export interface DeletedPorts {
  registry: ProjectRegistry;
  spans: OpenSpans;
  files: SegmentFiles;
  log: ProgressLog;
  reports: { failed(project: string, error: PlatformError): void };
  partitionOf(project: string): number;
}

export class DeletedProjects {
  private clearing: Promise<void> | null = null;
  private seen = { changes: -1, projects: -1 };

  constructor(
    private readonly ports: DeletedPorts,
    private readonly isOwned: (project: string) => boolean,
  ) {}

  /** After a change; does not wait for the writing. */
  clear(): void {
    const { spans, registry } = this.ports;
    const now = { changes: spans.changes, projects: registry.changes };
    if (this.clearing !== null || (this.seen.changes === now.changes && this.seen.projects === now.projects)) return;
    const isNews = (name: string) => this.seen.projects !== now.projects || spans.changedAt(name) > this.seen.changes;
    const names = spans.names().filter((name) => isNews(name) && this.leftBehind(name).length > 0);
    this.seen = now;
    if (names.length === 0) return;
    this.clearing = this.clearAll(names).finally(() => {
      this.clearing = null;
    });
  }

  async settled(): Promise<void> {
    await this.clearing;
  }

  private async clearAll(names: readonly string[]): Promise<void> {
    const { log, files, partitionOf, reports } = this.ports;
    for (const name of names) {
      // Again: a project of this name may have come meanwhile.
      const left = this.leftBehind(name);
      const gone = left.map((entry) => ({ kind: 'gone' as const, key: progressKey(entry) }));
      try {
        if (gone.length > 0) await log.write(partitionOf(name), gone, []);
        await files.remove(left.filter((entry) => entry.kind === 'span').flatMap(filesOfSpan));
      } catch (thrown) {
        // What could not be told is tried again after the next change, files that stay are swept by the next holder.
        this.seen = { ...this.seen, projects: -1 };
        reports.failed(name, PlatformError.from(thrown));
      }
    }
  }

  private leftBehind(name: string): (ClosingProgress | OpenSpanProgress)[] {
    const { spans, registry } = this.ports;
    return this.isOwned(name) ? spans.leftBehind(name, registry.createdAtMs(name)) : [];
  }
}
