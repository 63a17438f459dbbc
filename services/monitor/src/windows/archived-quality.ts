// Labels that came when their window was over: its quality is counted anew over the archive, whatever partition or
// process a prediction and its label came to, and judged again. The whole window is counted, so that a restart,
// another judge or a second time come to the same. Where the archive knows of less than was judged (it began later, or
// its quota took the rows), what was judged stays. Pure but for awaiting its port.

import { type Clock, cohortOfVersion } from '@millrace/domain';
import { neededFiles } from '../archive/archive.js';
import type { ArchiveFile, ArchiveOf } from '../archive/archive-file.js';
import type { LabelledRow } from '../archive/archived.js';
import type { Engine } from './engine.js';
import type { WindowRecord } from './history.js';
import type { Recounted } from './project-judge.js';
import type { ProjectMonitor } from './project-monitor.js';
import { judgedLabelsOf } from './recorded-window.js';

export interface LabelledFiles {
  list(of: ArchiveOf): Promise<ArchiveFile[]>;
  labelled(
    files: readonly ArchiveFile[],
    span: { fromMs: number; toMs: number },
    take: (rows: readonly LabelledRow[]) => void,
  ): Promise<void>;
}

/** Windows of a project that are counted anew in one call: others have their turn. */
const WINDOWS_MAX = 4;
/** One that could not be counted, for a damaged file, is left for so long. */
const TRY_AGAIN_MS = 60_000;

export class ArchivedQuality {
  /** By project's life and window. */
  private readonly notBeforeMs = new Map<string, number>();

  constructor(
    private readonly engine: Engine,
    private readonly files: LabelledFiles,
    private readonly clock: Clock,
    /** Labels that came last are in files of every process by then. */
    private readonly settledMs: number,
    private readonly failed: (project: string, startMs: number, error: unknown) => void,
  ) {}

  async once(): Promise<void> {
    const nowMs = this.clock.monotonicMs();
    for (const [key, untilMs] of this.notBeforeMs) if (untilMs <= nowMs) this.notBeforeMs.delete(key);
    for (const monitor of this.engine.judged()) {
      if (monitor.archiveSpec.keepMs === 0) continue;
      for (const record of this.due(monitor).slice(0, WINDOWS_MAX)) {
        try {
          await this.recount(monitor, record);
        } catch (error) {
          this.notBeforeMs.set(keyOf(monitor, record), this.clock.monotonicMs() + TRY_AGAIN_MS);
          this.failed(monitor.name, record.startMs, error);
        }
      }
    }
  }

  /** A window of which nothing is kept, such as one that had no predictions, is done with. */
  private due(monitor: ProjectMonitor): WindowRecord[] {
    const due: WindowRecord[] = [];
    for (const startMs of monitor.toRecount(this.clock.nowMs(), this.settledMs)) {
      const record = this.engine.window(monitor.name, startMs);
      if (record === undefined) this.engine.passOver(monitor, startMs);
      else if (!this.notBeforeMs.has(keyOf(monitor, record))) due.push(record);
    }
    return due;
  }

  private async recount(monitor: ProjectMonitor, record: WindowRecord): Promise<void> {
    const counted = await this.counted(monitor, record);
    const isMore = counted.labels > judgedLabelsOf(record);
    this.engine.recount(monitor, record, isMore ? counted : undefined, this.clock.nowMs());
  }

  private async counted(monitor: ProjectMonitor, { startMs, endMs }: WindowRecord): Promise<Recounted> {
    const { history, task } = monitor.freshQuality();
    const all = neededFiles(await this.files.list({ project: monitor.name, createdAtMs: monitor.createdAtMs }));
    const files = all.filter(({ fromMs, toMs }) => fromMs < endMs && toMs >= startMs);
    let labels = 0;
    await this.files.labelled(files, { fromMs: startMs, toMs: endMs }, (rows) => {
      labels += rows.length;
      for (const { modelVersion, eventTimeMs, outputs, label } of rows)
        history.add(cohortOfVersion(modelVersion), eventTimeMs, task.scoreOf(outputs), label);
    });
    return { labels, buckets: history.statesBetween(startMs, endMs) };
  }
}

const keyOf = ({ name, createdAtMs }: ProjectMonitor, { startMs }: WindowRecord): string =>
  `${name}/${createdAtMs}/${startMs}`;
