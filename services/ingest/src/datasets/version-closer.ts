// Turns finished tables into announced versions, one after the other: ordinal and parent follow the order of closing.
// The same rows again give the same id; then the announced version is the answer and nothing is announced twice.

import type { DatasetVersion, OffsetRange } from '@millrace/contracts';
import type { Clock, Scalar } from '@millrace/domain';
import type { ColumnSpec } from '@millrace/project';
import type { RecordSchema } from '../schema/record-schema.js';
import type { DatasetIndex } from './dataset-index.js';
import type { ClosingSpan, LiveRow } from './live-versions.js';
import type { VersionHistory } from './version-history.js';
import type { TableRows, VersionLog, VersionTable, VersionTables } from './version-table.js';

export interface VersionFrame {
  kind: 'import' | 'live';
  source: string;
  offsets: readonly OffsetRange[];
  windowStartMs: number;
  windowEndMs: number;
}

/** Rows turned into columns at a time; the event loop gets a turn in between. */
const SLICE_ROWS = 2_048;

function rowsToColumns(schema: RecordSchema, rows: readonly LiveRow[]): TableRows {
  const columns = schema.stored.map((index): Scalar[] => {
    const { name } = schema.columns[index] as ColumnSpec;
    return rows.map((row) => row.record.values[name] ?? null);
  });
  return {
    recordIds: rows.map((row) => row.record.recordId),
    entities: rows.map((row) => row.record.entity),
    eventTimeMs: rows.map((row) => row.record.eventTimeMs),
    labels: rows.map((row) => row.label ?? Number.NaN),
    columns,
  };
}

export class VersionCloser {
  private tail: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly tables: VersionTables,
    private readonly log: VersionLog,
    private readonly datasetIndex: DatasetIndex,
    private readonly history: VersionHistory,
    private readonly clock: Clock,
  ) {}

  /** Closes a span of the live stream; null when it has no rows. */
  closeSpan(schema: RecordSchema, span: ClosingSpan): Promise<DatasetVersion | null> {
    return this.inOrder(async () => {
      if (span.rows.length === 0) return null;
      const table = await this.tables.create(schema);
      try {
        for (let from = 0; from < span.rows.length; from += SLICE_ROWS) {
          await table.append(rowsToColumns(schema, span.rows.slice(from, from + SLICE_ROWS)));
        }
        const version = await this.finish(schema, table, {
          kind: 'live',
          source: 'stream',
          offsets: span.offsets,
          windowStartMs: span.startMs,
          windowEndMs: span.endMs,
        });
        if (version !== null) this.history.remember(version, new Set(span.rows.map((row) => row.record.recordId)));
        return version;
      } finally {
        await table.drop();
      }
    });
  }

  /** Closes a bulk load, whose rows are in the table already; null when it has no rows. */
  closeImport(schema: RecordSchema, table: VersionTable, frame: VersionFrame): Promise<DatasetVersion | null> {
    return this.inOrder(async () => {
      try {
        return await this.finish(schema, table, frame);
      } finally {
        await table.drop();
      }
    });
  }

  /** Resolves when everything begun so far is closed. */
  async settled(): Promise<void> {
    await this.tail;
  }

  private async finish(schema: RecordSchema, table: VersionTable, frame: VersionFrame): Promise<DatasetVersion | null> {
    const written = await table.write();
    if (written === null) return null;
    const project = schema.project.name;
    const known = this.datasetIndex.find(project, written.id);
    if (known !== null) return known;
    const newest = this.datasetIndex.newest(project);
    const { id, rows, labelledRows, eventTimeFromMs, eventTimeToMs, parquetPath, parquetSha256 } = written;
    const version: DatasetVersion = {
      project,
      id,
      kind: frame.kind,
      ordinal: (newest?.ordinal ?? 0) + 1,
      parent: newest?.id ?? '',
      schemaHash: schema.hash,
      rows,
      labelledRows,
      eventTimeFromMs,
      eventTimeToMs,
      offsets: frame.offsets,
      parquetPath,
      parquetSha256,
      closedAtMs: this.clock.nowMs(),
      source: frame.source,
      windowStartMs: frame.windowStartMs,
      windowEndMs: frame.windowEndMs,
    };
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
