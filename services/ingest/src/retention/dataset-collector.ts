// Deletes the dataset versions that a project's retention does not keep, as the owner of the project: first it is told
// in one fenced write that they are gone, then their files go. Killed between the two it leaves files without a name.

import type { DatasetVersion } from '@millrace/contracts';
import { type Clock, PlatformError } from '@millrace/domain';
import type { DatasetIndex } from '../datasets/dataset-index.js';
import type { RecordSchema } from '../schema/record-schema.js';
import { type DatasetFate, datasetFates } from './dataset-retention.js';
import type { UsedDatasets } from './used-datasets.js';

export interface CollectorPorts {
  index: DatasetIndex;
  used: UsedDatasets;
  clock: Clock;
  /** Of the artifact store: the file of a version, and what stands beside it. */
  removeFiles(version: DatasetVersion): Promise<void>;
  reports: {
    removed(version: DatasetVersion): void;
    /** Its file takes room still. */
    left(version: DatasetVersion, error: PlatformError): void;
  };
}

/** Of one call: others have their turn. */
const REMOVED_MAX = 100;

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
    const { index, removeFiles, reports } = this.ports;
    const gone = this.fates(schema).flatMap(({ version, keptBy }) => (keptBy === null ? [version] : []));
    const now = gone.slice(0, REMOVED_MAX);
    if (now.length === 0) return 0;
    await tell(now);
    for (const version of now) {
      index.remove(version.project, version.id);
      reports.removed(version);
      await removeFiles(version).catch((thrown: unknown) => reports.left(version, PlatformError.from(thrown)));
    }
    return now.length;
  }
}
