// Float32 values as bytes and back, as working files and packages hold them (little-endian).

import { PlatformError } from '@millrace/domain';

/** A view, no copy. */
export function bytesOf(values: Float32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

/** A copy: bytes of a file need not lie at a multiple of four. `path` is for the message only. */
export function floatsOf(bytes: Uint8Array, path: string): Float32Array {
  if (bytes.length % 4 !== 0) throw new PlatformError('corrupt', `${path} is no float32 file`);
  return new Float32Array(bytes.slice().buffer as ArrayBuffer);
}
