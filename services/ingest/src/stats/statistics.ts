// What /v1/stats tells, by project. Everything survives a restart: accepted records and labels from the stored
// counters, imported rows and versions from the index, dead letters from their topic.

import type { Counters } from '../datasets/counters.js';
import type { DatasetIndex } from '../datasets/dataset-index.js';
import type { LiveStream } from '../datasets/live-stream.js';
import type { DeadLetterList } from '../deadletters/dead-letter-list.js';
import type { ProjectRegistry } from '../projects/project-registry.js';

export interface ProjectStatistics {
  /** Records accepted from streams, repeated ids not counted. */
  recordsAccepted: number;
  /** Rows in dataset versions of bulk loads. */
  rowsImported: number;
  rowsAccepted: number;
  deadLettered: number;
  labelsAccepted: number;
  duplicateRecords: number;
  lateRecords: number;
  datasetVersions: number;
  liveVersions: number;
  /** Rows in closed live versions. */
  liveRowsClosed: number;
  liveLabelsJoined: number;
  openRows: number;
  /** Open rows that have their label. */
  openLabelledRows: number;
  unmatchedLabels: number;
  /** Event time up to which the stream is taken to be complete; null = unknown. */
  watermarkMs: number | null;
}

export class Statistics {
  constructor(
    private readonly registry: ProjectRegistry,
    private readonly counters: Counters,
    private readonly datasetIndex: DatasetIndex,
    private readonly letters: DeadLetterList,
    private readonly live: LiveStream,
  ) {}

  byProject(): Record<string, ProjectStatistics> {
    return Object.fromEntries(this.registry.list().map(({ name }) => [name, this.of(name)]));
  }

  private of(project: string): ProjectStatistics {
    const counted = this.counters.of(project);
    const versions = this.datasetIndex.list(project);
    const live = versions.filter((version) => version.kind === 'live');
    const recordsAccepted = counted.records - counted.duplicates;
    const rowsImported = this.datasetIndex.importedRows(project);
    return {
      recordsAccepted,
      rowsImported,
      rowsAccepted: recordsAccepted + rowsImported,
      deadLettered: this.letters.count(project),
      labelsAccepted: counted.labels,
      duplicateRecords: counted.duplicates,
      lateRecords: counted.late,
      datasetVersions: versions.length,
      liveVersions: live.length,
      liveRowsClosed: live.reduce((sum, version) => sum + version.rows, 0),
      liveLabelsJoined: live.reduce((sum, version) => sum + version.labelledRows, 0),
      ...this.live.state(project),
    };
  }
}
