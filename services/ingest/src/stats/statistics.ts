// What /v1/stats tells, by project, whichever process is asked: accepted records and labels from progress.v1, imported
// rows and versions from the index, dead letters from their topic.

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
  unlabelledRows: ByAge;
  /** Late labels that were looked for in vain, by the age of the span that they name. */
  waitingLabels: ByAge;
}

/** By how long before the newest closed span theirs ended, in event time. */
export interface ByAge {
  day: number;
  week: number;
  month: number;
  older: number;
}

const DAY_MS = 86_400_000;

interface OfSpan {
  readonly endMs: number;
  readonly count: number;
}

function byAge(spans: readonly OfSpan[], newestMs: number): ByAge {
  const counts: ByAge = { day: 0, week: 0, month: 0, older: 0 };
  for (const { endMs, count } of spans) {
    const days = (newestMs - endMs) / DAY_MS;
    counts[days < 1 ? 'day' : days < 7 ? 'week' : days < 30 ? 'month' : 'older'] += count;
  }
  return counts;
}

const newestOf = (spans: readonly OfSpan[]): number =>
  spans.reduce((end, { endMs }) => Math.max(end, endMs), Number.NEGATIVE_INFINITY);

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

  /** Of the named project alone, or of all. @throws PlatformError 'not_found' */
  byProject(project?: string): Record<string, ProjectStatistics> {
    if (project !== undefined) this.registry.get(project);
    const names = project === undefined ? this.registry.list().map(({ name }) => name) : [project];
    return Object.fromEntries(names.map((name) => [name, this.of(name)]));
  }

  /** Of a project without label none. */
  unlabelledRows(project: string): ByAge {
    const hasLabel = this.registry.find(project)?.project.data.label !== undefined;
    const live = [...(hasLabel ? this.datasetIndex.newestOfRows(project) : [])].filter(({ kind }) => kind === 'live');
    const spans = live.map(({ windowEndMs, rows, labelledRows }) => ({
      ...{ endMs: windowEndMs, count: rows - labelledRows },
    }));
    return byAge(spans, newestOf(spans));
  }

  waitingLabels(project: string): ByAge {
    const spans = this.live.waitingLabels(project);
    return byAge(spans, Math.max(this.datasetIndex.closedThroughMs(project), newestOf(spans)));
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
      waitingLabels: this.waitingLabels(project),
      ...this.live.state(project),
    };
  }
}
