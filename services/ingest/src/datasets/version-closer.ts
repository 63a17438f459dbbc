// Turns finished tables and segments into dataset versions, one after the other: ordinal and parent follow the order of
// closing. The same rows again give the same id; then the announced version is the answer and nothing is announced
// twice. `tell` writes what is announced together with whatever must be true at the same time.

import type { DatasetVersion, OffsetRange } from '@millrace/contracts';
import { type Clock, rowsOrdinalOf } from '@millrace/domain';
import { labelRuleText } from '@millrace/project';
import type { RecordSchema } from '../schema/record-schema.js';
import type { DatasetIndex, Spans } from './dataset-index.js';
import type { ClosePlan, LabelExpiry, SegmentFile } from './segment.js';
import { isTimed, spanMsOf } from './span-times.js';
import type { SpanMerger, VersionTable, WrittenVersion } from './version-table.js';

export interface VersionFrame {
  kind: 'import' | 'live';
  source: string;
  offsets: readonly OffsetRange[];
  windowStartMs: number;
  windowEndMs: number;
}

/** What a version of the stream with newer labels came of; one of an import names its import's file. */
const LATE_LABELS = 'late labels';

/**
 * `version`: to be announced; null = nothing new. `left`: labels that found no row. `duplicates`: of which no manifest
 * tells.
 */
export interface ClosedSpan {
  version: DatasetVersion | null;
  left: readonly SegmentFile[];
  duplicates: number;
}

/** Of which versions labels are looked at together. */
export interface RefreshPart {
  /** Those whose rows have a greater ordinal. */
  readonly afterOrdinal: number;
  readonly versionsMax: number;
}

/** `through`: versions of rows of a greater ordinal are to be looked at still; else `left`: labels of no row. */
export type RefreshedLabels = { versions: readonly DatasetVersion[] } & (
  | { through: number }
  | { left: readonly SegmentFile[] }
);

/** Labels to be joined to versions that are closed. */
export interface LateLabels {
  /** Of no row that is still open: what finds no version is kept. */
  readonly going: readonly SegmentFile[];
  /** They may belong to open rows too, and stay for their close; joined to imports meanwhile. */
  readonly staying: readonly SegmentFile[];
  /** Processing time: versions that closed since then may have rows whose labels came to another version of them. */
  readonly sinceMs: number;
}

type Frame = VersionFrame &
  Pick<DatasetVersion, 'lateRows' | 'repeatedRows' | 'nulled'> & { parent?: string; rowsOf?: number };

export class VersionCloser {
  private tail: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly spans: SpanMerger,
    private readonly datasetIndex: DatasetIndex,
    private readonly clock: Clock,
  ) {}

  /** Closes a span of the live stream; without a version where every row was in an earlier one. */
  closeSpan(
    schema: RecordSchema,
    plan: ClosePlan,
    tell: (closed: ClosedSpan) => Promise<void>,
  ): Promise<{ version: DatasetVersion | null }> {
    return this.inOrder(async () => {
      const project = schema.project.name;
      // Also the span itself, where the watermark was set back after it had closed.
      const closed = this.datasetIndex.versionsOver(project, 'live', spansOf(schema, plan.records));
      const merged = await this.spans.merge(schema, plan, closed);
      const { left } = merged;
      if (merged.version === null) {
        await tell({ version: null, left, duplicates: merged.duplicates });
        return { version: null };
      }
      const { lateRows, duplicates, offsets, nulled } = merged.version;
      const [version, isNew] = this.versionOf(schema, merged.version, {
        kind: 'live',
        source: 'stream',
        offsets,
        windowStartMs: plan.spanStartMs,
        windowEndMs: plan.spanEndMs,
        lateRows,
        repeatedRows: duplicates,
        nulled,
      });
      await tell({ version: isNew ? version : null, left, duplicates: 0 });
      if (isNew) this.datasetIndex.add(version);
      return { version };
    });
  }

  /**
   * Versions with the rows of closed ones and the labels that came since. A part of the versions at a time, by the
   * ordinals of their rows: other closes come between.
   */
  refresh(
    schema: RecordSchema,
    { going, staying, sinceMs }: LateLabels,
    part: RefreshPart,
    expiry: LabelExpiry,
    tell: (refreshed: RefreshedLabels) => Promise<void>,
  ): Promise<readonly DatasetVersion[]> {
    return this.inOrder(async () => {
      const { datasetIndex: index } = this;
      const project = schema.project.name;
      const all = [...going, ...staying];
      const live = index.versionsOver(project, 'live', timesOf(schema, going));
      const imports = index.versionsOver(project, 'import', timesOf(schema, all));
      const labelled = new Set([...live, ...imports]);
      const fresh = new Set(this.freshOf(schema, sinceMs));
      const open = [...new Set([...labelled, ...fresh])]
        .filter((version) => rowsOrdinalOf(version) > part.afterOrdinal)
        .sort((a, b) => rowsOrdinalOf(a) - rowsOrdinalOf(b));
      const looked = open.slice(0, part.versionsMax);
      const versions: DatasetVersion[] = [];
      const retold: DatasetVersion[] = [];
      for (const version of looked) {
        const labels = labelled.has(version) ? (version.kind === 'live' ? going : all) : [];
        const others = fresh.has(version) ? this.othersOf(schema, version) : [];
        const written = await this.spans.refresh(schema, version, labels, others);
        if (written === null) continue;
        // Other times at which the same labels were known, which a later one is held against.
        if (written.id === version.id) retold.push({ ...version, ...this.fileNow(written) });
        else {
          const frame = { ...refreshedFrame(version), nulled: written.nulled, parent: version.id };
          versions.push(this.versionOf(schema, written, frame, versions)[0]);
        }
      }
      const told = [...retold, ...versions];
      if (looked.length < open.length)
        await tell({ versions: told, through: rowsOrdinalOf(looked.at(-1) as DatasetVersion) });
      else await tell({ versions: told, left: await this.spans.leftOf(going, [...labelled], expiry) });
      for (const version of told) index.add(version);
      return versions;
    });
  }

  /** Versions that closed since then, but for those of newer labels. */
  private freshOf({ project: { name } }: RecordSchema, sinceMs: number): DatasetVersion[] {
    return [...this.datasetIndex.newestOfRows(name)].filter(
      ({ closedAtMs, rowsOf }) => closedAtMs >= sinceMs && rowsOf === 0,
    );
  }

  /** Versions that may have rows of this one, with labels that came since: the file was imported before, for one. */
  private othersOf(schema: RecordSchema, version: DatasetVersion): DatasetVersion[] {
    const { eventTimeFromMs, eventTimeToMs } = version;
    const spans = { startsMs: [eventTimeFromMs], spanMs: eventTimeToMs - eventTimeFromMs + 1 };
    const kinds = version.kind === 'live' ? (['import'] as const) : (['import', 'live'] as const);
    return kinds
      .flatMap((kind) =>
        this.datasetIndex.versionsOver(schema.project.name, kind, isTimed(schema) ? spans : 'any time'),
      )
      .filter((other) => other !== version);
  }

  /** The rows of a bulk load as a version whose place among the others the project's owner gives; null without rows. */
  async written(schema: RecordSchema, table: VersionTable, frame: VersionFrame): Promise<DatasetVersion | null> {
    try {
      const written = await table.write();
      if (written === null) return null;
      const repeatedRows = written.duplicates;
      return this.framed(schema, written, { ...frame, lateRows: 0, repeatedRows, nulled: [] });
    } finally {
      await table.drop();
    }
  }

  /**
   * Gives a bulk load its place. `tell` gets null where it is announced already, 'deleted' where it was when its file
   * was written, and retention has taken both away since.
   */
  import(imported: DatasetVersion, tell: (version: DatasetVersion | 'deleted' | null) => Promise<void>): Promise<void> {
    return this.inOrder(async () => {
      const known = this.datasetIndex.find(imported.project, imported.id);
      if (known === null && !(await this.spans.isStored(imported))) return tell('deleted');
      const isWhole = known?.parquetSha256 === imported.parquetSha256;
      const version = known === null ? this.placed(imported) : isWhole ? null : { ...known, ...this.fileNow(imported) };
      await tell(version);
      if (version !== null) this.datasetIndex.add(version);
    });
  }

  /** Resolves when everything begun so far is closed. */
  async settled(): Promise<void> {
    await this.tail;
  }

  /** And whether it is news. `before`: those that are announced together with it. */
  private versionOf(
    schema: RecordSchema,
    written: Omit<WrittenVersion, 'duplicates'>,
    frame: Frame,
    before: readonly DatasetVersion[] = [],
  ): [DatasetVersion, boolean] {
    const known = this.datasetIndex.find(schema.project.name, written.id);
    // Late labels may bring back the rows of an older version: then it is announced again, as the newest.
    if (known !== null && frame.parent === undefined) {
      if (known.parquetSha256 === written.parquetSha256) return [known, false];
      // Its file was lost or changed, and is whole again.
      return [{ ...known, ...this.fileNow(written) }, true];
    }
    return [this.placed(this.framed(schema, written, frame), before), true];
  }

  private placed(version: DatasetVersion, before: readonly DatasetVersion[] = []): DatasetVersion {
    const newest = before.at(-1) ?? this.datasetIndex.newest(version.project);
    return {
      ...version,
      ordinal: (newest?.ordinal ?? 0) + 1,
      parent: version.parent === '' ? (newest?.id ?? '') : version.parent,
      closedAtMs: this.clock.nowMs(),
    };
  }

  /** Without its place among the others, which `placed` gives. */
  private framed(
    schema: RecordSchema,
    written: Omit<WrittenVersion, 'duplicates'>,
    { parent = '', rowsOf = 0, ...frame }: Frame,
  ): DatasetVersion {
    const { id, rows, labelledRows, eventTimeFromMs, eventTimeToMs, parquetPath, parquetSha256 } = written;
    return {
      project: schema.project.name,
      id,
      ...frame,
      ordinal: 0,
      parent,
      rowsOf,
      schemaHash: schema.hash,
      labelRule: labelRuleText(schema.project.data.label),
      rows,
      labelledRows,
      eventTimeFromMs,
      eventTimeToMs,
      parquetPath,
      parquetSha256,
      closedAtMs: this.clock.nowMs(),
    };
  }

  /** What of an announced version becomes another when its rows are in this file. */
  private fileNow({ parquetPath, parquetSha256 }: Pick<DatasetVersion, 'parquetPath' | 'parquetSha256'>) {
    return { parquetPath, parquetSha256, closedAtMs: this.clock.nowMs() };
  }

  /** One after the other, of this process. */
  inOrder<T>(work: () => Promise<T>): Promise<T> {
    const result = this.tail.then(work);
    this.tail = result.catch(() => undefined);
    return result;
  }
}

/** Of the version with newer labels, what it has of the one whose rows it has. */
function refreshedFrame(version: DatasetVersion): Omit<Frame, 'nulled'> {
  const { kind, source, offsets, windowStartMs, windowEndMs, lateRows, repeatedRows } = version;
  return {
    ...{ kind, offsets, windowStartMs, windowEndMs, lateRows, repeatedRows },
    source: kind === 'live' ? LATE_LABELS : source,
    rowsOf: rowsOrdinalOf(version),
  };
}

function spansOf(schema: RecordSchema, files: readonly SegmentFile[]): Spans {
  const starts = new Set(files.map(({ spanStartMs }) => spanStartMs));
  return { startsMs: [...starts].sort((a, b) => a - b), spanMs: spanMsOf(schema) };
}

/** A label without an event time has that of its arrival, which says nothing of its record. */
const timesOf = (schema: RecordSchema, labels: readonly SegmentFile[]): Spans | 'any time' =>
  isTimed(schema) ? spansOf(schema, labels) : 'any time';
