// What progress.v1 says, on every ingest process: how far each partition was read, which segments hold rows and labels
// of no closed version, and what the projects' owners have closed. One entry for each key; the reader of the topic puts
// them in, and whoever holds a partition number puts its own in as soon as they are written. Memory: an entry for each
// project, partition, kind and open span.

import type {
  ClosingProgress,
  HoldProgress,
  ImportEndProgress,
  OpenSpanProgress,
  Progress,
  ProjectReading,
  ReadingProgress,
} from '@millrace/contracts';
import { type ProgressEntry, progressKey } from './progress-entry.js';
import { filesOfSpan, OF_OWNER, type SegmentFile, type SegmentOwner, sameOwner } from './segment.js';

interface ProjectEntries {
  readonly readings: Map<string, ProjectReading>;
  readonly spans: Map<string, OpenSpanProgress>;
  closing: ClosingProgress | null;
  /** Of all changes, the last one of this project. */
  changedAt: number;
  /** What follows from the entries, made anew after a change. */
  files: { owner: SegmentOwner; files: readonly SegmentFile[] } | null;
}

interface PartitionEntries {
  readonly readings: Map<string, ProjectReading>;
  readonly spans: Map<string, OpenSpanProgress>;
}

/** Next offsets by partition number. */
export type Ends = ReadonlyMap<number, { readonly records: number; readonly labels: number }>;

export class OpenSpans {
  private readonly readings = new Map<number, ReadingProgress>();
  private readonly projects = new Map<string, ProjectEntries>();
  /** By partition and key, what is in `projects` too. */
  private readonly byPartition = new Map<number, PartitionEntries>();
  private readonly importEnds = new Map<string, ImportEndProgress>();
  private readonly holds = new Map<string, HoldProgress>();
  private readonly listeners = new Set<() => void>();

  /** How often anything changed. */
  changes = 0;
  /** Of everything that is listed. */
  bytes = 0;

  put(entry: ProgressEntry): void {
    this.changes += 1;
    if (entry.kind === 'gone') this.remove(entry.key);
    else this.set(entry);
    for (const listener of [...this.listeners]) listener();
  }

  /**
   * Resolves with the first answer that is not undefined: now, or after a change; with undefined when the time, in
   * milliseconds, is over.
   */
  until<T>(find: () => T | undefined, withinMs = Number.POSITIVE_INFINITY): Promise<T | undefined> {
    return new Promise((resolve) => {
      const found = find();
      if (found !== undefined) {
        resolve(found);
        return;
      }
      const end = (value: T | undefined) => {
        clearTimeout(timer);
        this.listeners.delete(look);
        resolve(value);
      };
      const look = () => {
        const later = find();
        if (later !== undefined) end(later);
      };
      const timer = Number.isFinite(withinMs) ? setTimeout(() => end(undefined), withinMs) : undefined;
      this.listeners.add(look);
    });
  }

  reading(partition: number): ReadingProgress | null {
    return this.readings.get(partition) ?? null;
  }

  allReadings(): ReadingProgress[] {
    return [...this.readings.values()].sort((a, b) => a.partition - b.partition);
  }

  /** Partitions that were not read up to these ends; those that are stopped for want of room are not waited for. */
  behind(ends: Ends): number[] {
    return [...ends].flatMap(([partition, { records, labels }]) => {
      const reading = this.readings.get(partition);
      if (reading?.stopped) return [];
      // Counted is what was read, bad messages too, whose dead letters hold the position back until the next batch.
      const { records: read = 0, labels: labelsRead = 0, countedRecords = 0, countedLabels = 0 } = reading ?? {};
      const isBehind = Math.max(read, countedRecords) < records || Math.max(labelsRead, countedLabels) < labels;
      return isBehind ? [partition] : [];
    });
  }

  /** Another one where anything was read on. */
  readText(): string {
    return this.allReadings()
      .map(({ partition, countedRecords, countedLabels }) => `${partition}:${countedRecords}:${countedLabels}`)
      .join();
  }

  /** The number of the last change of a project; 0 = nothing is known of it. */
  changedAt(project: string): number {
    return this.projects.get(project)?.changedAt ?? 0;
  }

  names(): string[] {
    return [...this.projects.keys()];
  }

  /** Of a project, by partition. */
  readingsOf(owner: SegmentOwner): ProjectReading[] {
    return [...(this.projects.get(owner.project)?.readings.values() ?? [])].filter((each) => sameOwner(each, owner));
  }

  readingOf(owner: SegmentOwner, partition: number): ProjectReading | null {
    return this.readingsOf(owner).find((each) => each.partition === partition) ?? null;
  }

  /** Of a partition number, of whatever project. */
  readingsIn(partition: number): ProjectReading[] {
    return [...(this.byPartition.get(partition)?.readings.values() ?? [])];
  }

  closing(owner: SegmentOwner): ClosingProgress | null {
    const closing = this.projects.get(owner.project)?.closing ?? null;
    return closing !== null && sameOwner(closing, owner) ? closing : null;
  }

  /** Everything whose rows are in no announced version. */
  files(owner: SegmentOwner): readonly SegmentFile[] {
    const entries = this.projects.get(owner.project);
    if (entries === undefined) return [];
    if (entries.files === null || !sameOwner(entries.files.owner, owner)) {
      const consumed = new Set(this.closing(owner)?.consumed);
      const files = [...entries.spans.values()]
        .filter((span) => sameOwner(span, owner))
        .flatMap(filesOfSpan)
        .filter((file) => !isConsumed(file, consumed));
      entries.files = { owner, files };
    }
    return entries.files.files;
  }

  /** What is listed of a partition number, of whatever project. */
  spansOf(partition: number): OpenSpanProgress[] {
    return [...(this.byPartition.get(partition)?.spans.values() ?? [])];
  }

  spansIn(project: string): OpenSpanProgress[] {
    return [...(this.projects.get(project)?.spans.values() ?? [])];
  }

  spanAt(key: string, project: string): OpenSpanProgress | null {
    return this.projects.get(project)?.spans.get(key) ?? null;
  }

  /** What the owners of projects that had this name, and were created at another time, have left. */
  leftBehind(project: string, createdAtMs: number | undefined): (ClosingProgress | OpenSpanProgress)[] {
    const { closing = null, spans = new Map<string, OpenSpanProgress>() } = this.projects.get(project) ?? {};
    const own = [...spans.values()].filter(({ partition }) => partition === OF_OWNER);
    return [...(closing === null ? [] : [closing]), ...own].filter((each) => each.createdAtMs !== createdAtMs);
  }

  /** Of a project of this name, deleted ones too; those that were removed as well. Oldest first. */
  holdsOf(project: string): HoldProgress[] {
    return [...this.holds.values()].filter((hold) => hold.project === project).sort((a, b) => a.atMs - b.atMs);
  }

  importEnd(importId: string): ImportEndProgress | undefined {
    return this.importEnds.get(importId);
  }

  /** Oldest first. */
  importsEnded(): ImportEndProgress[] {
    return [...this.importEnds.values()];
  }

  private set(progress: Progress): void {
    const key = progressKey(progress);
    switch (progress.kind) {
      case 'reading':
        this.readings.set(progress.partition, progress);
        return;
      case 'importEnd':
        this.importEnds.delete(progress.importId);
        this.importEnds.set(progress.importId, progress);
        return;
      case 'hold':
        this.holds.set(key, progress);
        return;
      case 'project':
        this.changed(progress.project).readings.set(key, progress);
        this.partitionOf(progress.partition).readings.set(key, progress);
        return;
      case 'span': {
        const { spans } = this.changed(progress.project);
        this.bytes += bytesOf(progress) - bytesOf(spans.get(key));
        spans.set(key, progress);
        this.partitionOf(progress.partition).spans.set(key, progress);
        break;
      }
      case 'closing':
        this.changed(progress.project).closing = progress;
        break;
    }
    this.entriesOf(progress.project).files = null;
  }

  private remove(key: string): void {
    const importId = /^\/import\/(.+)$/.exec(key)?.[1];
    if (importId !== undefined) this.importEnds.delete(importId);
    const project = key.slice(0, key.indexOf('/'));
    const entries = this.projects.get(project);
    if (entries === undefined) return;
    this.bytes -= bytesOf(entries.spans.get(key));
    for (const { partition } of [entries.readings.get(key), entries.spans.get(key)].flatMap((each) => each ?? [])) {
      this.byPartition.get(partition)?.readings.delete(key);
      this.byPartition.get(partition)?.spans.delete(key);
    }
    entries.readings.delete(key);
    entries.spans.delete(key);
    if (entries.closing !== null && progressKey(entries.closing) === key) entries.closing = null;
    entries.files = null;
    entries.changedAt = this.changes;
    if (entries.readings.size + entries.spans.size === 0 && entries.closing === null) this.projects.delete(project);
  }

  private partitionOf(partition: number): PartitionEntries {
    let entries = this.byPartition.get(partition);
    if (entries === undefined) {
      entries = { readings: new Map(), spans: new Map() };
      this.byPartition.set(partition, entries);
    }
    return entries;
  }

  private changed(project: string): ProjectEntries {
    const entries = this.entriesOf(project);
    entries.changedAt = this.changes;
    return entries;
  }

  private entriesOf(project: string): ProjectEntries {
    let entries = this.projects.get(project);
    if (entries === undefined) {
      entries = { readings: new Map(), spans: new Map(), closing: null, changedAt: 0, files: null };
      this.projects.set(project, entries);
    }
    return entries;
  }
}

const bytesOf = (span: OpenSpanProgress | undefined): number =>
  span?.segments.reduce((sum, { bytes }) => sum + bytes, 0) ?? 0;

/** Also one that was merged of nothing but consumed ones, which its partition did not know of when it merged them. */
export function isConsumed({ name, merged }: Pick<SegmentFile, 'name' | 'merged'>, consumed: ReadonlySet<string>) {
  if (consumed.size === 0) return false;
  return consumed.has(name) || (merged.length > 0 && merged.every((each) => consumed.has(each)));
}
