// Deletes the model versions that a project's retention does not keep, as the trainer at work: first models.v1 is told
// that they are gone, then their packages go. Between the two it is looked again what was written meanwhile: one that a
// hold or a route names now is announced again, as it was. Who makes a hold looks after it was written whether the
// version is there still, so that of the two at least one sees the other. Killed between the two it leaves packages of
// versions that are told to be gone, which the next call removes; what is needed by then it announces again, from what
// it wrote down before. A package of which nobody told that it is gone stays: it may be another installation's.

import type { ModelVersion } from '@millrace/contracts';
import { type Clock, type Fate, PlatformError, packageFolder, type RetentionRules } from '@millrace/domain';
import { type ModelUses, modelFates } from './model-retention.js';

export interface ModelCollectorPorts {
  /** Of the project as it is now, oldest first. */
  models(project: string): readonly ModelVersion[];
  /** Those of deleted projects of this name too. */
  allVersions(project: string): ReadonlySet<number>;
  /** Of which models.v1 says that they are gone. */
  goneVersions(project: string): ReadonlySet<number>;
  /** What versions were that are told to be gone, as long as that may be taken back. */
  going: {
    keep(version: ModelVersion): Promise<void>;
    /** null = it was forgotten: its package is no longer whole. */
    read(project: string, version: number): Promise<ModelVersion | null>;
    forget(project: string, version: number): Promise<void>;
  };
  rules(project: string): RetentionRules | undefined;
  openTraining(project: string): string | null;
  uses: ModelUses;
  clock: Clock;
  /** Resolves when everything that was written of models, routes and holds before is known. */
  upToNow(): Promise<void>;
  /** Announces these, and that those are gone, at once. @throws PlatformError where another trainer is at work */
  tell(versions: readonly ModelVersion[], gone: readonly ModelVersion[]): Promise<void>;
  /** Names below the folder of the project's packages. */
  packages(project: string): Promise<readonly string[]>;
  removePackage(path: string): Promise<void>;
  reports: {
    removed(version: ModelVersion): void;
    /** Its package takes room still; the next call tries again. */
    left(path: string, error: PlatformError): void;
  };
}

/** Of one call. */
const REMOVED_MAX = 20;

export class ModelCollector {
  private tail: Promise<unknown> = Promise.resolve();

  constructor(private readonly ports: ModelCollectorPorts) {}

  /** What would become of each version now, oldest first. */
  fates(project: string): Fate<ModelVersion>[] {
    const { models, rules, uses, openTraining, clock } = this.ports;
    return modelFates(models(project), rules(project), uses, openTraining(project), clock.nowMs());
  }

  /** The same by what is written now. */
  async fatesNow(project: string): Promise<Fate<ModelVersion>[]> {
    await this.ports.upToNow();
    return this.fates(project);
  }

  /** Gives how many are gone. One call after the other. */
  collectAll(project: string): Promise<number> {
    const working = this.tail.then(async () => {
      let removed = 0;
      for (let more = await this.collect(project); more > 0; more = await this.collect(project)) removed += more;
      if (this.ports.rules(project) !== undefined) await this.removeStray(project);
      return removed;
    });
    this.tail = working.catch(() => undefined);
    return working;
  }

  private async collect(project: string): Promise<number> {
    const { upToNow, tell, reports } = this.ports;
    if (this.gone(project).length === 0) return 0;
    await upToNow();
    const told = this.gone(project).slice(0, REMOVED_MAX);
    if (told.length === 0) return 0;
    await Promise.all(told.map((version) => this.ports.going.keep(version)));
    await tell([], told);
    await upToNow();
    const back = told.filter(({ version }) => this.isNeeded(project, version));
    if (back.length > 0) await tell(back, []);
    const removed = told.filter((version) => !back.includes(version));
    for (const version of removed) {
      reports.removed(version);
      await this.removed(project, version.version, version.packagePath);
    }
    // Whoever is needed now is needed the next time, too.
    return removed.length;
  }

  private isNeeded(project: string, version: number): boolean {
    const { uses, openTraining } = this.ports;
    return uses.whyOf(project, version) !== null || openTraining(project) !== null;
  }

  private gone(project: string): ModelVersion[] {
    return this.fates(project).flatMap(({ item, keptBy }) => (keptBy === null ? [item] : []));
  }

  /** Packages of versions that are told to be gone; one that is needed is announced again. */
  private async removeStray(project: string): Promise<void> {
    const { allVersions, goneVersions, packages, upToNow, going, tell } = this.ports;
    if (goneVersions(project).size === 0) return;
    const found = new Set((await packages(project)).map((path) => Number(path.split('/')[0])));
    const stray = () => {
      const gone = goneVersions(project);
      const known = allVersions(project);
      return [...found].filter((version) => gone.has(version) && !known.has(version));
    };
    if (stray().length === 0) return;
    await upToNow();
    for (const version of stray()) {
      if (!this.isNeeded(project, version)) await this.removed(project, version, packageFolder(project, version));
      else {
        const was = await going.read(project, version);
        if (was !== null) await tell([was], []);
      }
    }
  }

  private async removed(project: string, version: number, path: string): Promise<void> {
    const { going, removePackage, reports } = this.ports;
    try {
      // First: half a package is not announced again.
      await going.forget(project, version);
      await removePackage(path);
    } catch (thrown) {
      reports.left(path, PlatformError.from(thrown));
    }
  }
}
