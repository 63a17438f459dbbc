// Message compression of requests: gzip and deflate are taken, answers leave uncompressed.

import { gunzipSync, inflateSync } from 'node:zlib';
import { PlatformError } from '@millrace/domain';
import type { WireMessage } from './wire.js';

/** For grpc-accept-encoding, where a client asked for something else. */
export const ACCEPTED_ENCODINGS = 'identity,gzip,deflate';

/** The message's bytes; throws invalid_argument or unimplemented. Decompressed bytes have the same bound as others. */
export function decompressed(message: WireMessage, encoding: string, bytesMax: number): Uint8Array {
  if (!message.compressed) return message.bytes;
  const bound = { maxOutputLength: bytesMax };
  try {
    if (encoding === 'gzip') return gunzipSync(message.bytes, bound);
    if (encoding === 'deflate') return inflateSync(message.bytes, bound);
  } catch (cause) {
    if ((cause as { code?: string }).code === 'ERR_BUFFER_TOO_LARGE')
      throw new PlatformError('overloaded', `the ${encoding} message has more than ${bytesMax} bytes`, { cause });
    throw new PlatformError('invalid_argument', `the ${encoding} message cannot be read`, { cause });
  }
  throw new PlatformError(
    'unimplemented',
    `grpc-encoding '${encoding.slice(0, 32)}' is not among ${ACCEPTED_ENCODINGS}`,
  );
}
