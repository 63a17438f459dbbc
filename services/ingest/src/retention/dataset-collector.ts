// Deletes the dataset versions that a project's retention does not keep, as the owner of the project: first it is told
// in one fenced write that they are gone, then their files go. Killed between the two it leaves files without a name.

import type { DatasetVersion } from '@millrace/contracts';
import { type Clock, PlatformError } from '@millrace/domain';
import type { DatasetIndex } from '../datasets/dataset-index.js';
import type { RecordSchema } from '../schema/record-schema.js';
import { type DatasetFate, datasetFates } from './dataset-retention.js';
import type { UnnamedFiles } from './unnamed-files.js';
import type { UsedDatasets } from './used-datasets.js';

export interface CollectorPorts {
  index: DatasetIndex;
  used: UsedDatasets;
  clock: Clock;
  /** Resolves when everything that was written of models, routes, trainings before is in `used`. */
  upToNow(): Promise<void>;
  unnamed: UnnamedFiles;
  removeFile(path: string): Promise<void>;
  /** Of the artifact store: the file of a version, and what stands beside it. */
  removeFiles(version: DatasetVersion): Promise<void>;
  reports: {
    removed(version: DatasetVersion): void;
    /** Files that no version named. */
    swept(project: string, paths: readonly string[]): void;
    /** Its file takes room still. */
    left(version: DatasetVersion, error: PlatformError): void;
  };
}

/** Of one call: closes wait for it, some tenths of a second where the store is a bucket. */
const REMOVED_MAX = 20;

export class DatasetCollector {
  constructor(private readonly ports: CollectorPorts) {}

  /** What would become of each version now, oldest first. */
  fates({ project: { name, retention } }: RecordSchema): DatasetFate[] {
    const { index, used, clock } = this.ports;
    return datasetFates(index.list(name), retention.datasets, used.neededOf(name), clock.nowMs());
  }

  /** `tell`: that these are gone. Gives how many; to be called again while it gives any. */
  async collect(schema: RecordSchema, tell: (gone: readonly DatasetVersion[]) => Promise<void>): Promise<number> {
    if (schema.project.retention.datasets === undefined) return 0;
    const { index, removeFiles, reports, upToNow } = this.ports;
    if (this.gone(schema).length === 0) return 0;
    // What was blessed, routed or begun meanwhile may need it.
    await upToNow();
    const now = this.gone(schema).slice(0, REMOVED_MAX);
    if (now.length === 0) return 0;
    await tell(now);
    for (const version of now) {
      index.remove(version.project, version.id);
      reports.removed(version);
    }
    await Promise.all(
      now.map((version) =>
        removeFiles(version).catch((thrown: unknown) => reports.left(version, PlatformError.from(thrown))),
      ),
    );
    return now.length;
  }

  /** Version files that no version names, and did not an hour ago. */
  unnamed(project: string): Promise<string[]> {
    return this.ports.unnamed.ripe(project);
  }

  /** Removes those of these that are still not named; `tell`: that whoever says so owns the project. */
  async sweep(project: string, paths: readonly string[], tell: () => Promise<void>): Promise<number> {
    const { unnamed, upToNow, removeFile, reports } = this.ports;
    await upToNow();
    const stray = unnamed.unnamed(project, paths);
    if (stray.length === 0) return 0;
    await tell();
    await Promise.all(stray.map((path) => removeFile(path).catch(() => undefined))); // seen again, an hour later
    reports.swept(project, stray);
    return stray.length;
  }

  /** What a hold names and nothing is there of; null = it keeps something. */
  async missing(project: string, { dataset, model }: { dataset: string; model: number }): Promise<string | null> {
    const { index, used, upToNow } = this.ports;
    if (dataset !== '')
      return index.find(project, dataset) === null ? `'${project}' has no dataset version ${dataset}` : null;
    if (model === 0) return null;
    await upToNow();
    return used.trainedOn(project, model) === null ? `'${project}' has no model version ${model}` : null;
  }

  private gone(schema: RecordSchema): DatasetVersion[] {
    return this.fates(schema).flatMap(({ version, keptBy }) => (keptBy === null ? [version] : []));
  }
}
