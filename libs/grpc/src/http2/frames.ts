// HTTP/2's numbers (RFC 9113): frame types, flags, errors, settings, and how a frame's head is written.
//   frame = length (3 bytes) type flags stream (4 bytes) payload

export const FRAME_HEAD_BYTES = 9;
export const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');

export const DATA = 0;
export const HEADERS = 1;
export const PRIORITY = 2;
export const RST_STREAM = 3;
export const SETTINGS = 4;
export const PUSH_PROMISE = 5;
export const PING = 6;
export const GOAWAY = 7;
export const WINDOW_UPDATE = 8;
export const CONTINUATION = 9;

export const END_STREAM = 1;
export const ACK = 1;
export const END_HEADERS = 4;
export const PADDED = 8;
export const WITH_PRIORITY = 32;

export const NO_ERROR = 0;
export const PROTOCOL_ERROR = 1;
export const FLOW_CONTROL_ERROR = 3;
export const STREAM_CLOSED = 5;
export const FRAME_SIZE_ERROR = 6;
export const REFUSED_STREAM = 7;
export const CANCEL = 8;
export const COMPRESSION_ERROR = 9;
export const ENHANCE_YOUR_CALM = 11;

export const SETTING_HEADER_TABLE_SIZE = 1;
export const SETTING_ENABLE_PUSH = 2;
export const SETTING_MAX_CONCURRENT_STREAMS = 3;
export const SETTING_INITIAL_WINDOW_SIZE = 4;
export const SETTING_MAX_FRAME_SIZE = 5;
export const SETTING_MAX_HEADER_LIST_SIZE = 6;

/** Of a window before anybody says otherwise. */
export const WINDOW_BYTES_DEFAULT = 65_535;
export const WINDOW_BYTES_MAX = 2 ** 31 - 1;
/** Largest payload of a frame before a peer allows more. */
export const FRAME_BYTES_DEFAULT = 16_384;
export const FRAME_BYTES_MAX = 2 ** 24 - 1;
/** "No stream is excluded yet" in a GOAWAY. */
export const ANY_STREAM = 2 ** 31 - 1;

/** Returns the end of the head. */
export function writeFrameHead(
  into: Buffer,
  at: number,
  length: number,
  type: number,
  flags: number,
  stream: number,
): number {
  into[at] = length >>> 16;
  into[at + 1] = length >>> 8;
  into[at + 2] = length;
  into[at + 3] = type;
  into[at + 4] = flags;
  into[at + 5] = stream >>> 24;
  into[at + 6] = stream >>> 16;
  into[at + 7] = stream >>> 8;
  into[at + 8] = stream;
  return at + FRAME_HEAD_BYTES;
}

export function uint32At(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at] as number) * 16_777_216 +
    (((bytes[at + 1] as number) << 16) | ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number))
  );
}
