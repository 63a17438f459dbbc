// Codec of topic records.v1: proto millrace.data.v1.Record. Refuses a record without project or id, and numbers that
// are not finite; an absent column and an empty Value both mean "missing", an empty entity that the project has none.

import { PlatformError, type RecordRow, type Scalar } from '@millrace/domain';
import { WireWriter } from '@millrace/wire';
import { readScalarEntry, required, topicReader, writeScalarEntry } from './topic-wire.js';

/** A record as it travels; event time 0 is the epoch, not "missing". */
export interface RecordMessage extends RecordRow {
  project: string;
  schemaHash: string;
  /** Who delivered it: "http", "grpc", "file:<name>", "kafka:<topic>". */
  source: string;
  /** Processing time. */
  ingestedAtMs: number;
}

const NO_TIMESTAMPS: ReadonlySet<string> = new Set();
const writer = WireWriter.growing();

/** `timestampColumns` names the columns whose numbers travel as int64 milliseconds instead of doubles. */
export function encodeRecord(record: RecordMessage, timestampColumns: ReadonlySet<string> = NO_TIMESTAMPS): Uint8Array {
  writer.reset();
  writer.text(1, record.project);
  writer.text(2, record.recordId);
  writer.text(3, record.entity);
  writer.int(4, record.eventTimeMs);
  const values = record.values;
  for (const name in values) writeScalarEntry(writer, 5, name, values[name] as Scalar, timestampColumns.has(name));
  writer.text(6, record.schemaHash);
  writer.text(7, record.source);
  writer.int(8, record.ingestedAtMs);
  return writer.finish();
}

export function decodeRecord(bytes: Uint8Array): RecordMessage {
  const reader = topicReader(bytes);
  const values: Record<string, Scalar> = {};
  let project = '';
  let recordId = '';
  let entity = '';
  let eventTimeMs = 0;
  let schemaHash = '';
  let source = '';
  let ingestedAtMs = 0;
  let isOdd = false;
  while (reader.more()) {
    const tag = reader.tag();
    switch (tag) {
      case 10: // 1 project
        project = reader.name();
        break;
      case 18: // 2 record_id
        recordId = reader.text();
        break;
      case 26: // 3 entity
        entity = reader.text();
        break;
      case 32: // 4 event_time_ms
        eventTimeMs = reader.int();
        break;
      case 42: {
        // 5 values
        const value = readScalarEntry(reader, values);
        isOdd ||= typeof value === 'number' && !Number.isFinite(value);
        break;
      }
      case 50: // 6 schema_hash
        schemaHash = reader.name();
        break;
      case 58: // 7 source
        source = reader.name();
        break;
      case 64: // 8 ingested_at_ms
        ingestedAtMs = reader.int();
        break;
      default:
        reader.skip(tag);
    }
  }
  required(project, 'Record', 'project');
  required(recordId, 'Record', 'record_id');
  if (isOdd) refuseOdd(values);
  return { project, recordId, entity, eventTimeMs, values, schemaHash, source, ingestedAtMs };
}

/** Of a name that comes twice the last value counts. */
function refuseOdd(values: Readonly<Record<string, Scalar>>): void {
  for (const name in values) {
    const value = values[name];
    if (typeof value === 'number' && !Number.isFinite(value))
      throw new PlatformError('corrupt', `Record column ${name} is ${value}`, { facts: { column: name } });
  }
}
