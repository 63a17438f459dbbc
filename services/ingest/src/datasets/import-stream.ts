// Reads batches.v1 into version tables: one table per bulk load, closed into a dataset version by its last batch. Rows
// are appended as they come, so memory does not grow with the import. Offsets of an open import are not committed;
// after a crash its batches come again from the first.

import type { EndImportAction, Reason, RecordBatch } from '@millrace/contracts';
import { type Clock, PlatformError, type Scalar } from '@millrace/domain';
import type { ColumnSpec } from '@millrace/project';
import type { ProjectRegistry } from '../projects/project-registry.js';
import type { RecordSchema } from '../schema/record-schema.js';
import { ImportAssembly } from './import-assembly.js';
import type { BadMessage, LogMessage } from './partition-reader.js';
import type { VersionCloser } from './version-closer.js';
import type { TableRows, VersionTable, VersionTables } from './version-table.js';

export const deletedMessage = (project: string): string => `project '${project}' was deleted`;

/** Tells the project's owner that a load has come to its end; resolves when the log has it. */
export type TellEnd = (project: string, action: EndImportAction) => Promise<void>;

interface OpenTable {
  schema: RecordSchema;
  table: VersionTable;
  source: string;
}

export interface ReadBatch {
  bad: BadMessage[];
  /** The first offset to read after a restart. */
  nextOffset: number;
}

export class ImportStream {
  private readonly assembly: ImportAssembly;
  private readonly open = new Map<string, OpenTable>();
  /** The last load that was refused: its other batches say no more. */
  private refusedId = '';
  private tail: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly registry: ProjectRegistry,
    private readonly tables: VersionTables,
    private readonly closer: VersionCloser,
    private readonly tellEnd: TellEnd,
    private readonly bounds: { openMax: number; abandonAfterMs: number },
    private readonly clock: Clock,
  ) {
    this.assembly = new ImportAssembly(bounds);
  }

  batches(partition: number, messages: readonly LogMessage<RecordBatch>[]): Promise<ReadBatch> {
    const work = async (): Promise<ReadBatch> => {
      const bad: BadMessage[] = [];
      let next = 0;
      for (const { offset, timestampMs, message } of messages) {
        next = offset + 1;
        const fault = message === undefined ? null : await this.take(partition, offset, timestampMs, message);
        if (fault !== null) bad.push({ offset, ...fault });
      }
      await this.giveUp();
      return { bad, nextOffset: Math.min(next, this.assembly.floor(partition) ?? next) };
    };
    const result = this.tail.then(work);
    this.tail = result.catch(() => undefined);
    return result;
  }

  private async take(
    partition: number,
    offset: number,
    atMs: number,
    batch: RecordBatch,
  ): Promise<{ project: string; reasons: Reason[] } | null> {
    const { project, importId } = batch;
    // Of a deleted project of this name: nobody's rows.
    const schema = atMs < (this.registry.createdAtMs(project) ?? 0) ? null : this.registry.find(project);
    const known = this.open.get(importId);
    const wanted = known?.schema.hash ?? schema?.hash;
    if (schema === null || batch.schemaHash !== wanted) {
      const why = schema === null ? deletedMessage(project) : 'the schema of the project changed during the import';
      if (known !== undefined) await this.giveUpOn(importId, known, why);
      else await this.refuse(importId, project, why);
      const text =
        schema === null ? `no project '${project}'` : `schema ${batch.schemaHash.slice(0, 12)} is not the project's`;
      return { project, reasons: [{ code: 'malformed', field: 'schema_hash', message: text }] };
    }
    const place = this.assembly.offer(importId, batch.sequence, partition, offset, this.clock.nowMs());
    if (place === 'refused') {
      await this.refuse(importId, project, `${this.bounds.openMax} imports are open already`);
      return null;
    }
    if (place === 'first') {
      const table = await this.tables.create(schema);
      this.open.set(importId, { schema, table, source: batch.source });
    }
    const open = this.open.get(importId);
    if (open === undefined || place === 'repeated' || place === 'gap') return null;
    try {
      if (batch.parquet !== undefined) await open.table.appendParquet(batch.parquet);
      else await open.table.append(tableRows(open.schema, batch));
    } catch (thrown) {
      // Read again, the batch would count as repeated: its rows were missing without a word.
      await this.giveUpOn(importId, open, PlatformError.from(thrown).message);
      return null;
    }
    if (batch.last) void this.close(importId, open);
    return null;
  }

  private async close(importId: string, open: OpenTable): Promise<void> {
    const range = this.assembly.range(importId);
    const offsets =
      range === null ? [] : [{ topic: 'batches.v1', partition: range.partition, first: range.first, last: range.last }];
    const { name: project } = open.schema.project;
    let end: Pick<EndImportAction, 'version' | 'failure'>;
    try {
      const version = await this.closer.written(open.schema, open.table, {
        kind: 'import',
        source: open.source,
        offsets,
        windowStartMs: 0,
        windowEndMs: 0,
      });
      end = version === null ? { failure: 'no good rows' } : { version, failure: '' };
    } catch (thrown) {
      end = { failure: PlatformError.from(thrown).message };
    }
    // Until the log has it, its batches are not committed: whoever reads them then makes the same version.
    await this.tellEnd(project, { kind: 'endImport', importId, ...end });
    this.forget(importId);
  }

  private async giveUp(): Promise<void> {
    for (const importId of this.assembly.abandoned(this.clock.nowMs())) {
      const open = this.open.get(importId);
      if (open !== undefined) await this.giveUpOn(importId, open, 'no batch came for too long');
      else this.forget(importId);
    }
  }

  private async giveUpOn(importId: string, open: OpenTable, failure: string): Promise<void> {
    await open.table.drop();
    await this.tellEnd(open.schema.project.name, { kind: 'endImport', importId, failure });
    this.refusedId = importId;
    this.forget(importId);
  }

  private async refuse(importId: string, project: string, failure: string): Promise<void> {
    if (this.refusedId === importId) return;
    this.refusedId = importId;
    await this.tellEnd(project, { kind: 'endImport', importId, failure });
  }

  private forget(importId: string): void {
    this.assembly.done(importId);
    this.open.delete(importId);
  }
}

/** The batch's columns in the order of the schema; a column it lacks is missing in every row. */
export function tableRows(schema: RecordSchema, batch: RecordBatch): TableRows {
  const rows = batch.recordIds.length;
  const byName = new Map(batch.columns.map((column) => [column.name, column]));
  const columns = schema.stored.map((index): Scalar[] => {
    const column = byName.get((schema.columns[index] as ColumnSpec).name);
    const values = new Array<Scalar>(rows).fill(null);
    if (column === undefined) return values;
    for (let row = 0; row < rows; row++) {
      if (column.kind === 'text') values[row] = column.dictionary[column.codes[row] as number] as string;
      else values[row] = (column.kind === 'timestamp' ? column.valuesMs[row] : column.values[row]) as Scalar;
    }
    for (let i = 0; i < column.missing.length; i++) values[column.missing[i] as number] = null;
    return values;
  });
  return {
    recordIds: batch.recordIds,
    entities: batch.entities,
    eventTimeMs: batch.eventTimeMs,
    labels: batch.labels,
    columns,
  };
}
