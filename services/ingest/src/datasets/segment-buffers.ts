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
  /** By column: what `typeof` says of its values. */
  private readonly types: readonly ('string' | 'boolean' | 'number')[];

  constructor(
    readonly key: SegmentKey,
    readonly columns: readonly SegmentColumn[],
  ) {
    this.types = columns.map(({ type }) => (type === 'text' ? 'string' : type === 'boolean' ? 'boolean' : 'number'));
  }

  /** What another writer put on the topic under this schema's name may be of any type: then the column has no value. */
  push(values: readonly Scalar[]): void {
    const { columns, types } = this;
    let bytes = columns.length * VALUE_BYTES;
    for (let index = 0; index < columns.length; index++) {
      const given = values[index] as Scalar;
      const value = typeof given === types[index] ? given : null;
      (columns[index] as SegmentColumn).values.push(value);
      if (typeof value === 'string') bytes += 2 * value.length;
    }
    this.bytes += bytes;
    this.rows += 1;
  }
}

interface LastRecords {
  readonly owner: SegmentOwner;
  readonly spanStartMs: number;
  readonly schema: RecordSchema;
  readonly partition: number;
  readonly buffer: SegmentBuffer;
  /** One row at a time, on its way to the columns. */
  readonly row: Scalar[];
}

export class SegmentBuffers {
  private readonly open = new Map<string, SegmentBuffer>();
  private sealed: SegmentBuffer[] = [];
  /** Where the last record went. */
  private last: LastRecords | null = null;

  /** Of every buffer, estimated. */
  get bytes(): number {
    let bytes = 0;
    for (const buffer of this.all()) bytes += buffer.bytes;
    return bytes;
  }

  addRecord(owner: SegmentOwner, spanStartMs: number, schema: RecordSchema, record: RecordMessage, at: Position) {
    const { buffer, row } = this.openFor(owner, spanStartMs, schema, at.partition);
    row[0] = record.recordId;
    row[1] = record.entity;
    row[2] = record.eventTimeMs;
    row[3] = at.partition;
    row[4] = at.offset;
    row[5] = record.ingestedAtMs;
    const { columns, stored, wholeNames } = schema;
    for (let place = 0; place < stored.length; place++) {
      const index = stored[place] as number;
      // An integer that names record or entity is written from that name: as a double it would lose digits.
      row[OF_RECORDS.length + place] = wholeNames[index]
        ? null
        : (ownValue(record.values, (columns[index] as ColumnSpec).name) ?? null);
    }
    buffer.push(row);
  }

  /** Rows of one span come one after the other. */
  private openFor(owner: SegmentOwner, spanStartMs: number, schema: RecordSchema, partition: number): LastRecords {
    const { last } = this;
    if (
      last !== null &&
      last.spanStartMs === spanStartMs &&
      last.schema === schema &&
      last.partition === partition &&
      sameOwner(last.owner, owner)
    )
      return last;
    const { project, createdAtMs } = owner;
    const key = { project, createdAtMs, partition, kind: 'records', spanStartMs, schema: schemaOf(schema) } as const;
    const buffer = this.bufferOf(key, () => [
      ...OF_RECORDS,
      ...schema.stored.map((index): [string, ColumnType] => {
        const { name, type } = schema.columns[index] as ColumnSpec;
        return [name, type];
      }),
    ]);
    this.last = { owner, spanStartMs, schema, partition, buffer, row: new Array(buffer.columns.length).fill(null) };
    return this.last;
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
    this.last = null;
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
