// The two calls by which a service takes a file in pieces: announce, then send from where it is.

import Type from 'typebox';
import { post, put } from './endpoint.js';
import { answer, body, count, sha256 } from './values.js';

/** @param what as in "a file for an import" */
export function announceUpload<const Path extends string>(path: Path, what: string) {
  return post({
    path,
    summary: `Announces ${what}; the same bytes again are the same upload, which goes on where it stopped.`,
    body: body({
      name: Type.String({
        minLength: 1,
        maxLength: 1_024,
        description: 'For people, and for the format by its ending.',
      }),
      bytes: Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER, description: 'Of the whole file.' }),
      sha256: sha256(),
    }),
    answer: answer({ uploadId: Type.String(), receivedBytes: count() }),
  });
}

export function sendUpload<const Path extends string>(path: Path) {
  return put({
    path,
    summary: 'Takes the next bytes of a file; 409 names `receivedBytes` where the offset is another.',
    query: body({ offset: count('Bytes that were sent before.') }),
    body: Type.Unsafe<Uint8Array>({ description: 'Bytes of the file from `offset` on, as many as there are.' }),
    bodyType: 'application/octet-stream',
    answer: answer({ receivedBytes: count() }),
  });
}
