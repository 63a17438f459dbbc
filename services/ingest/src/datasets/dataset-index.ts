// All announced dataset versions by project, as datasets.v1 tells them. The owner of a project alone adds to its
// versions, so the next ordinal and the parent are read here without a race. Look-ups: as ProjectVersions says; by
// event time O(versions that hold each row once).
// Versions that closed before their project was created belong to a deleted one of its name: nobody is told of them.

import type { DatasetVersion } from '@millrace/contracts';
import { ProjectVersions, type VersionSums } from './project-versions.js';

/** Spans of event time of one length, by their starts. */
export interface Spans {
  /** In rising order. */
  readonly startsMs: readonly number[];
  readonly spanMs: number;
}

export interface VersionPage {
  readonly versions: readonly DatasetVersion[];
  readonly total: number;
  readonly before: number | null;
}

/** Paths of versions that are remembered by project, whatever became of them. */
const PATHS_MAX = 100_000;

export class DatasetIndex {
  private readonly projects = new Map<string, ProjectVersions>();
  private readonly paths = new Map<string, Set<string>>();

  constructor(private readonly createdAtMs: (project: string) => number | undefined) {}

  add(version: DatasetVersion): void {
    this.of(version.project).add(version);
    const paths = this.paths.get(version.project) ?? new Set<string>();
    this.paths.set(version.project, paths.add(version.parquetPath));
    const [oldest = ''] = paths;
    if (paths.size > PATHS_MAX) paths.delete(oldest);
  }

  /** It was deleted: nobody is told of it any more. */
  remove(project: string, id: string): void {
    this.projects.get(project)?.remove(id);
  }

  find(project: string, id: string): DatasetVersion | null {
    return this.projects.get(project)?.find(id) ?? null;
  }

  /** Oldest first. */
  list(project: string): readonly DatasetVersion[] {
    return this.of(project).list;
  }

  /** The newest of those before this ordinal, oldest first; `before`: where older ones follow, null = none. */
  page(project: string, limit: number, before = Number.POSITIVE_INFINITY): VersionPage {
    const all = this.of(project).list;
    let end = all.length;
    if (before < (all.at(-1)?.ordinal ?? 0) + 1) {
      let from = 0;
      while (from < end) {
        const middle = (from + end) >> 1;
        if ((all[middle] as DatasetVersion).ordinal < before) from = middle + 1;
        else end = middle;
      }
    }
    const versions = all.slice(Math.max(0, end - limit), end);
    return { versions, total: all.length, before: end > limit ? (versions[0]?.ordinal ?? null) : null };
  }

  /** Those of deleted projects of this name, too; in no order. */
  announced(project: string): DatasetVersion[] {
    return this.of(project).all;
  }

  /** Files that versions have, or had: those of which datasets.v1 told, as far as it is remembered. */
  pathsTold(project: string): ReadonlySet<string> {
    return this.paths.get(project) ?? new Set();
  }

  newest(project: string): DatasetVersion | null {
    return this.of(project).newest;
  }

  /** End of the newest closed span of the live stream; -Infinity when there is none. */
  closedThroughMs(project: string): number {
    return this.of(project).closedThroughMs;
  }

  /** Versions with rows in one of the spans, each row in one of them; oldest first. */
  versionsOver(project: string, kind: DatasetVersion['kind'], spans: Spans | 'any time'): DatasetVersion[] {
    const found = [...this.of(project).newestOfRows].filter(
      (version) => version.kind === kind && (spans === 'any time' || isOver(version, spans)),
    );
    return found.sort((a, b) => a.ordinal - b.ordinal);
  }

  /** Of versions that hold each row once. */
  newestOfRows(project: string): Iterable<DatasetVersion> {
    return this.of(project).newestOfRows;
  }

  sums(project: string): VersionSums {
    return this.of(project).sums;
  }

  private of(project: string): ProjectVersions {
    let versions = this.projects.get(project);
    if (versions === undefined) {
      versions = new ProjectVersions(() => this.createdAtMs(project) ?? 0);
      this.projects.set(project, versions);
    }
    return versions;
  }
}

/** By the first span that ends after the version's first row. */
function isOver({ eventTimeFromMs, eventTimeToMs }: DatasetVersion, { startsMs, spanMs }: Spans): boolean {
  let from = 0;
  let to = startsMs.length;
  while (from < to) {
    const middle = (from + to) >> 1;
    if ((startsMs[middle] as number) + spanMs > eventTimeFromMs) to = middle;
    else from = middle + 1;
  }
  const startMs = startsMs[from];
  return startMs !== undefined && startMs <= eventTimeToMs;
}
