// All announced dataset versions by project, as datasets.v1 tells them. One process adds to it (the versioner), so the
// next ordinal and the parent are read here without a race. Lookups of one id are O(1), by event time O(versions).
// Versions that closed before their project was created belong to a deleted one of its name: nobody is told of them.

import type { DatasetVersion } from '@millrace/contracts';
import { newestVersions } from '@millrace/domain';

export class DatasetIndex {
  private readonly projects = new Map<string, Map<string, DatasetVersion>>();
  private readonly awaited = new Map<string, (() => void)[]>();

  constructor(private readonly createdAtMs: (project: string) => number | undefined) {}

  /** The same id again is the same rows: only one that closed later, for another project, is news. */
  add(version: DatasetVersion): void {
    let versions = this.projects.get(version.project);
    if (versions === undefined) {
      versions = new Map();
      this.projects.set(version.project, versions);
    }
    const known = versions.get(version.id);
    if (known === undefined || version.closedAtMs > known.closedAtMs) versions.set(version.id, version);
    const key = `${version.project}/${version.id}`;
    for (const tell of this.awaited.get(key) ?? []) tell();
    this.awaited.delete(key);
  }

  /** Resolves when there is a version with this id. */
  async known(project: string, id: string): Promise<DatasetVersion> {
    for (;;) {
      const found = this.find(project, id);
      if (found !== null) return found;
      const key = `${project}/${id}`;
      await new Promise<void>((resolve) => this.awaited.set(key, [...(this.awaited.get(key) ?? []), resolve]));
    }
  }

  find(project: string, id: string): DatasetVersion | null {
    const found = this.projects.get(project)?.get(id);
    return found === undefined || !this.isOf(project, found) ? null : found;
  }

  /** Oldest first. */
  list(project: string): DatasetVersion[] {
    return [...this.of(project)].sort((a, b) => a.ordinal - b.ordinal);
  }

  newest(project: string): DatasetVersion | null {
    let newest: DatasetVersion | null = null;
    for (const version of this.of(project)) {
      if (newest === null || version.ordinal > newest.ordinal) newest = version;
    }
    return newest;
  }

  /** End of the newest closed span of the live stream; -Infinity when there is none. */
  closedThroughMs(project: string): number {
    let end = Number.NEGATIVE_INFINITY;
    for (const version of this.of(project)) {
      if (version.kind === 'live') end = Math.max(end, version.windowEndMs);
    }
    return end;
  }

  /** The version of a span of the live stream; another span may begin at the same time where `versionEvery` changed. */
  liveVersionOf(project: string, windowStartMs: number, windowEndMs: number): DatasetVersion | null {
    for (const version of this.of(project)) {
      if (version.kind !== 'live' || version.windowStartMs !== windowStartMs) continue;
      if (version.windowEndMs === windowEndMs) return version;
    }
    return null;
  }

  /** Live versions with rows in one of the spans that start then: where a row of that time can be. */
  liveVersionsOver(project: string, spanStartsMs: readonly number[], spanMs: number): DatasetVersion[] {
    return newestVersions([...this.of(project)]).filter(
      ({ kind, eventTimeFromMs, eventTimeToMs }) =>
        kind === 'live' &&
        spanStartsMs.some((startMs) => eventTimeFromMs < startMs + spanMs && startMs <= eventTimeToMs),
    );
  }

  importedRows(project: string): number {
    let rows = 0;
    for (const version of this.of(project)) if (version.kind === 'import') rows += version.rows;
    return rows;
  }

  private *of(project: string): Iterable<DatasetVersion> {
    for (const version of this.projects.get(project)?.values() ?? []) if (this.isOf(project, version)) yield version;
  }

  private isOf(project: string, { closedAtMs }: DatasetVersion): boolean {
    return closedAtMs >= (this.createdAtMs(project) ?? 0);
  }
}
