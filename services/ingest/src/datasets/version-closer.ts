// Turns finished tables and segments into dataset versions, one after the other: ordinal and parent follow the order of
// closing. The same rows again give the same id; then the announced version is the answer and nothing is announced
// twice. `tell` writes what is announced together with whatever must be true at the same time.

import type { DatasetVersion, OffsetRange } from '@millrace/contracts';
import type { Clock } from '@millrace/domain';
import type { RecordSchema } from '../schema/record-schema.js';
import type { DatasetIndex } from './dataset-index.js';
import type { ClosePlan, SegmentFile } from './segment.js';
import type { SpanMerger, VersionTable, WrittenVersion } from './version-table.js';

export interface VersionFrame {
  kind: 'import' | 'live';
  source: string;
  offsets: readonly OffsetRange[];
  windowStartMs: number;
  windowEndMs: number;
}

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

export interface RefreshedLabels {
  versions: readonly DatasetVersion[];
  left: readonly SegmentFile[];
}

type Frame = VersionFrame & Pick<DatasetVersion, 'lateRows' | 'repeatedRows' | 'nulled'> & { parent?: string };

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
      const lateSpans = plan.records
        .map(({ spanStartMs }) => spanStartMs)
        .filter((startMs) => startMs < plan.spanStartMs);
      const spanMs = schema.project.data.versionEveryMs;
      const merged = await this.spans.merge(
        schema,
        plan,
        this.datasetIndex.liveVersionsOver(project, lateSpans, spanMs),
      );
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

  /** Versions with the rows of closed ones and the labels that came since; `left`: labels of no row, to be kept. */
  refresh(
    schema: RecordSchema,
    labels: readonly SegmentFile[],
    tell: (refreshed: RefreshedLabels) => Promise<void>,
  ): Promise<readonly DatasetVersion[]> {
    return this.inOrder(async () => {
      const { name: project, data } = schema.project;
      const spans = [...new Set(labels.map(({ spanStartMs }) => spanStartMs))];
      const closed = this.datasetIndex.liveVersionsOver(project, spans, data.versionEveryMs);
      const versions: DatasetVersion[] = [];
      for (const version of closed) {
        const written = await this.spans.refresh(schema, version, labels);
        if (written === null) continue;
        const { offsets, windowStartMs, windowEndMs, lateRows, repeatedRows } = version;
        const frame = { kind: 'live', source: LATE_LABELS, offsets, windowStartMs, windowEndMs } as const;
        const { nulled } = written;
        const more = { lateRows, repeatedRows, nulled, parent: version.id };
        const [refreshed] = this.versionOf(schema, written, { ...frame, ...more }, versions);
        versions.push(refreshed);
      }
      await tell({ versions, left: await this.spans.leftOf(labels, closed) });
      for (const version of versions) this.datasetIndex.add(version);
      return versions;
    });
  }

  /** The rows of a bulk load as a version whose place among the others the project's owner gives; null without rows. */
  async written(schema: RecordSchema, table: VersionTable, frame: VersionFrame): Promise<DatasetVersion | null> {
    try {
      const written = await table.write();
      if (written === null) return null;
      return this.framed(schema, written, { ...frame, lateRows: 0, repeatedRows: 0, nulled: [] });
    } finally {
      await table.drop();
    }
  }

  /** Gives a bulk load its place. `tell` gets null where it is announced already. */
  import(imported: DatasetVersion, tell: (version: DatasetVersion | null) => Promise<void>): Promise<void> {
    return this.inOrder(async () => {
      const known = this.datasetIndex.find(imported.project, imported.id);
      const isWhole = known?.parquetSha256 === imported.parquetSha256;
      const version = known === null ? this.placed(imported) : isWhole ? null : { ...known, ...fileOf(imported) };
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
      const { parquetPath, parquetSha256 } = written;
      return [{ ...known, parquetPath, parquetSha256, closedAtMs: this.clock.nowMs() }, true];
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
    { parent = '', ...frame }: Frame,
  ): DatasetVersion {
    const { id, rows, labelledRows, eventTimeFromMs, eventTimeToMs, parquetPath, parquetSha256 } = written;
    return {
      project: schema.project.name,
      id,
      ...frame,
      ordinal: 0,
      parent,
      schemaHash: schema.hash,
      rows,
      labelledRows,
      eventTimeFromMs,
      eventTimeToMs,
      parquetPath,
      parquetSha256,
      closedAtMs: this.clock.nowMs(),
    };
  }

  private inOrder<T>(work: () => Promise<T>): Promise<T> {
    const result = this.tail.then(work);
    this.tail = result.catch(() => undefined);
    return result;
  }
}

const fileOf = ({ parquetPath, parquetSha256, closedAtMs }: DatasetVersion) => ({
  ...{ parquetPath, parquetSha256, closedAtMs },
});
