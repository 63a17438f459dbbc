// Deletes the model versions that a project's retention does not keep, as the trainer at work: first models.v1 is told
// that they are gone, then their packages go. Between the two it is looked again what was written meanwhile: one that a
// hold or a route names now is announced again, as it was. Who makes a hold looks after it was written whether the
// version is there still, so that of the two at least one sees the other. Killed between the two it leaves packages
// without a version, which the next call removes.

import type { ModelVersion } from '@millrace/contracts';
import { type Clock, type Fate, PlatformError, type RetentionRules } from '@millrace/domain';
import { type ModelUses, modelFates } from './model-retention.js';

export interface ModelCollectorPorts {
  /** Of the project as it is now, oldest first. */
  models(project: string): readonly ModelVersion[];
  /** Those of deleted projects of this name too. */
  allVersions(project: string): ReadonlySet<number>;
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
    await tell([], told);
    await upToNow();
    const { uses, openTraining } = this.ports;
    const isNeeded = ({ version }: ModelVersion) =>
      uses.whyOf(project, version) !== null || openTraining(project) !== null;
    const back = told.filter(isNeeded);
    if (back.length > 0) await tell(back, []);
    const removed = told.filter((version) => !back.includes(version));
    for (const version of removed) {
      reports.removed(version);
      await this.removed(version.packagePath);
    }
    // Whoever is needed now is needed the next time, too.
    return removed.length;
  }

  private gone(project: string): ModelVersion[] {
    return this.fates(project).flatMap(({ item, keptBy }) => (keptBy === null ? [item] : []));
  }

  /** Packages below the newest version's number that no version names: nobody writes them any more. */
  private async removeStray(project: string): Promise<void> {
    const { allVersions, packages } = this.ports;
    const known = allVersions(project);
    const newest = Math.max(0, ...known);
    const found = new Set((await packages(project)).map((path) => Number(path.split('/')[0])));
    for (const version of found)
      if (Number.isInteger(version) && version < newest && !known.has(version))
        await this.removed(`models/${project}/${version}`);
  }

  private async removed(path: string): Promise<void> {
    await this.ports.removePackage(path).catch((thrown: unknown) => {
      this.ports.reports.left(path, PlatformError.from(thrown));
    });
  }
}
