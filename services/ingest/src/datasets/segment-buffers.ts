// Rows on their way to segments, as columns: one buffer for each project, kind, span and schema. A buffer that is
// sealed takes no more rows and stays until it is written, so that the first offset of a partition that only memory has
// is known at any time. Pure; how much may be here is the business of Segments.

import type { LabelMessage, RecordMessage, SegmentKind } from '@millrace/contracts';
import type { Scalar } from '@millrace/domain';
import type { ColumnSpec, ColumnType } from '@millrace/project';
import { ownValue } from '../records/record-input.js';
import type { RecordSchema } from '../schema/record-schema.js';
import { NumberColumn } from './number-column.js';
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

/** What a text or a flag costs beside its characters. */
const VALUE_BYTES = 16;
const NUMBER_BYTES = 8;

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

const isOfNumbers = (type: ColumnType): boolean => type !== 'text' && type !== 'boolean';

export class SegmentBuffer {
  rows = 0;
  bytes = 0;
  private readonly fixedBytes: number;

  constructor(
    readonly key: SegmentKey,
    readonly columns: readonly SegmentColumn[],
  ) {
    const bytesOf = ({ values }: SegmentColumn) => (values instanceof NumberColumn ? NUMBER_BYTES : VALUE_BYTES);
    this.fixedBytes = columns.reduce((sum, column) => sum + bytesOf(column), 0);
  }

  /** What another writer put on the topic under this schema's name may be of any type: then the column has no value. */
  push(row: readonly Scalar[]): void {
    const { columns } = this;
    let bytes = this.fixedBytes;
    for (let index = 0; index < columns.length; index++) {
      const given = row[index] as Scalar;
      const { type, values } = columns[index] as SegmentColumn;
      if (values instanceof NumberColumn) values.push(typeof given === 'number' ? given : null);
      else if (type === 'text' && typeof given === 'string') {
        values.push(given);
        bytes += 2 * given.length;
      } else values.push(type === 'boolean' && typeof given === 'boolean' ? given : null);
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
        columns().map(([name, type]) => ({ name, type, values: isOfNumbers(type) ? new NumberColumn() : [] })),
      );
      this.open.set(text, buffer);
    }
    return buffer;
  }
}
