// What becomes of files of the archive: the holder of a partition number merges those of the number and takes away
// what a merged one holds; the judge of a project takes away what is older than the project keeps, then the oldest
// where they take more than its quota, and says so beside them. Pure but for awaiting its port; what fails is tried
// again with the next call.

import type { Clock } from '@millrace/domain';
import { type ArchiveFile, type ArchiveOf, byLog, dayOf, needed, nextMerge } from './archive-file.js';

export interface UpkeepFiles {
  list(of: ArchiveOf): Promise<ArchiveFile[]>;
  merge(files: readonly ArchiveFile[]): Promise<ArchiveFile>;
  remove(file: ArchiveFile): Promise<void>;
  cut(of: ArchiveOf): Promise<QuotaCut | undefined>;
  setCut(of: ArchiveOf, cut: QuotaCut): Promise<void>;
}

/** What the quota has taken away before its time. */
export interface QuotaCut {
  /** Everything that was written before is gone. */
  throughMs: number;
  predictions: number;
  labels: number;
}

export interface ArchiveTerms {
  keepMs: number;
  bytesMax: number;
}

export interface UpkeepRules {
  projects(): readonly (ArchiveOf & ArchiveTerms)[];
  isHeld(partition: number): boolean;
  judges(project: string): boolean;
  /** Telling of what the quota took. */
  cut(of: ArchiveOf, rows: number): void;
}

/** Merges of one project in one call: others have their turn. */
const MERGES_MAX = 8;

export class ArchiveUpkeep {
  constructor(
    private readonly files: UpkeepFiles,
    private readonly rules: UpkeepRules,
    private readonly clock: Clock,
  ) {}

  async once(): Promise<void> {
    for (const project of this.rules.projects()) {
      await this.merge(project);
      if (this.rules.judges(project.project)) await this.bound(project);
    }
  }

  private async merge(of: ArchiveOf): Promise<void> {
    const today = dayOf(this.clock.nowMs());
    for (let merges = 0; merges < MERGES_MAX; merges++) {
      let merged = false;
      for (const log of byLog(await this.files.list(of))) {
        if (!this.rules.isHeld((log[0] as ArchiveFile).partition)) continue;
        const { kept, superseded } = needed(log);
        for (const file of superseded) await this.files.remove(file);
        const merge = nextMerge(kept, today);
        if (merge === undefined) continue;
        await this.files.merge(merge);
        for (const file of merge) await this.files.remove(file);
        merged = true;
      }
      if (!merged) return;
    }
  }

  private async bound(project: ArchiveOf & ArchiveTerms): Promise<void> {
    const nowMs = this.clock.nowMs();
    const files = [...(await this.files.list(project))].sort((a, b) => a.writtenToMs - b.writtenToMs);
    const old = files.filter(({ writtenToMs }) => writtenToMs < nowMs - project.keepMs);
    for (const file of old) await this.files.remove(file);
    const kept = files.slice(old.length);
    let bytes = kept.reduce((sum, file) => sum + file.bytes, 0);
    const over: ArchiveFile[] = [];
    for (const file of kept) {
      if (bytes <= project.bytesMax) break;
      bytes -= file.bytes;
      over.push(file);
    }
    if (over.length === 0) return;
    const before = await this.files.cut(project);
    const rows = (kind: ArchiveFile['kind']) =>
      over.reduce((sum, file) => sum + (file.kind === kind ? file.rows : 0), before?.[kind] ?? 0);
    // Said first: what is gone is never gone without a word.
    await this.files.setCut(project, {
      throughMs: Math.max(before?.throughMs ?? 0, ...over.map(({ writtenToMs }) => writtenToMs)),
      ...{ predictions: rows('predictions'), labels: rows('labels') },
    });
    for (const file of over) await this.files.remove(file);
    this.rules.cut(
      project,
      over.reduce((sum, file) => sum + file.rows, 0),
    );
  }
}
