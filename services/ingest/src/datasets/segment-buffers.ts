// Rows on their way to segments, as columns: one buffer for each project, kind, span and schema. A buffer that is
// sealed takes no more rows and stays until it is written, so that the first offset of a partition that only memory has
// is known at any time. Pure; how much may be here is the business of Segments.

import type { LabelMessage, RecordMessage, SegmentKind } from '@millrace/contracts';
import type { Scalar } from '@millrace/domain';
import type { ColumnSpec, ColumnType } from '@millrace/project';
import { ownValue } from '../records/record-input.js';
import type { RecordSchema } from '../schema/record-schema.js';
import {
  NO_SCHEMA,
  SEGMENT_COLUMNS as OWN,
  type SegmentColumn,
  type SegmentKey,
  type SegmentOwner,
  sameOwner,
  schemaOf,
} from './segment.js';

/** Where a message stood in its topic. */
export interface Position {
  partition: number;
  offset: number;
}

/** A number in an array of mixed values, and what a string costs beside its characters. */
const VALUE_BYTES = 16;

const OF_RECORDS: readonly [string, ColumnType][] = [
  [OWN.recordId, 'text'],
  [OWN.entity, 'text'],
  [OWN.eventTimeMs, 'number'],
  [OWN.partition, 'number'],
  [OWN.offset, 'number'],
  [OWN.ingestedAtMs, 'number'],
];
const OF_LABELS: readonly [string, ColumnType][] = [
  [OWN.recordId, 'text'],
  [OWN.eventTimeMs, 'number'],
  [OWN.label, 'number'],
  [OWN.knownAtMs, 'number'],
  [OWN.partition, 'number'],
  [OWN.offset, 'number'],
  [OWN.ingestedAtMs, 'number'],
  [OWN.entity, 'text'],
  [OWN.predictionId, 'text'],
];

export class SegmentBuffer {
  rows = 0;
  bytes = 0;

  constructor(
    readonly key: SegmentKey,
    readonly columns: readonly SegmentColumn[],
  ) {}

  push(values: readonly Scalar[]): void {
    for (let index = 0; index < this.columns.length; index++) {
      const column = this.columns[index] as SegmentColumn;
      const value = fitting(values[index] ?? null, column.type);
      column.values.push(value);
      this.bytes += VALUE_BYTES + (typeof value === 'string' ? 2 * value.length : 0);
    }
    this.rows += 1;
  }
}

/** What another writer put on the topic under this schema's name may be of any type: then the column has no value. */
function fitting(value: Scalar, type: ColumnType): Scalar {
  const wanted = type === 'text' ? 'string' : type === 'boolean' ? 'boolean' : 'number';
  return typeof value === wanted ? value : null;
}

export class SegmentBuffers {
  private readonly open = new Map<string, SegmentBuffer>();
  private sealed: SegmentBuffer[] = [];

  /** Of every buffer, estimated. */
  get bytes(): number {
    let bytes = 0;
    for (const buffer of this.all()) bytes += buffer.bytes;
    return bytes;
  }

  addRecord(owner: SegmentOwner, spanStartMs: number, schema: RecordSchema, record: RecordMessage, at: Position) {
    const { project, createdAtMs } = owner;
    const kind = 'records' as const;
    const key = { project, createdAtMs, partition: at.partition, kind, spanStartMs, schema: schemaOf(schema) };
    const buffer = this.bufferOf(key, () => [
      ...OF_RECORDS,
      ...schema.stored.map((index): [string, ColumnType] => {
        const { name, type } = schema.columns[index] as ColumnSpec;
        return [name, type];
      }),
    ]);
    const values: Scalar[] = [
      record.recordId,
      record.entity,
      record.eventTimeMs,
      at.partition,
      at.offset,
      record.ingestedAtMs,
    ];
    // An integer that names record or entity is written from that name: as a double it would lose digits.
    for (const index of schema.stored)
      values.push(
        schema.wholeNames[index] ? null : (ownValue(record.values, (schema.columns[index] as ColumnSpec).name) ?? null),
      );
    buffer.push(values);
  }

  addLabel(owner: SegmentOwner, spanStartMs: number, label: LabelMessage, at: Position): void {
    const { project, createdAtMs } = owner;
    const kind = 'labels' as const;
    const key = { project, createdAtMs, partition: at.partition, kind, spanStartMs, schema: NO_SCHEMA };
    const values = [
      label.recordId,
      label.eventTimeMs,
      label.value,
      label.knownAtMs,
      at.partition,
      at.offset,
      label.ingestedAtMs,
      label.entity,
      label.predictionId,
    ];
    this.bufferOf(key, () => OF_LABELS).push(values);
  }

  /** Seals what is open, and gives everything that is sealed, oldest first. */
  seal(): readonly SegmentBuffer[] {
    this.sealed.push(...this.open.values());
    this.open.clear();
    return [...this.sealed];
  }

  written(buffer: SegmentBuffer): void {
    this.sealed = this.sealed.filter((other) => other !== buffer);
  }

  /** Rows of a project by the start of their span. */
  rowsOf(owner: SegmentOwner, kind: SegmentKind): Map<number, number> {
    const rows = new Map<number, number>();
    for (const { key, rows: more } of this.all()) {
      if (key.kind === kind && sameOwner(key, owner))
        rows.set(key.spanStartMs, (rows.get(key.spanStartMs) ?? 0) + more);
    }
    return rows;
  }

  private *all(): Iterable<SegmentBuffer> {
    yield* this.sealed;
    yield* this.open.values();
  }

  private bufferOf(key: SegmentKey, columns: () => readonly (readonly [string, ColumnType])[]) {
    const text = `${key.kind} ${key.spanStartMs} ${key.schema} ${key.createdAtMs} ${key.project}`;
    let buffer = this.open.get(text);
    if (buffer === undefined) {
      buffer = new SegmentBuffer(
        key,
        columns().map(([name, type]) => ({ name, type, values: [] })),
      );
      this.open.set(text, buffer);
    }
    return buffer;
  }
}
