// Codec of topic batches.v1: proto millrace.data.v1.RecordBatch, rows as columns. Refuses columns whose length is not
// the number of record ids, codes outside their dictionary, and a batch without project, source or import id.

import { PlatformError } from '@millrace/domain';
import { bytesTag, doubleTag, varintTag, type WireReader, WireWriter } from '@millrace/wire';
import { required, topicReader } from './topic-wire.js';

interface ColumnHead {
  name: string;
  /** Row indices without a value; the data holds NaN, "", 0 or false there. */
  missing: ArrayLike<number>;
}

/** One column of a batch. Text is dictionary encoded: values[i] = dictionary[codes[i]]. */
export type BatchColumn = ColumnHead &
  (
    | { kind: 'number'; values: ArrayLike<number> }
    | { kind: 'text'; dictionary: readonly string[]; codes: ArrayLike<number> }
    | { kind: 'timestamp'; valuesMs: ArrayLike<number> }
    | { kind: 'boolean'; values: readonly boolean[] }
  );

/** A columnar batch of a bulk load. */
export interface RecordBatch {
  project: string;
  source: string;
  /** One bulk load; its last batch closes a dataset version. */
  importId: string;
  /** 0, 1, 2 ... within the import; makes a redelivered batch harmless. */
  sequence: number;
  last: boolean;
  schemaHash: string;
  recordIds: readonly string[];
  entities: readonly string[];
  eventTimeMs: ArrayLike<number>;
  columns: readonly BatchColumn[];
  /** By row where the source carries the label, else empty. NaN = not known. */
  labels: ArrayLike<number>;
  /** Processing time. */
  ingestedAtMs: number;
  /** Instead of record ids, entities, times, columns and labels, which are empty then. */
  parquet?: ParquetRows;
}

/** Rows as a Parquet file: record id, entity, event time in ms, label, then the stored columns, by their places. */
export interface ParquetRows {
  bytes: Uint8Array;
  rows: number;
}

/** A reader that does not know field 13 takes it for another schema and refuses the batch, instead of taking no row. */
const PARQUET_SCHEMA = 'parquet:';

/** Number of the field that holds a column's values. */
const DATA_FIELD = { number: 2, text: 3, timestamp: 4, boolean: 6 } as const;

const writer = WireWriter.growing(65_536);

export function encodeRecordBatch(batch: RecordBatch): Uint8Array {
  writer.reset();
  writer.text(1, batch.project);
  writer.text(2, batch.source);
  writer.text(3, batch.importId);
  writer.int(4, batch.sequence);
  writer.bool(5, batch.last);
  writer.text(6, batch.parquet === undefined ? batch.schemaHash : `${PARQUET_SCHEMA}${batch.schemaHash}`);
  for (const id of batch.recordIds) writer.textAlways(7, id);
  for (const entity of batch.entities) writer.textAlways(8, entity);
  writer.packedInts(9, batch.eventTimeMs);
  for (const column of batch.columns) writeColumn(column);
  writer.packedDoubles(11, batch.labels);
  writer.int(12, batch.ingestedAtMs);
  if (batch.parquet !== undefined) {
    writer.part(13, batch.parquet.bytes);
    writer.int(14, batch.parquet.rows);
  }
  return writer.finish();
}

function writeColumn(column: BatchColumn): void {
  const start = writer.begin(10);
  writer.text(1, column.name);
  const data = writer.begin(DATA_FIELD[column.kind]);
  if (column.kind === 'number') writer.packedDoubles(1, column.values);
  else if (column.kind === 'timestamp') writer.packedInts(1, column.valuesMs);
  else if (column.kind === 'boolean') writer.packedInts(1, column.values.map(Number));
  else {
    for (const text of column.dictionary) writer.textAlways(1, text);
    writer.packedInts(2, column.codes);
  }
  writer.end(data);
  writer.packedInts(5, column.missing);
  writer.end(start);
}

export function decodeRecordBatch(bytes: Uint8Array): RecordBatch {
  const reader = topicReader(bytes);
  const recordIds: string[] = [];
  const entities: string[] = [];
  const eventTimeMs: number[] = [];
  const columns: BatchColumn[] = [];
  const labels: number[] = [];
  const head = { project: '', source: '', importId: '', sequence: 0, last: false, schemaHash: '', ingestedAtMs: 0 };
  let parquet: Uint8Array | undefined;
  let parquetRows = 0;
  while (reader.more()) {
    const tag = reader.tag();
    if (tag === bytesTag(7)) recordIds.push(reader.text());
    else if (tag === bytesTag(8)) entities.push(reader.text());
    else if (tag === bytesTag(9) || tag === varintTag(9)) reader.ints(eventTimeMs, tag);
    else if (tag === bytesTag(10)) columns.push(readColumn(reader, reader.lengthEnd()));
    else if (tag === bytesTag(11) || tag === doubleTag(11)) reader.doubles(labels, tag);
    else if (tag === bytesTag(1)) head.project = reader.name();
    else if (tag === bytesTag(2)) head.source = reader.name();
    else if (tag === bytesTag(3)) head.importId = reader.text();
    else if (tag === varintTag(4)) head.sequence = reader.int();
    else if (tag === varintTag(5)) head.last = reader.int() !== 0;
    else if (tag === bytesTag(6)) head.schemaHash = reader.name();
    else if (tag === varintTag(12)) head.ingestedAtMs = reader.int();
    else if (tag === bytesTag(13)) parquet = reader.part();
    else if (tag === varintTag(14)) parquetRows = reader.int();
    else reader.skip(tag);
  }
  required(head.project, 'RecordBatch', 'project');
  required(head.source, 'RecordBatch', 'source');
  required(head.importId, 'RecordBatch', 'import_id');
  const rows = recordIds.length;
  sameLength('entities', entities.length, rows);
  sameLength('event_time_ms', eventTimeMs.length, rows);
  if (labels.length > 0) sameLength('labels', labels.length, rows);
  for (const column of columns) checkColumn(column, rows);
  const batch = { ...head, recordIds, entities, eventTimeMs, columns, labels };
  if (parquet === undefined) return batch;
  if (!head.schemaHash.startsWith(PARQUET_SCHEMA) || rows > 0 || parquetRows <= 0)
    throw new PlatformError('corrupt', `RecordBatch with a Parquet file of ${parquetRows} rows beside ${rows} others`);
  const schemaHash = head.schemaHash.slice(PARQUET_SCHEMA.length);
  return { ...batch, schemaHash, parquet: { bytes: parquet, rows: parquetRows } };
}

function readColumn(reader: WireReader, end: number): BatchColumn {
  let name = '';
  const missing: number[] = [];
  let data: ((head: ColumnHead) => BatchColumn) | undefined;
  while (reader.at < end) {
    const tag = reader.tag();
    if (tag === bytesTag(1)) name = reader.name(end);
    else if (tag === bytesTag(DATA_FIELD.number)) {
      const values: number[] = [];
      const part = reader.lengthEnd(end);
      while (reader.at < part) reader.doubles(values, reader.tag(), part);
      reader.finish(part);
      data = (head) => ({ ...head, kind: 'number', values: Float64Array.from(values) });
    } else if (tag === bytesTag(DATA_FIELD.text)) data = readTexts(reader, reader.lengthEnd(end));
    else if (tag === bytesTag(DATA_FIELD.timestamp)) {
      const valuesMs = readInts(reader, reader.lengthEnd(end));
      data = (head) => ({ ...head, kind: 'timestamp', valuesMs });
    } else if (tag === bytesTag(DATA_FIELD.boolean)) {
      const flags = readInts(reader, reader.lengthEnd(end));
      data = (head) => ({ ...head, kind: 'boolean', values: flags.map((flag) => flag !== 0) });
    } else if (tag === bytesTag(5) || tag === varintTag(5)) reader.ints(missing, tag, end);
    else reader.skip(tag, end);
  }
  reader.finish(end);
  required(name, 'Column', 'name');
  if (data === undefined) throw new PlatformError('corrupt', `Column ${name} without data of a known kind`);
  return data({ name, missing });
}

function readTexts(reader: WireReader, end: number): (head: ColumnHead) => BatchColumn {
  const dictionary: string[] = [];
  const codes: number[] = [];
  while (reader.at < end) {
    const tag = reader.tag();
    if (tag === bytesTag(1)) dictionary.push(reader.text(end));
    else if (tag >>> 3 === 2) reader.ints(codes, tag, end);
    else reader.skip(tag, end);
  }
  reader.finish(end);
  return (head) => ({ ...head, kind: 'text', dictionary, codes: Int32Array.from(codes) });
}

/** The only field of its message. */
function readInts(reader: WireReader, end: number): number[] {
  const values: number[] = [];
  while (reader.at < end) reader.ints(values, reader.tag(), end);
  reader.finish(end);
  return values;
}

function sameLength(field: string, actual: number, rows: number): void {
  if (actual !== rows)
    throw new PlatformError('corrupt', `RecordBatch ${field} has ${actual} entries for ${rows} rows`, {
      facts: { field, actual, rows },
    });
}

function checkColumn(column: BatchColumn, rows: number): void {
  switch (column.kind) {
    case 'number':
    case 'boolean':
      sameLength(column.name, column.values.length, rows);
      break;
    case 'timestamp':
      sameLength(column.name, column.valuesMs.length, rows);
      break;
    case 'text': {
      sameLength(column.name, column.codes.length, rows);
      const size = column.dictionary.length;
      for (let i = 0; i < rows; i++) {
        const code = column.codes[i] as number;
        if (code < 0 || code >= size)
          throw new PlatformError(
            'corrupt',
            `RecordBatch column ${column.name} has code ${code} outside its ${size} texts`,
          );
      }
    }
  }
  for (let i = 0; i < column.missing.length; i++) {
    const row = column.missing[i] as number;
    if (!(row >= 0 && row < rows))
      throw new PlatformError('corrupt', `RecordBatch column ${column.name} misses row ${row} of ${rows}`);
  }
}
