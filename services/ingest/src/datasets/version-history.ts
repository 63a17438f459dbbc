// Which record ids closed live versions hold: exact, so that a row that is read again (after a crash) or sent again (by
// a client that retries) is not counted twice. Ids are loaded from the version's Parquet file when first asked for; the
// `versionsMax` most recently used sets stay in memory.

import type { DatasetVersion } from '@millrace/contracts';
import type { DatasetIndex } from './dataset-index.js';
import type { VersionTables } from './version-table.js';

export class VersionHistory {
  private readonly ids = new Map<string, ReadonlySet<string>>();

  constructor(
    private readonly datasetIndex: DatasetIndex,
    private readonly tables: Pick<VersionTables, 'recordIds'>,
    private readonly versionsMax: number,
  ) {}

  async holds(project: string, recordId: string, eventTimeMs: number): Promise<boolean> {
    for (const version of this.datasetIndex.liveVersionsAt(project, eventTimeMs)) {
      if ((await this.idsOf(version)).has(recordId)) return true;
    }
    return false;
  }

  remember(version: DatasetVersion, ids: ReadonlySet<string>): void {
    const key = `${version.project}/${version.id}`;
    this.ids.delete(key);
    this.ids.set(key, ids);
    if (this.ids.size > this.versionsMax) this.ids.delete(this.ids.keys().next().value as string);
  }

  private async idsOf(version: DatasetVersion): Promise<ReadonlySet<string>> {
    const ids = this.ids.get(`${version.project}/${version.id}`) ?? (await this.tables.recordIds(version));
    this.remember(version, ids);
    return ids;
  }
}
