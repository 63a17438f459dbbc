// The bytes of a request's body as they come, for services whose bodies of bytes are streams (HttpParts.streams). A
// sender that is silent for too long is cut off; what it sent before has been given on.

import type { Readable } from 'node:stream';
import { PlatformError } from '@millrace/domain';

/** Longer than any disk or network that works stays away. */
const SILENT_MS_MAX = 30_000;

/** @throws PlatformError where the body is no stream, where nothing comes for too long, or the sender goes away */
export function sentPieces(body: unknown): AsyncIterable<Uint8Array> {
  if (typeof (body as Partial<Readable> | undefined)?.pipe === 'function') return heard(body as Readable);
  throw new PlatformError('invalid_argument', 'send the bytes with content-type application/octet-stream');
}

async function* heard(stream: Readable): AsyncIterable<Uint8Array> {
  const silence = setTimeout(() => {
    stream.destroy(new PlatformError('deadline_exceeded', `nothing came for ${SILENT_MS_MAX / 1_000} s`));
  }, SILENT_MS_MAX);
  try {
    for await (const piece of stream) {
      yield piece as Uint8Array;
      silence.refresh();
    }
  } catch (thrown) {
    throw PlatformError.from(thrown, 'cancelled');
  } finally {
    clearTimeout(silence);
  }
}
