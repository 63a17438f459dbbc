// What the hand-written codecs of topics share beside libs/wire: millrace.data.v1.Value and maps of it, and what
// malformed bytes in a topic are. Same bytes as protobuf-es: checked in topic-wire.spec.ts.
// Measured on one core: 550k records/s each way, 1.0M predictions/s (protobuf-es: 167k and 386k records/s).

import { PlatformError, type Scalar } from '@millrace/domain';
import { bytesTag, doubleTag, varintTag, WireReader, type WireWriter } from '@millrace/wire';

const RULES = { code: 'corrupt', badText: 'replace' } as const;

/** A reader of one message of a topic; everything out of bounds is `corrupt`. */
export function topicReader(bytes: Uint8Array): WireReader {
  return new WireReader(bytes, RULES);
}

/** A Value in place. Non-finite numbers come as they are; the codec decides. */
export function readScalar(reader: WireReader, limit?: number): Scalar {
  const end = reader.lengthEnd(limit);
  let value: Scalar = null;
  while (reader.at < end) {
    const tag = reader.tag();
    switch (tag) {
      case doubleTag(1):
        value = reader.double();
        break;
      case bytesTag(2):
        value = reader.name(end);
        break;
      case varintTag(3):
        value = reader.int() !== 0;
        break;
      case varintTag(4):
        value = reader.int();
        break;
      default:
        reader.skip(tag, end);
    }
  }
  reader.finish(end);
  return value;
}

/** One entry of a map<string, Value>; gives its value. */
export function readScalarEntry(reader: WireReader, into: Record<string, Scalar>): Scalar {
  const end = reader.lengthEnd();
  let name = '';
  let value: Scalar = null;
  while (reader.at < end) {
    const tag = reader.tag();
    if (tag === bytesTag(1)) name = reader.name(end);
    else if (tag === bytesTag(2)) value = readScalar(reader, end);
    else reader.skip(tag, end);
  }
  reader.finish(end);
  if (name === '__proto__') reader.fault('column name __proto__');
  into[name] = value;
  return value;
}

/** A Value; null is an empty message ("missing"). `isTimestamp`: a number travels as an int64 instead of a double. */
export function writeScalar(writer: WireWriter, field: number, value: Scalar, isTimestamp = false): void {
  if (value === null) writer.open(field, 0);
  else if (typeof value === 'number') {
    if (isTimestamp) {
      const start = writer.begin(field);
      writer.intAlways(4, value);
      writer.end(start);
    } else {
      writer.open(field, 9);
      writer.byte(doubleTag(1));
      writer.double(value);
    }
  } else if (typeof value === 'string') {
    const start = writer.begin(field);
    writer.textAlways(2, value);
    writer.end(start);
  } else {
    writer.open(field, 2);
    writer.byte(varintTag(3));
    writer.byte(value ? 1 : 0);
  }
}

/** One entry of a map<string, Value>. */
export function writeScalarEntry(
  writer: WireWriter,
  field: number,
  name: string,
  value: Scalar,
  isTimestamp: boolean,
): void {
  const start = writer.begin(field);
  writer.textAlways(1, name);
  writeScalar(writer, 2, value, isTimestamp);
  writer.end(start);
}

/** A required text: empty means that the field is missing. */
export function required(value: string, message: string, field: string): string {
  if (value === '') throw new PlatformError('corrupt', `${message} without ${field}`, { facts: { message, field } });
  return value;
}
