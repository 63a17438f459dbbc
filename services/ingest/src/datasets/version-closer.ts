// Turns finished tables and segments into announced versions, one after the other: ordinal and parent follow the order
// of closing. The same rows again give the same id; then the announced version is the answer and nothing is announced
// twice.

import type { DatasetVersion, OffsetRange } from '@millrace/contracts';
import type { Clock } from '@millrace/domain';
import type { RecordSchema } from '../schema/record-schema.js';
import type { DatasetIndex } from './dataset-index.js';
import type { ClosePlan, SegmentFile } from './segment.js';
import type { SpanMerger, VersionLog, VersionTable, WrittenVersion } from './version-table.js';

export interface VersionFrame {
  kind: 'import' | 'live';
  source: string;
  offsets: readonly OffsetRange[];
  windowStartMs: number;
  windowEndMs: number;
}

const LATE_LABELS = 'late labels';

export interface RefreshedLabels {
  refreshed: readonly DatasetVersion[];
  left: readonly SegmentFile[];
}

/** Without a version: every row was in an earlier one. `left`: labels that found no row, to be kept. */
export type ClosedSpan = { left: readonly SegmentFile[] } & (
  | { version: DatasetVersion }
  | { version: null; duplicates: number }
);

export class VersionCloser {
  private tail: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly spans: SpanMerger,
    private readonly log: VersionLog,
    private readonly datasetIndex: DatasetIndex,
    private readonly clock: Clock,
  ) {}

  /** Closes a span of the live stream. One that was announced before a restart is closed already. */
  closeSpan(schema: RecordSchema, plan: ClosePlan): Promise<ClosedSpan> {
    return this.inOrder(async () => {
      const project = schema.project.name;
      const announced = this.datasetIndex.liveVersionOf(project, plan.spanStartMs, plan.spanEndMs);
      if (announced !== null) return { version: announced, left: [] };
      const lateSpans = plan.records
        .map(({ spanStartMs }) => spanStartMs)
        .filter((startMs) => startMs < plan.spanStartMs);
      const spanMs = schema.project.data.versionEveryMs;
      const merged = await this.spans.merge(
        schema,
        plan,
        this.datasetIndex.liveVersionsOver(project, lateSpans, spanMs),
      );
      if (merged.version === null) return merged;
      const { lateRows, duplicates, offsets, nulled } = merged.version;
      const version = await this.announced(schema, merged.version, {
        kind: 'live',
        source: 'stream',
        offsets,
        windowStartMs: plan.spanStartMs,
        windowEndMs: plan.spanEndMs,
        lateRows,
        repeatedRows: duplicates,
        nulled,
      });
      return { version, left: merged.left };
    });
  }

  /** Versions with the rows of closed ones and the labels that came since; `left`: labels of no row, to be kept. */
  refresh(schema: RecordSchema, labels: readonly SegmentFile[]): Promise<RefreshedLabels> {
    return this.inOrder(async () => {
      const { name: project, data } = schema.project;
      const spans = [...new Set(labels.map(({ spanStartMs }) => spanStartMs))];
      const versions = this.datasetIndex.liveVersionsOver(project, spans, data.versionEveryMs);
      const refreshed: DatasetVersion[] = [];
      for (const version of versions) {
        const written = await this.spans.refresh(schema, version, labels);
        if (written === null) continue;
        const { offsets, windowStartMs, windowEndMs, lateRows, repeatedRows } = version;
        const frame = { kind: 'live', source: LATE_LABELS, offsets, windowStartMs, windowEndMs } as const;
        const { nulled } = written;
        refreshed.push(
          await this.announced(schema, written, { ...frame, lateRows, repeatedRows, nulled, parent: version.id }),
        );
      }
      return { refreshed, left: await this.spans.leftOf(labels, versions) };
    });
  }

  /** Closes a bulk load, whose rows are in the table already; null when it has no rows. */
  closeImport(schema: RecordSchema, table: VersionTable, frame: VersionFrame): Promise<DatasetVersion | null> {
    return this.inOrder(async () => {
      try {
        const written = await table.write();
        if (written === null) return null;
        return await this.announced(schema, written, { ...frame, lateRows: 0, repeatedRows: 0, nulled: [] });
      } finally {
        await table.drop();
      }
    });
  }

  /** Resolves when everything begun so far is closed. */
  async settled(): Promise<void> {
    await this.tail;
  }

  private async announced(
    schema: RecordSchema,
    written: Omit<WrittenVersion, 'duplicates'>,
    frame: VersionFrame & Pick<DatasetVersion, 'lateRows' | 'repeatedRows' | 'nulled'> & { parent?: string },
  ): Promise<DatasetVersion> {
    const project = schema.project.name;
    const known = this.datasetIndex.find(project, written.id);
    const { id, rows, labelledRows, eventTimeFromMs, eventTimeToMs, parquetPath, parquetSha256 } = written;
    // Late labels may bring back the rows of an older version: then it is announced again, as the newest.
    if (known !== null && frame.parent === undefined) {
      if (known.parquetSha256 === parquetSha256) return known;
      // Its file was lost or changed, and is whole again.
      return this.told({ ...known, parquetPath, parquetSha256, closedAtMs: this.clock.nowMs() });
    }
    const newest = this.datasetIndex.newest(project);
    return this.told({
      project,
      id,
      ...frame,
      ordinal: (newest?.ordinal ?? 0) + 1,
      parent: frame.parent ?? newest?.id ?? '',
      schemaHash: schema.hash,
      rows,
      labelledRows,
      eventTimeFromMs,
      eventTimeToMs,
      parquetPath,
      parquetSha256,
      closedAtMs: this.clock.nowMs(),
    });
  }

  private async told(version: DatasetVersion): Promise<DatasetVersion> {
    await this.log.announce(version);
    this.datasetIndex.add(version);
    return version;
  }

  private inOrder<T>(work: () => Promise<T>): Promise<T> {
    const result = this.tail.then(work);
    this.tail = result.catch(() => undefined);
    return result;
  }
}
