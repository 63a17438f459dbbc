// What becomes of files of the archive: the judge of a project takes away what is older than the project keeps, then
// the oldest where they take more than its quota, and says so beside them; the holder of a partition number merges
// those of the number and takes away what a merged one holds. Pure but for awaiting its ports. What fails is tried
// again later and keeps nothing else waiting: what has to go goes first, and each project and log for itself. What a
// legal hold names stays, whatever its age and the quota.

import type { Clock } from '@millrace/domain';
import { type ArchiveFile, type ArchiveOf, byLog, dayOf, needed, nextMerge, pathOf } from './archive-file.js';

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
  /** Resolves when every hold is known that was made before this call. */
  holdsKnown(): Promise<void>;
  /** What was written since this time stays; undefined: nothing is held. */
  heldFromMs(project: string): number | undefined;
  /** Telling of what the quota took. */
  cut(of: ArchiveOf, rows: number): void;
  /** `files`: paths of those that were to become one. */
  failed(of: ArchiveOf, files: readonly string[], error: unknown): void;
}

/** Merges of one project in one call: others have their turn. */
const MERGES_MAX = 8;
/** Files that could not be merged stay apart for so long. */
const APART_MS = 600_000;

export class ArchiveUpkeep {
  /** By path, of files that could not be merged. */
  private readonly apartUntilMs = new Map<string, number>();
  /** By project's life: the newest that was written, and since when this process knows of it. */
  private readonly newest = new Map<string, { writtenToMs: number; sinceMs: number }>();

  constructor(
    private readonly files: UpkeepFiles,
    private readonly rules: UpkeepRules,
    private readonly clock: Clock,
  ) {}

  async once(): Promise<void> {
    const nowMs = this.clock.monotonicMs();
    for (const [path, untilMs] of this.apartUntilMs) if (untilMs <= nowMs) this.apartUntilMs.delete(path);
    const projects = this.rules.projects();
    const lives = new Set(projects.map(lifeOf));
    for (const life of this.newest.keys()) if (!lives.has(life)) this.newest.delete(life);
    for (const project of projects)
      if (this.rules.judges(project.project)) await this.tried(project, () => this.bound(project));
    for (const project of projects) await this.tried(project, () => this.merge(project));
  }

  private async tried(of: ArchiveOf, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.rules.failed(of, [], error);
    }
  }

  private async merge(of: ArchiveOf): Promise<void> {
    const today = dayOf(this.clock.nowMs());
    for (let merges = 0; merges < MERGES_MAX; merges++) {
      let merged = false;
      for (const log of byLog(await this.files.list(of)))
        if (this.rules.isHeld((log[0] as ArchiveFile).partition)) merged = (await this.mergeLog(log, today)) || merged;
      if (!merged) return;
    }
  }

  private async mergeLog(log: readonly ArchiveFile[], today: string): Promise<boolean> {
    const { kept, superseded } = needed(log);
    let merge: ArchiveFile[] | undefined;
    try {
      for (const file of superseded) await this.files.remove(file);
      for (const run of this.runs(kept)) merge ??= nextMerge(run, today);
      if (merge === undefined) return false;
      await this.files.merge(merge);
      for (const file of merge) await this.files.remove(file);
      return true;
    } catch (error) {
      const paths = merge?.map(pathOf) ?? [];
      for (const path of paths) this.apartUntilMs.set(path, this.clock.monotonicMs() + APART_MS);
      this.rules.failed(log[0] as ArchiveFile, paths, error);
      return false;
    }
  }

  /** Neighbours among which none is to stay apart: a merged file must not reach over one that it does not hold. */
  private runs(kept: readonly ArchiveFile[]): ArchiveFile[][] {
    const runs: ArchiveFile[][] = [[]];
    for (const file of kept)
      if (this.apartUntilMs.has(pathOf(file))) runs.push([]);
      else runs.at(-1)?.push(file);
    return runs;
  }

  private async bound(project: ArchiveOf & ArchiveTerms): Promise<void> {
    const logs = byLog(await this.files.list(project)).map(needed);
    const files = logs.flatMap(({ kept }) => kept).sort((a, b) => a.writtenToMs - b.writtenToMs);
    const beforeMs = this.ageFromMs(project, files) - project.keepMs;
    if (goingOf(files, beforeMs, project.bytesMax, undefined).length === 0) return;
    await this.rules.holdsKnown();
    const going = goingOf(files, beforeMs, project.bytesMax, this.rules.heldFromMs(project.project));
    if (going.length === 0) return;
    const old = going.filter(({ writtenToMs }) => writtenToMs < beforeMs);
    const over = going.filter(({ writtenToMs }) => writtenToMs >= beforeMs);
    // Before the files that take their place: else their rows were there again.
    for (const { superseded } of logs) for (const file of superseded) await this.files.remove(file);
    await this.removed(old);
    if (over.length === 0) return;
    const before = await this.files.cut(project);
    const rows = (kind: ArchiveFile['kind']) =>
      over.reduce((sum, file) => sum + (file.kind === kind ? file.rows : 0), before?.[kind] ?? 0);
    // Said first: what is gone is never gone without a word.
    await this.files.setCut(project, {
      throughMs: Math.max(before?.throughMs ?? 0, ...over.map(({ writtenToMs }) => writtenToMs)),
      ...{ predictions: rows('predictions'), labels: rows('labels') },
    });
    const gone = await this.removed(over);
    this.rules.cut(
      project,
      gone.reduce((sum, file) => sum + file.rows, 0),
    );
  }

  /** Gives those that went: a hold may be read while others go. */
  private async removed(files: readonly ArchiveFile[]): Promise<ArchiveFile[]> {
    const gone: ArchiveFile[] = [];
    for (const file of files) {
      if (file.writtenToMs >= (this.rules.heldFromMs(file.project) ?? Number.POSITIVE_INFINITY)) continue;
      await this.files.remove(file);
      gone.push(file);
    }
    return gone;
  }

  /**
   * Age counts from now, but from no later than the newest message and the time that passed since this process knows
   * of it: a clock that jumps ahead takes nothing away.
   */
  private ageFromMs(of: ArchiveOf, files: readonly ArchiveFile[]): number {
    const writtenToMs = files.at(-1)?.writtenToMs ?? Number.NEGATIVE_INFINITY;
    const nowMs = this.clock.monotonicMs();
    const known = this.newest.get(lifeOf(of));
    const since = known?.writtenToMs === writtenToMs ? known : { writtenToMs, sinceMs: nowMs };
    this.newest.set(lifeOf(of), since);
    return Math.min(this.clock.nowMs(), writtenToMs + nowMs - since.sinceMs);
  }
}

/**
 * Of files by age: those that are older than is kept, then the oldest while all take more than the quota; none that is
 * held.
 */
function goingOf(
  files: readonly ArchiveFile[],
  beforeMs: number,
  bytesMax: number,
  heldFromMs: number | undefined,
): ArchiveFile[] {
  let bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  return files.filter((file) => {
    if (file.writtenToMs >= (heldFromMs ?? Number.POSITIVE_INFINITY)) return false;
    if (file.writtenToMs >= beforeMs && bytes <= bytesMax) return false;
    bytes -= file.bytes;
    return true;
  });
}

const lifeOf = ({ project, createdAtMs }: ArchiveOf): string => `${project}/${createdAtMs}`;
