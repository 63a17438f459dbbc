// The announced versions of one project, with what is asked of them again and again kept beside: the newest one, those
// that hold each row once, how far spans have closed, sums for the statistics. Adding one that is newer than all others
// is O(1), and so is each answer but those that give a list; another change reads all of them once, when next asked.
// Memory: the versions themselves, and an entry for each.

import type { DatasetVersion } from '@millrace/contracts';
import { rowsOrdinalOf } from '@millrace/domain';

/** Over versions that hold each row once. */
export interface VersionSums {
  readonly liveVersions: number;
  readonly liveRows: number;
  readonly liveLabels: number;
  readonly lateRows: number;
  readonly repeatedRows: number;
  readonly importedRows: number;
}

interface View {
  readonly createdAtMs: number;
  /** Oldest first. */
  readonly list: DatasetVersion[];
  readonly newestOfRows: Map<number, DatasetVersion>;
  closedThroughMs: number;
  sums: VersionSums;
}

const NOTHING: VersionSums = {
  ...{ liveVersions: 0, liveRows: 0, liveLabels: 0, lateRows: 0, repeatedRows: 0, importedRows: 0 },
};

export class ProjectVersions {
  private readonly byId = new Map<string, DatasetVersion>();
  private view: View | null = null;

  /** `createdAtMs`: versions that closed before belong to a deleted project of this name. */
  constructor(private readonly createdAtMs: () => number) {}

  /** The same id again is the same rows: only one that closed later, for another project, is news. */
  add(version: DatasetVersion): void {
    const known = this.byId.get(version.id);
    if (known !== undefined && version.closedAtMs <= known.closedAtMs) return;
    this.byId.set(version.id, version);
    const { view } = this;
    if (view === null) return;
    const isNext = known === undefined && version.ordinal > (view.list.at(-1)?.ordinal ?? 0);
    if (isNext && view.createdAtMs === this.createdAtMs() && version.closedAtMs >= view.createdAtMs) put(view, version);
    else this.view = null;
  }

  remove(id: string): void {
    if (this.byId.delete(id)) this.view = null;
  }

  find(id: string): DatasetVersion | null {
    const found = this.byId.get(id);
    return found === undefined || found.closedAtMs < this.createdAtMs() ? null : found;
  }

  /** Those of deleted projects, too. */
  get all(): DatasetVersion[] {
    return [...this.byId.values()];
  }

  /** Oldest first. */
  get list(): readonly DatasetVersion[] {
    return this.current.list;
  }

  /** That hold each row once, in no order. */
  get newestOfRows(): Iterable<DatasetVersion> {
    return this.current.newestOfRows.values();
  }

  get newest(): DatasetVersion | null {
    return this.current.list.at(-1) ?? null;
  }

  /** End of the newest closed span of the live stream; -Infinity when there is none. */
  get closedThroughMs(): number {
    return this.current.closedThroughMs;
  }

  get sums(): VersionSums {
    return this.current.sums;
  }

  private get current(): View {
    const createdAtMs = this.createdAtMs();
    if (this.view?.createdAtMs === createdAtMs) return this.view;
    const view: View = {
      ...{ createdAtMs, list: [], newestOfRows: new Map(), closedThroughMs: Number.NEGATIVE_INFINITY, sums: NOTHING },
    };
    const own = [...this.byId.values()].filter(({ closedAtMs }) => closedAtMs >= createdAtMs);
    for (const version of own.sort((a, b) => a.ordinal - b.ordinal)) put(view, version);
    this.view = view;
    return view;
  }
}

/** One that is newer than all that are there. */
function put(view: View, version: DatasetVersion): void {
  const rows = rowsOrdinalOf(version);
  const before = view.newestOfRows.get(rows);
  view.list.push(version);
  view.newestOfRows.set(rows, version);
  if (version.kind === 'live') view.closedThroughMs = Math.max(view.closedThroughMs, version.windowEndMs);
  view.sums = plus(before === undefined ? view.sums : plus(view.sums, before, -1), version, 1);
}

function plus(sums: VersionSums, version: DatasetVersion, sign: 1 | -1): VersionSums {
  if (version.kind === 'import') return { ...sums, importedRows: sums.importedRows + sign * version.rows };
  return {
    ...sums,
    liveVersions: sums.liveVersions + sign,
    liveRows: sums.liveRows + sign * version.rows,
    liveLabels: sums.liveLabels + sign * version.labelledRows,
    lateRows: sums.lateRows + sign * version.lateRows,
    repeatedRows: sums.repeatedRows + sign * version.repeatedRows,
  };
}
