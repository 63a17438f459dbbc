// OFREP 0.3 (OpenFeature's remote evaluation protocol) on the control port: one flag, or all with an ETag. A scope of
// its own on the bare server, for the protocol has its own error body. No decisions here.

import { createHash } from 'node:crypto';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { contextOf, type FlagFault, type Flags, notFound } from './flags.js';

const ONE = '/ofrep/v1/evaluate/flags/:key';
const ALL = '/ofrep/v1/evaluate/flags';
const BAD_REQUEST = 400;
const NOT_FOUND = 404;
const NOT_MODIFIED = 304;

export function registerOfrep(instance: FastifyInstance, flags: Flags): void {
  void instance.register((scope, _options, done) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, text, parsed) => {
      try {
        parsed(null, JSON.parse(text as string));
      } catch {
        // Where in the text it breaks helps nobody who let a library write it; what is expected does.
        parsed(null, undefined);
      }
    });
    scope.setErrorHandler((error: { statusCode?: number; code?: string }, request, reply) => {
      const { key } = request.params as { key?: string };
      // The server's own refusals: a body too large, another media type. Anything else goes to the frame's handler.
      if ((error.statusCode ?? 500) >= 500) throw error;
      refuse(reply, BAD_REQUEST, refusalOf(error), key);
    });
    scope.post<{ Params: { key: string } }>(ONE, (request, reply) => {
      const { key } = request.params;
      const read = contextOf(request.body);
      if (read.kind === 'fault') return refuse(reply, BAD_REQUEST, read.fault, key);
      const value = flags.evaluate(key, read.context);
      if (value === undefined) return refuse(reply, NOT_FOUND, notFound(key), key);
      return reply.send(value);
    });
    scope.post(ALL, (request, reply) => {
      const read = contextOf(request.body);
      if (read.kind === 'fault') return refuse(reply, BAD_REQUEST, read.fault);
      const text = JSON.stringify({ flags: flags.evaluateAll(read.context) });
      const etag = `"${createHash('sha256').update(text).digest('base64url')}"`;
      reply.header('etag', etag).header('cache-control', 'no-cache');
      if (isKnown(request.headers['if-none-match'], etag)) return reply.status(NOT_MODIFIED).send();
      return reply.type('application/json').send(text);
    });
    done();
  });
}

function refuse(reply: FastifyReply, status: number, fault: FlagFault, key?: string): FastifyReply {
  return reply.status(status).send(key === undefined ? fault : { key: key.slice(0, 64), ...fault });
}

function refusalOf({ statusCode, code = '' }: { statusCode?: number; code?: string }): FlagFault {
  if (statusCode === 413) return { errorCode: 'INVALID_CONTEXT', errorDetails: 'the context is too large' };
  if (statusCode === 415) return { errorCode: 'PARSE_ERROR', errorDetails: 'the content-type is application/json' };
  return { errorCode: 'PARSE_ERROR', errorDetails: `the request cannot be read${code === '' ? '' : `: ${code}`}` };
}

/** Of a list of entity tags; a weak one names the same answer here. */
function isKnown(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false;
  return header.split(',').some((one) => {
    const tag = one.trim().replace(/^W\//, '');
    return tag === '*' || tag === etag;
  });
}
