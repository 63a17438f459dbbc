// Bodies of REST requests and answers: gzip and deflate (zlib) both ways. A request is never larger than the bound,
// also after decompression, so that a small body cannot become a large one.

import { deflate, gunzip, gzip, inflate } from 'node:zlib';
import { PlatformError } from '@millrace/domain';
import { acceptedCoding, type Coding, codingOf } from '@millrace/inference';
import type { FastifyReply, FastifyRequest } from 'fastify';

/** Largest request body, before and after decompression: the same as a gRPC message. */
export const BODY_BYTES_MAX = 16 * 1024 * 1024;
/** Below this a compressed answer is not worth its time. */
const COMPRESSED_BYTES_MIN = 1024;
/** Tensors gain little from more: level 1 costs a third of the default. */
const COMPRESSION_LEVEL = 1;

/** On zlib's threads. */
function pack(coding: Coding, bytes: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const work = coding === 'gzip' ? gzip : deflate;
    work(bytes, { level: COMPRESSION_LEVEL }, (error, packed) => (error ? reject(error) : resolve(packed)));
  });
}

function unpack(coding: Coding, bytes: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const work = coding === 'gzip' ? gunzip : inflate;
    work(bytes, { maxOutputLength: BODY_BYTES_MAX }, (error, plain) => (error ? reject(error) : resolve(plain)));
  });
}

export function header(request: FastifyRequest, name: string): string {
  const value = request.headers[name];
  return (Array.isArray(value) ? value[0] : value) ?? '';
}

/** The bytes as they are meant. A promise only where they came compressed. */
export function bodyOf(request: FastifyRequest): Buffer | Promise<Buffer> {
  const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
  const name = header(request, 'content-encoding').trim().toLowerCase();
  if (name === '' || name === 'identity') return body;
  const coding = codingOf(name);
  if (coding === undefined) {
    throw new PlatformError('invalid_argument', `Content-Encoding '${name.slice(0, 32)}' is not gzip or deflate`);
  }
  return unpack(coding, body).catch((cause: { code?: string }) => {
    throw cause.code === 'ERR_BUFFER_TOO_LARGE'
      ? new PlatformError('invalid_argument', `the body has more than ${BODY_BYTES_MAX} bytes after decompression`)
      : new PlatformError('invalid_argument', `the body is not ${coding}: ${coding} data cannot be read`, { cause });
  });
}

/** Sends bytes, compressed where the caller accepts it and it is worth it. */
export function sendBytes(request: FastifyRequest, reply: FastifyReply, body: Uint8Array): void {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const accepted = bytes.length < COMPRESSED_BYTES_MIN ? undefined : acceptedCoding(header(request, 'accept-encoding'));
  if (accepted === undefined) {
    reply.send(bytes);
    return;
  }
  reply.header('vary', 'accept-encoding');
  pack(accepted, bytes).then(
    (packed) => {
      const smaller = packed.length < bytes.length;
      if (smaller) reply.header('content-encoding', accepted);
      reply.send(smaller ? packed : bytes);
    },
    // Out of memory or the like: the answer itself is fine.
    () => reply.send(bytes),
  );
}
