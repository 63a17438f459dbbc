// Codec of topic labels.v1: proto millrace.data.v1.Label. Refuses a label without project, one that belongs to
// neither a record nor a prediction, and a value that is not finite. An empty entity means that the project has none.

import { type LabelRow, PlatformError } from '@millrace/domain';
import { WireWriter } from '@millrace/wire';
import { required, topicReader } from './topic-wire.js';

/** A label as it travels. */
export interface LabelMessage extends LabelRow {
  project: string;
  source: string;
  /** Processing time. */
  ingestedAtMs: number;
}

const writer = WireWriter.growing(1024);

export function encodeLabel(label: LabelMessage): Uint8Array {
  writer.reset();
  writer.text(1, label.project);
  writer.text(2, label.entity);
  writer.text(3, label.recordId);
  writer.text(4, label.predictionId);
  writer.doubleField(5, label.value);
  writer.int(6, label.eventTimeMs);
  writer.int(7, label.knownAtMs);
  writer.text(8, label.source);
  writer.int(9, label.ingestedAtMs);
  return writer.finish();
}

export function decodeLabel(bytes: Uint8Array): LabelMessage {
  const reader = topicReader(bytes);
  const label: LabelMessage = {
    project: '',
    entity: '',
    recordId: '',
    predictionId: '',
    value: 0,
    eventTimeMs: 0,
    knownAtMs: 0,
    source: '',
    ingestedAtMs: 0,
  };
  while (reader.more()) {
    const tag = reader.tag();
    switch (tag) {
      case 10: // 1 project
        label.project = reader.name();
        break;
      case 18: // 2 entity
        label.entity = reader.text();
        break;
      case 26: // 3 record_id
        label.recordId = reader.text();
        break;
      case 34: // 4 prediction_id
        label.predictionId = reader.text();
        break;
      case 41: // 5 value
        label.value = reader.double();
        break;
      case 48: // 6 event_time_ms
        label.eventTimeMs = reader.int();
        break;
      case 56: // 7 known_at_ms
        label.knownAtMs = reader.int();
        break;
      case 66: // 8 source
        label.source = reader.name();
        break;
      case 72: // 9 ingested_at_ms
        label.ingestedAtMs = reader.int();
        break;
      default:
        reader.skip(tag);
    }
  }
  required(label.project, 'Label', 'project');
  if (label.recordId === '') required(label.predictionId, 'Label', 'record_id or prediction_id');
  if (!Number.isFinite(label.value)) throw new PlatformError('corrupt', `Label value is ${label.value}`);
  return label;
}
