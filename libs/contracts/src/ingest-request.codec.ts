// Codecs of IngestService's streams: proto millrace.ingest.v1. Requests are too many for protobuf-es. Values are raw,
// as the sender gave them, not finite or beyond 2^53 too: what they must be is the schema's business, and a bad one is
// that record's fault alone. Malformed bytes are the sender's (`invalid_argument`); an absent value and an empty one
// both mean "missing".

import type { Scalar } from '@millrace/domain';
import { bytesTag, doubleTag, varintTag, WireReader, WireWriter } from '@millrace/wire';
import type { Reason } from './dead-letter.codec.js';

export interface RecordGiven {
  recordId: string;
  values: Record<string, Scalar>;
}

export interface LabelGiven {
  recordId: string;
  predictionId: string;
  entity: string;
  eventTimeMs: number;
  knownAtMs: number;
  /** Null where the outcome is given raw, or not at all. */
  value: number | null;
  raw: Scalar;
}

export interface IngestRequest<T> {
  project: string;
  /** A bigint where no number holds it. */
  sequence: number | bigint;
  items: T[];
  /** Of records that bring no id: "<clientId>/<recordSequence>" and on; "" = none. */
  clientId: string;
  recordSequence: number | bigint;
}

interface IngestRejection {
  index: number;
  recordId: string;
  reasons: readonly Reason[];
}

interface IngestAnswer {
  sequence: number | bigint;
  accepted: number;
  rejections: readonly IngestRejection[];
}

/** Of texts that are not UTF-8 what can be read. */
const RULES = { code: 'invalid_argument', badText: 'replace' } as const;

function readValue(reader: WireReader, limit: number): Scalar {
  const end = reader.lengthEnd(limit);
  let value: Scalar = null;
  while (reader.at < end) {
    const tag = reader.tag();
    if (tag === doubleTag(1)) value = reader.double();
    else if (tag === bytesTag(2)) value = reader.name(end);
    else if (tag === varintTag(3)) value = reader.bool();
    else if (tag === varintTag(4)) value = reader.nearestInt();
    else reader.skip(tag, end);
  }
  reader.finish(end);
  return value;
}

function readEntry(reader: WireReader, into: Record<string, Scalar>, limit: number): void {
  const end = reader.lengthEnd(limit);
  let name = '';
  let value: Scalar = null;
  while (reader.at < end) {
    const tag = reader.tag();
    if (tag === bytesTag(1)) name = reader.name(end);
    else if (tag === bytesTag(2)) value = readValue(reader, end);
    else reader.skip(tag, end);
  }
  reader.finish(end);
  // Assigned, it would be no column and nobody would be told.
  if (name === '__proto__') Object.defineProperty(into, name, { value, enumerable: true, configurable: true });
  else into[name] = value;
}

function readRecord(reader: WireReader): RecordGiven {
  const end = reader.lengthEnd();
  const record: RecordGiven = { recordId: '', values: {} };
  while (reader.at < end) {
    const tag = reader.tag();
    if (tag === bytesTag(1)) record.recordId = reader.text(end);
    else if (tag === bytesTag(2)) readEntry(reader, record.values, end);
    else reader.skip(tag, end);
  }
  reader.finish(end);
  return record;
}

function readLabel(reader: WireReader): LabelGiven {
  const end = reader.lengthEnd();
  const label: LabelGiven = {
    recordId: '',
    predictionId: '',
    entity: '',
    eventTimeMs: 0,
    knownAtMs: 0,
    value: null,
    raw: null,
  };
  while (reader.at < end) {
    const tag = reader.tag();
    switch (tag) {
      case bytesTag(1):
        label.recordId = reader.text(end);
        break;
      case bytesTag(2):
        label.predictionId = reader.text(end);
        break;
      case bytesTag(3):
        label.entity = reader.text(end);
        break;
      case varintTag(4):
        label.eventTimeMs = reader.nearestInt();
        break;
      case varintTag(5):
        label.knownAtMs = reader.nearestInt();
        break;
      case doubleTag(6):
        label.value = reader.double();
        label.raw = null;
        break;
      case bytesTag(7):
        label.raw = readValue(reader, end);
        label.value = null;
        break;
      default:
        reader.skip(tag, end);
    }
  }
  reader.finish(end);
  return label;
}

function decodeRequest<T>(bytes: Uint8Array, read: (reader: WireReader) => T): IngestRequest<T> {
  const reader = new WireReader(bytes, RULES);
  const request: IngestRequest<T> = { project: '', sequence: 0, items: [], clientId: '', recordSequence: 0 };
  while (reader.more()) {
    const tag = reader.tag();
    if (tag === bytesTag(1)) request.project = reader.name();
    else if (tag === varintTag(2)) request.sequence = reader.exactInt();
    else if (tag === bytesTag(3)) request.items.push(read(reader));
    else if (tag === bytesTag(4)) request.clientId = reader.name();
    else if (tag === varintTag(5)) request.recordSequence = reader.exactInt();
    else reader.skip(tag);
  }
  return request;
}

export function decodeIngestRecords(bytes: Uint8Array): IngestRequest<RecordGiven> {
  return decodeRequest(bytes, readRecord);
}

export function decodeIngestLabels(bytes: Uint8Array): IngestRequest<LabelGiven> {
  return decodeRequest(bytes, readLabel);
}

const writer = WireWriter.growing(1_024);

/** The same for records and labels. */
export function encodeIngestAnswer({ sequence, accepted, rejections }: IngestAnswer): Uint8Array {
  writer.reset();
  if (typeof sequence === 'number') writer.int(1, sequence);
  else {
    writer.byte(varintTag(1));
    writer.bigVarint(sequence);
  }
  writer.int(2, accepted);
  for (const { index, recordId, reasons } of rejections) {
    const rejection = writer.begin(3);
    writer.int(1, index);
    writer.text(2, recordId);
    for (const { code, field, message } of reasons) {
      const reason = writer.begin(3);
      writer.text(1, code);
      writer.text(2, field);
      writer.text(3, message);
      writer.end(reason);
    }
    writer.end(rejection);
  }
  return writer.finish();
}
