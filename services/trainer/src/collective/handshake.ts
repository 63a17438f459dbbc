// What a connecting rank shows on a gradient socket, and frame headers. All integers little endian.
//
//   hello  = "MLRC" generation:u32 rank:u32 token:32 bytes        (44 bytes)
//   answer = 1 byte: 1 = welcome (anything else, or the end of the stream, is a refusal)
//   frame  = sequence:u32 length:u32 payload

export const TOKEN_BYTES = 32;
export const HELLO_BYTES = 12 + TOKEN_BYTES;
export const FRAME_HEADER_BYTES = 8;
export const WELCOME = 1;

const MAGIC = 0x43524c4d; // "MLRC"

export interface PeerHello {
  generation: number;
  rank: number;
  token: Uint8Array;
}

export function encodeHello(hello: PeerHello): Uint8Array {
  const bytes = new Uint8Array(HELLO_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC, true);
  view.setUint32(4, hello.generation, true);
  view.setUint32(8, hello.rank, true);
  bytes.set(hello.token.subarray(0, TOKEN_BYTES), 12);
  return bytes;
}

/** null where the bytes are no hello. */
export function decodeHello(bytes: Uint8Array): PeerHello | null {
  if (bytes.length < HELLO_BYTES) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(0, true) !== MAGIC) return null;
  return { generation: view.getUint32(4, true), rank: view.getUint32(8, true), token: bytes.slice(12, HELLO_BYTES) };
}

export function encodeFrameHeader(sequence: number, length: number): Uint8Array {
  const bytes = new Uint8Array(FRAME_HEADER_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, sequence >>> 0, true);
  view.setUint32(4, length, true);
  return bytes;
}
