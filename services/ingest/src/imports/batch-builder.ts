// Gathers typed rows into columnar batches. A batch ends at `rowsMax` rows or about `bytesMax` bytes, counted from the
// rows alone, so that the same rows always make the same batches: a resumed import repeats them and sequence numbers
// agree.

import type { BatchColumn, RecordBatch } from '@millrace/contracts';
import type { Scalar } from '@millrace/domain';
import { applyLabelRule, type ColumnSpec } from '@millrace/project';
import { entityOf, eventTimeOf, type RecordSchema } from '../schema/record-schema.js';

export interface BatchSettings {
  rowsMax: number;
  bytesMax: number;
}

/** Numbers, codes and overheads of one row and column, generously. */
const VALUE_BYTES = 9;

export class BatchBuilder {
  private recordIds: string[] = [];
  private entities: string[] = [];
  private eventTimeMs: number[] = [];
  private labels: number[] = [];
  private columns: Scalar[][];
  private bytes = 0;
  private sequence = 0;

  constructor(
    private readonly schema: RecordSchema,
    private readonly head: { source: string; importId: string; ingestedAtMs: number },
    private readonly settings: BatchSettings,
  ) {
    this.columns = schema.stored.map(() => []);
  }

  /** Takes a row by column position; gives the batch that it filled, if any. */
  push(recordId: string, row: readonly Scalar[]): RecordBatch | null {
    const { schema } = this;
    const entity = entityOf(schema, row);
    this.recordIds.push(recordId);
    this.entities.push(entity);
    this.eventTimeMs.push(eventTimeOf(schema, row, this.head.ingestedAtMs));
    this.labels.push(applyLabelRule(schema.project.data.label, row[schema.labelIndex]) ?? Number.NaN);
    this.bytes += 3 * (recordId.length + entity.length) + 2 * VALUE_BYTES;
    for (let i = 0; i < schema.stored.length; i++) {
      const position = schema.stored[i] as number;
      // A whole number that names something travels as that name, with all its digits.
      const value = schema.wholeNames[position] ? null : (row[position] as Scalar);
      (this.columns[i] as Scalar[]).push(value);
      // A dictionary text counts as if it were new, to stay on the safe side.
      this.bytes += typeof value === 'string' ? VALUE_BYTES + 3 * value.length : VALUE_BYTES;
    }
    const full = this.recordIds.length >= this.settings.rowsMax || this.bytes >= this.settings.bytesMax;
    return full ? this.take(false) : null;
  }

  /** The rest, marked as the last batch; empty when there is nothing left. */
  finish(): RecordBatch {
    return this.take(true);
  }

  /** What was pushed and not taken yet; null = nothing. */
  flush(): RecordBatch | null {
    return this.recordIds.length === 0 ? null : this.take(false);
  }

  /** A batch of rows that never were rows here. What was pushed before must have been flushed. */
  parquet(bytes: Uint8Array, rows: number): RecordBatch {
    return { ...this.take(false), columns: [], parquet: { bytes, rows } };
  }

  private take(last: boolean): RecordBatch {
    const { schema } = this;
    const batch: RecordBatch = {
      project: schema.project.name,
      ...this.head,
      sequence: this.sequence++,
      last,
      schemaHash: schema.hash,
      recordIds: this.recordIds,
      entities: this.entities,
      eventTimeMs: this.eventTimeMs,
      columns: this.columns.map((values, i) =>
        encodeColumn(schema.columns[schema.stored[i] as number] as ColumnSpec, values),
      ),
      labels: this.labels,
    };
    this.recordIds = [];
    this.entities = [];
    this.eventTimeMs = [];
    this.labels = [];
    this.columns = schema.stored.map(() => []);
    this.bytes = 0;
    return batch;
  }
}

function encodeColumn(column: ColumnSpec, values: readonly Scalar[]): BatchColumn {
  const missing: number[] = [];
  for (let row = 0; row < values.length; row++) if (values[row] === null) missing.push(row);
  const { name } = column;
  switch (column.type) {
    case 'number':
    case 'integer':
      return {
        kind: 'number',
        name,
        missing,
        values: values.map((value) => (value === null ? Number.NaN : (value as number))),
      };
    case 'timestamp':
      return {
        kind: 'timestamp',
        name,
        missing,
        valuesMs: values.map((value) => (value === null ? 0 : (value as number))),
      };
    case 'boolean':
      return { kind: 'boolean', name, missing, values: values.map((value) => value === true) };
    case 'text': {
      const codeOf = new Map<string, number>();
      const codes = new Int32Array(values.length);
      for (let row = 0; row < values.length; row++) {
        const text = (values[row] ?? '') as string;
        let code = codeOf.get(text);
        if (code === undefined) {
          code = codeOf.size;
          codeOf.set(text, code);
        }
        codes[row] = code;
      }
      return { kind: 'text', name, missing, dictionary: [...codeOf.keys()], codes };
    }
  }
}
