// Protobuf's wire format by hand, for messages that are too many for protobuf-es: one reader, one writer, UTF-8 texts.

export { decodeText, decodeTextLossy, encodeText, textBytes, writeText } from './text.js';
export {
  bytesTag,
  doubleTag,
  malformed,
  varintTag,
  WIRE_32,
  WIRE_64,
  WIRE_BYTES,
  WIRE_VARINT,
  WireReader,
} from './wire-reader.js';
export {
  type Allocate,
  bigVarintBytes,
  delimitedBytes,
  newBytes,
  textFieldBytes,
  varintBytes,
  WireWriter,
} from './wire-writer.js';
