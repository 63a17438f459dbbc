// millrace.version.good: 1 or 0 for each version that serving holds of each project that this process judges. A
// version of which nothing is known has no series: a rule that asks for 1 is not met by it, and one that asks for 0
// neither.

import { PROJECTS_MAX } from '@millrace/domain';
import { type GoodSources, goodOf } from './known-of-version.js';
import { VALUES } from './version-good.js';

export interface VersionGauge {
  set(value: number, labels: { project: string; version: number }): void;
  remove(labels: { project: string; version: number }): void;
}

export class GoodGauge {
  /** What has a series: project to versions. */
  private shown = new Map<string, ReadonlySet<number>>();

  constructor(
    private readonly sources: GoodSources,
    private readonly gauge: VersionGauge,
    /** Projects that this process judges: each is told by one process. */
    private readonly judged: () => readonly string[],
  ) {}

  /** Called every few seconds. */
  refresh(nowMs: number): void {
    const shown = new Map<string, ReadonlySet<number>>();
    for (const project of this.judged().slice(0, PROJECTS_MAX)) {
      const known = new Set<number>();
      for (const version of this.sources.metadata.route(project)?.loadedVersions ?? []) {
        const verdict = this.verdictOf(project, version, nowMs);
        if (verdict === 'unknown') continue;
        known.add(version);
        this.gauge.set(VALUES[verdict], { project, version });
      }
      shown.set(project, known);
    }
    for (const [project, versions] of this.shown)
      for (const version of versions)
        if (shown.get(project)?.has(version) !== true) this.gauge.remove({ project, version });
    this.shown = shown;
  }

  private verdictOf(project: string, version: number, nowMs: number) {
    try {
      return goodOf(this.sources, { project, version, nowMs }).verdict;
    } catch {
      // A route names what is not announced yet, or no more: nothing is known of it.
      return 'unknown';
    }
  }
}
