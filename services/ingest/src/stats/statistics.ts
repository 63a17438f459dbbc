// What /v1/stats tells, by project, whichever process is asked: accepted records and labels from progress.v1, imported
// rows and versions from the index, dead letters from their topic.

import type { DatasetVersion } from '@millrace/contracts';
import type { DatasetIndex } from '../datasets/dataset-index.js';
import type { Blocked, LiveState, LiveStream } from '../datasets/live-stream.js';
import type { DeadLetterList } from '../deadletters/dead-letter-list.js';
import type { ProjectRegistry } from '../projects/project-registry.js';

export interface ProjectStatistics extends LiveState {
  /** Records accepted from streams; a repeated id is counted until its version closes, for then it is known. */
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
  /** Rows of closed live versions that have no label yet, by the age of their span. */
  unlabelledRows: UnlabelledRows;
}

/** By how long before the newest closed span theirs ended, in event time. */
export interface UnlabelledRows {
  day: number;
  week: number;
  month: number;
  older: number;
}

const DAY_MS = 86_400_000;

function unlabelledRows(versions: Iterable<DatasetVersion>): UnlabelledRows {
  const live = [...versions].filter(({ kind }) => kind === 'live');
  const newestMs = live.reduce((end, { windowEndMs }) => Math.max(end, windowEndMs), Number.NEGATIVE_INFINITY);
  const rows: UnlabelledRows = { day: 0, week: 0, month: 0, older: 0 };
  for (const version of live) {
    const days = (newestMs - version.windowEndMs) / DAY_MS;
    const age = days < 1 ? 'day' : days < 7 ? 'week' : days < 30 ? 'month' : 'older';
    rows[age] += version.rows - version.labelledRows;
  }
  return rows;
}

export class Statistics {
  constructor(
    private readonly registry: ProjectRegistry,
    private readonly datasetIndex: DatasetIndex,
    private readonly letters: DeadLetterList,
    private readonly live: LiveStream,
  ) {}

  /** Why records and labels are not taken in any more; null while they are. */
  get stopped(): Blocked | null {
    return this.live.blocked;
  }

  /** How far each partition was read, by whichever process. */
  get partitions() {
    return this.live.partitions.map(({ partition, holder, records, labels, atMs, stopped }) => ({
      ...{ partition, holder, records, labels, atMs, stopped },
    }));
  }

  byProject(): Record<string, ProjectStatistics> {
    return Object.fromEntries(this.registry.list().map(({ name }) => [name, this.of(name)]));
  }

  /** Of a project without label none. */
  unlabelledRows(project: string): UnlabelledRows {
    const hasLabel = this.registry.find(project)?.project.data.label !== undefined;
    return unlabelledRows(hasLabel ? this.datasetIndex.newestOfRows(project) : []);
  }

  private of(project: string): ProjectStatistics {
    const counted = this.live.counted(project);
    const sums = this.datasetIndex.sums(project);
    const duplicateRecords = counted.duplicates + sums.repeatedRows;
    const recordsAccepted = counted.records - duplicateRecords;
    return {
      recordsAccepted,
      rowsImported: sums.importedRows,
      rowsAccepted: recordsAccepted + sums.importedRows,
      deadLettered: this.letters.count(project),
      labelsAccepted: counted.labels,
      duplicateRecords,
      lateRecords: sums.lateRows,
      datasetVersions: this.datasetIndex.list(project).length,
      liveVersions: sums.liveVersions,
      liveRowsClosed: sums.liveRows,
      liveLabelsJoined: sums.liveLabels,
      unlabelledRows: this.unlabelledRows(project),
      ...this.live.state(project),
    };
  }
}
